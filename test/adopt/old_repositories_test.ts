/** Repositories as they are found years later: old packages, data that is elsewhere, notebooks that go their own ways. */

import assert from "node:assert/strict";
import { propose } from "../../tasks/lib/adopt/propose.ts";
import { printedValues } from "../../tasks/lib/adopt/printed_values.ts";
import { Project } from "../support/project.ts";

async function proposed(files: Record<string, string>, day?: string) {
  await using project = await Project.make(files);
  if (day !== undefined) await committed(project, day);
  const { text = "", proposal } = await propose(project.root);
  return { text, notes: proposal.notes.join("\n") };
}

async function committed(project: Project, day: string) {
  const env = { GIT_COMMITTER_DATE: `${day}T12:00:00Z`, GIT_AUTHOR_DATE: `${day}T12:00:00Z` };
  const who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"];
  for (const args of [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]]) {
    const { success } = await new Deno.Command("git", { args: [...who, ...args], cwd: project.root, env })
      .output();
    assert.ok(success, args.join(" "));
  }
}

function notebook(cells: [source: string, printed: string][], metadata: object = {}): string {
  const code = cells.map(([source, text]) => ({
    cell_type: "code",
    execution_count: 1,
    metadata: {},
    source,
    outputs: text === "" ? [] : [{ output_type: "stream", name: "stdout", text }],
  }));
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells: code });
}

Deno.test("new proposes the packages of the day of the newest commit, where nothing locks them", async (t) => {
  const script = { "train.py": "import numpy\nopen('a.txt', 'w')\n" };
  const cases: [
    name: string,
    files: Record<string, string>,
    day: string | undefined,
    wanted: RegExp | undefined,
  ][] = [
    [
      "imports alone",
      script,
      "2021-03-04",
      /as_of: 2021-03-04 # found in the newest commit of its code, \w+, a guess/,
    ],
    ["ranges", { ...script, "requirements.txt": "numpy>=1\n" }, "2021-03-04", /as_of: 2021-03-04/],
    ["a lock", { ...script, "poetry.lock": "" }, "2021-03-04", undefined],
    ["conda", { ...script, "environment.yml": "dependencies: [numpy]\n" }, "2021-03-04", undefined],
    ["code of today", script, new Date().toISOString().slice(0, 10), undefined],
    ["no git", script, undefined, undefined],
  ];
  for (const [name, files, day, wanted] of cases) {
    await t.step(name, async () => {
      const { text } = await proposed(files, day);
      if (wanted === undefined) assert.doesNotMatch(text, /as_of/);
      else assert.match(text, wanted);
    });
  }
});

Deno.test("new puts the script that writes a missing input before the pipeline, and names what nobody writes", async () => {
  const { text, notes } = await proposed({
    "dvc.yaml": "stages:\n  fit: { cmd: python fit.py, deps: [data, other.csv], metrics: [score.json] }\n",
    "data.dvc": "outs: [{ path: data }]\n",
    "other.csv.dvc": "outs: [{ path: other.csv }]\n",
    "fit.py": "import pandas\npandas.read_csv('data/a.csv')\nopen('score.json', 'w')\n",
    "make_data.py": "import numpy\nnumpy.savetxt('data/a.csv', [1])\n",
    "score.json": '{"accuracy": 0.75}',
    "raw/x.csv.dvc": "outs: [{ path: x.csv }]\n",
    "raw/y.csv.dvc": "outs: [{ path: y.csv }]\n",
  });
  assert.match(text, /make_data: # found in make_data\.py:1, which writes what is not here, a guess/);
  assert.match(text, /fit: # found in dvc\.yaml:2\n.*\n {4}needs: \[make_data\]/);
  assert.match(
    notes,
    /"fit" reads other\.csv, which is not here, and no step is seen to write it: other\.csv\.dvc says where it is, and dvc pull/,
  );
  assert.match(
    notes,
    /raw\/x\.csv, and 1 more, is not here: raw\/x\.csv\.dvc says where it is, and dvc pull gets it/,
  );
});

Deno.test("new makes notebooks that do not need each other optional, and leaves out those of old Pythons", async () => {
  const { text, notes } = await proposed({
    "a.ipynb": notebook([["import pandas\npandas.read_csv('gone/x.csv')", "accuracy: 0.75\n"]]),
    "b.ipynb": notebook([["print(1)", "loss: 0.25\n"]], {
      language_info: { version: "2.7.6" },
      kernelspec: { name: "python3" },
    }),
    "c.ipynb": notebook([["print 1", "loss: 0.5\n"]], { kernelspec: { name: "python2" } }),
    "d.ipynb": notebook([["import tensorflow as tf\ntf.placeholder(tf.float32)", "loss: 0.5\n"]]),
    "e.ipynb": notebook([["import tensorflow.compat.v1 as tf\ntf.placeholder(1)", "loss: 0.125\n"]]),
  });
  for (const name of ["a", "b", "e"]) {
    assert.match(text, new RegExp(`^    notebook: ${name}\\.ipynb\\n    optional: true`, "m"));
  }
  assert.match(text, /# perhaps, it is of Python 2, in cell 1:\n {2}# c:/);
  assert.match(text, /# perhaps, it needs TensorFlow 1, .*:\n {2}# d:/);
  assert.match(notes, /"a" reads gone\/x\.csv, which is not here/);
  const { text: one } = await proposed({ "a.ipynb": notebook([["print(1)", "accuracy: 0.75\n"]]) });
  assert.doesNotMatch(one, /optional/);
});

Deno.test("new claims lines of a text that a step writes, and no settings that were stored beside them", async () => {
  const { text } = await proposed({
    "train.py": "open('metrics.txt', 'w')\nopen('out/params.json', 'w')\n",
    "metrics.txt": "Accuracy: 0.872\nelapsed: 3.5 s\n",
    "out/params.json": '{"alpha": 0.5}',
  });
  assert.match(text, /name: Accuracy, metrics\.txt # found in metrics\.txt:1\n.*\n {4}value: 0\.872/);
  assert.doesNotMatch(text, /elapsed|alpha/);
});

Deno.test("new keeps the GPU's dev container on an image that has its user", async (t) => {
  const images = {
    "python:3.10-slim": /gpu-jupyter/,
    "cschranz/gpu-jupyter:v1.6_cuda-11.8_ubuntu-22.04": /v1\.6_/,
  };
  for (const [image, wanted] of Object.entries(images)) {
    await t.step(image, async () => {
      await using project = await Project.make({
        Dockerfile: `FROM ${image}\n`,
        "train.py": "open('a.txt', 'w')\n",
      });
      const { stdout } = await project.task("new", ["--plan", "--json"]);
      const change = JSON.parse(stdout).changes.find(({ path }: { path: string }) => path.includes("gpu/"));
      const { image: named, remoteUser } = JSON.parse(change.after.replace(/^\/\/.*\n/, ""));
      assert.equal(remoteUser, "jovyan");
      assert.match(named, wanted);
    });
  }
});

Deno.test("new takes a program that serves for no step", async () => {
  const { text } = await proposed({
    "serve.py": "import flask\nif __name__ == '__main__':\n    flask.Flask('a').run()\n",
    "train.py": "open('a.txt', 'w')\n",
  });
  assert.match(text, /^ {2}train:/m);
  assert.match(text, /# perhaps, it serves, and does not end:\n {2}# serve:/);
});

Deno.test("printedValues() leaves out counters, settings, clocks and sentences", () => {
  const text = `step 100, dt 2.19s, train_acc 96.9
step 200, dt 2.20s, train_acc 97.1
It: 0, Loss: 0.5
It: 100, Loss: 0.25
It: 200, Loss: 0.125
accuracy with lambda = 0.05 : 0.947
accuracy with lambda = 1 : 0.963
KNeighborsClassifier(n_neighbors=13)
        max_df=1.0, min_df=1, norm=None,
        tol=0.0001,
[Text(0.5, 0, "Hours")]
timeElapsed: 0.0156
The contrib module will not be included in TensorFlow 2.0
the mean test accuracy over ten folds is 0.93`;
  const found = printedValues(text.split("\n").map((line) => ({ text: line, found: "a" })));
  assert.deepEqual(found.map(({ label, values }) => [label, values.join(" ")]), [
    ["train_acc", "96.9 97.1"],
    ["Loss", "0.5 0.25 0.125"],
    ["accuracy with lambda", "0.947 0.963"],
    ["the mean test accuracy over ten folds is", "0.93"],
  ]);
});

Deno.test("new puts the root on the path of a script in a folder that imports what stands there", async () => {
  const { text } = await proposed({
    "README.md": "# A\n```\npython examples/run.py\npython examples/alone.py\n```\n",
    "mine/__init__.py": "",
    "examples/run.py": "from mine import x\nif __name__ == '__main__': pass\n",
    "examples/alone.py": "import numpy\nif __name__ == '__main__': pass\n",
  });
  assert.match(text, /run: \[python, examples\/run\.py\]\n {4}env: \{ PYTHONPATH: "\." \}\n/);
  assert.match(text, /run: \[python, examples\/alone\.py\]\n(?! {4}env)/);
});

Deno.test("new says why nothing can be run, where notebooks are of Python 2; those that Python 3 reads are proposed", async () => {
  await using project = await Project.make({
    "old.ipynb": notebook([["print 1", "loss: 0.5\n"]], { kernelspec: { name: "python2" } }),
  });
  const { code, stderr } = await project.task("new", ["--plan"]);
  assert.equal(code, 2);
  assert.match(stderr, /old \(old\.ipynb\): it is of Python 2, in cell 1/);
  const { text } = await proposed({
    "fits.ipynb": notebook([["print(1)", "loss: 0.5\n"]], { kernelspec: { name: "python2" } }),
  });
  assert.match(text, /notebook: fits\.ipynb/);
});

Deno.test("new takes a module that does nothing by itself for no script, and no comment in code for the title", async () => {
  const { text } = await proposed({
    "README.md": "Words\n```\n# not the title\npython x\n```\n\n# The title\n",
    "pack/trainer.py": "class Trainer: pass\n",
    "main.py": "print(sum([1, 2]))\n",
  });
  assert.match(text, /^title: The title #/m);
  assert.match(text, /run: \[python, main\.py\]/);
  assert.doesNotMatch(text, /trainer/);
});

Deno.test("new proposes what can at least be run, where nothing can be claimed", async () => {
  const bare = notebook([["x = 1", ""]]);
  const { text } = await proposed({ "study.ipynb": bare });
  assert.match(text, /study: # found in study\.ipynb, a guess\n {4}notebook: study\.ipynb\n/);
  const { text: script } = await proposed({
    "logistic.py": "import pandas\nprint(pandas.read_csv('data.csv'))\n",
  });
  assert.match(script, /run: \[python, logistic\.py\]/);
  const { text: both } = await proposed({
    "study.ipynb": bare,
    "old.ipynb": notebook([["%matplotlib inline\nprint 1", "accuracy: 0.5\n"]], {
      kernelspec: { name: "ml" },
    }),
    "good.ipynb": notebook([["print(1)", "accuracy: 0.5\n"]]),
  });
  assert.match(both, /^ {4}notebook: good\.ipynb/m);
  assert.match(both, /# perhaps, it is of Python 2, in cell 1:\n {2}# old:/);
  assert.match(both, /# perhaps, it stores nothing that could be claimed:\n {2}# study:/);
});

Deno.test("printedValues() takes no date and no glued number for words, and calls a coefficient by its factor", () => {
  const text = `Date: Wed, 15 Nov 2023 prob: 1.5e-42
Date: Thu, 16 Nov 2023 prob: 2.5e-12
made on 2023-11-15, loss: 0.5
line: y = 7.25 + 0.0475X
line: y = 2.5 + 0.25*tv + -0.125*radio
noise: 2.220446049250313e-16`;
  const lines = text.split("\n").map((line) => ({ text: line, found: "a" }));
  const found = printedValues(lines);
  assert.deepEqual(found.map(({ label, values }) => [label, values.join(" ")]), [
    ["prob", "1.5e-42 2.5e-12"],
    ["loss", "0.5"],
    ["line: y", "7.25"],
    ["line: y", "2.5"],
    ["coefficient of tv", "0.25"],
    ["coefficient of radio", "-0.125"],
  ]);
  const later = `Date: Sat, 1 Mar 2025 prob: 1.5e-42
made on 2025-03-01, loss: 0.5
line: y = 7.25 + 0.0476X`.split("\n");
  for (const [index, line] of later.entries()) assert.match(line, new RegExp(found[index]!.pattern));
});

Deno.test("new gives all digits of a double the tolerance that other processors need, and fewer digits none", async () => {
  const { text } = await proposed({
    "a.ipynb": notebook([["print(1)", "sum: 0.8972106381789521\nshort: 0.897\n"]]),
    "metrics.json": '{"auc": 0.9123456789012345, "f1": 0.91}',
    "dvc.yaml": "stages:\n  train:\n    cmd: python train.py\n    metrics: [metrics.json]\n",
    "train.py": "x = 1\n",
  });
  const claims = text.split(/^ {2}- /m).slice(1);
  for (const claim of claims) {
    assert.equal(
      /tolerance: \{ relative: 1e-9, because: /.test(claim),
      /value: 0\.\d{16}/.test(claim),
      claim,
    );
  }
  assert.match(text, /value: 0\.9123456789012345\n/);
  const { text: printed } = await proposed({
    "a.ipynb": notebook([["print(1)", "sum: 0.8972106381789521\nshort: 0.897\n"]]),
  });
  assert.match(printed, /value: 0\.8972106381789521\n {4}tolerance: \{ relative: 1e-9/);
  assert.match(printed, /value: 0\.897\n(?! {4}tolerance)/);
});

Deno.test("new claims nothing that an estimator prints of itself over several lines", async () => {
  const { text } = await proposed({
    "a.ipynb": notebook([[
      "print(search)",
      "Search(cv=5, error_score=nan,\n       params={'alpha': [1e-15, 1e-10,\n                         5, 10]},\n       depth: 2.5)\nscore: 0.5\n",
    ]]),
  });
  assert.deepEqual([...text.matchAll(/- name: (.*?) #/g)].map(([, name]) => name), ["score"]);
});

Deno.test("new claims no number that is drawn, unless the notebook sets a seed", async () => {
  const drawn = (source: string) => {
    const one = JSON.parse(notebook([[source, ""], ["np.random.rand()", ""]]));
    one.cells[1].outputs = [{ output_type: "execute_result", data: { "text/plain": ["0.6695"] } }];
    return JSON.stringify(one);
  };
  const { text } = await proposed({ "a.ipynb": drawn("import numpy as np") });
  assert.doesNotMatch(text, /0\.6695/);
  const { text: seeded } = await proposed({ "a.ipynb": drawn("np.random.seed(3)") });
  assert.match(seeded, /value: 0\.6695/);
});

Deno.test("new takes the packages that the proposed steps import, by modules of the repository too", async () => {
  const { text } = await proposed({
    "good.ipynb": notebook([["import numpy\nfrom lib.tools import x", "loss: 0.5\n"]]),
    "lib/__init__.py": "",
    "lib/tools.py": "import scikitplot\n",
    "colab.ipynb": notebook([["import google.colab\nimport autosklearn", "loss: 0.5\n"]]),
  });
  assert.match(text, /install: \[numpy, scikit-plot, ipykernel/);
});

Deno.test("new puts the root on the path of a notebook in a folder that imports what stands there", async () => {
  const { text } = await proposed({
    "src/__init__.py": "",
    "notebooks/a.ipynb": notebook([["from src import x", "loss: 0.5\n"]]),
  });
  assert.match(text, /notebook: notebooks\/a\.ipynb\n {4}env: \{ PYTHONPATH: "\." \}\n/);
});

Deno.test("new lists what pandas needs for a method that is called, and what it is not called for it leaves out", async () => {
  const { text } = await proposed({
    "a.ipynb": notebook([
      ["import pandas as pd", ""],
      ["pd.read_excel('old.xls').plot(kind='density')", "loss: 0.5\n"],
    ]),
    "old.xls": "x",
  });
  assert.match(text, /install: \[pandas, scipy, xlrd, ipykernel/);
  const { text: other } = await proposed({ "a.ipynb": notebook([["import numpy\nx.kde()", "loss: 0.5\n"]]) });
  assert.match(other, /install: \[numpy, ipykernel/);
});

Deno.test("new takes the day of the proposed notebooks, where the repository went on without them", async () => {
  await using project = await Project.make({
    "a.ipynb": notebook([["import numpy", "loss: 0.5\n"]]),
    "b.py": "import numpy\n",
  });
  await committed(project, "2019-03-05");
  await project.write("b.py", "import numpy as np\n");
  await committed(project, "2022-08-09");
  const { text = "" } = await propose(project.root);
  assert.match(text, /as_of: 2019-03-05 # found in the newest commit of this notebook, /);
});

Deno.test("new takes the day by which most notebooks were as they are, but none before the requirements", async () => {
  const stored = (text: string) => notebook([[`import numpy # ${text}`, "loss: 0.5\n"]]);
  await using project = await Project.make({ "a.ipynb": stored("a"), "b.ipynb": stored("b") });
  await committed(project, "2019-03-05");
  await project.write("c c\u00e4.ipynb", stored("c"));
  await committed(project, "2022-08-09");
  const { text = "" } = await propose(project.root);
  assert.match(
    text,
    /as_of: 2019-03-05 # found in the day by which most of these notebooks, of 2019-03-05 to 2022-08-09, were/,
  );
  await project.write("requirements.txt", "numpy==1.19.5\n");
  await committed(project, "2021-02-03");
  const { text: pinned = "" } = await propose(project.root);
  assert.match(pinned, /as_of: 2021-02-03 # found in the newest commit of the requirements/);
});

Deno.test("new lists extensions that a notebook loads, and proposes no notebook of another language", async () => {
  const { text } = await proposed({
    "a.ipynb": notebook([["%load_ext watermark\n%load_ext autoreload\nimport numpy", "loss: 0.5\n"]]),
    "b.ipynb": notebook([["library(x)", "loss: 0.5\n"]], { kernelspec: { name: "ir", language: "R" } }),
  });
  assert.match(text, /install: \[numpy, watermark, ipykernel/);
  assert.match(text, /# perhaps, it is of R, which an environment of Python has no kernel for:\n {2}# b:/);
});

Deno.test("new claims nothing of what a notebook tells of its machine", async () => {
  const { text } = await proposed({
    "a.ipynb": notebook([["%load_ext watermark\n%watermark -m -iv", "cores: 16\nthing: 0.0\n"], [
      "print(1)",
      "loss: 0.5\n",
    ]]),
  });
  assert.deepEqual([...text.matchAll(/- name: (.*?) #/g)].map(([, name]) => name), ["loss"]);
});

Deno.test("new claims nothing of a data set's description, and takes no set-up of the README for a step", async () => {
  const { text } = await proposed({
    "a.ipynb": notebook([
      ["print(iris.DESCR)", "sepal length: 4.3\n"],
      ["print('accuracy:', x)", "accuracy: 0.5\n"],
    ]),
    "setup_unix.sh": "python -m venv venv\n",
    "train.py": "print(1)\n",
    "README.md": "```sh\n./setup_unix.sh\npython train.py\n```\n",
  });
  assert.match(text, /^ {2}train: #/m);
  assert.match(text, /# perhaps, it sets up an environment.*\n {2}# setup_unix:/);
  assert.match(text, /name: accuracy/);
  assert.doesNotMatch(text, /4\.3/);
});

Deno.test("new names a notebook with blanks in its name in full", async () => {
  const { text } = await proposed({
    "a b/c d.ipynb": notebook([["import numpy", "loss: 0.5\n"]], { language_info: { version: "3.6.1" } }),
  });
  assert.match(text, /python: "3\.6" \(a b\/c d\.ipynb, language_info\)/);
});
