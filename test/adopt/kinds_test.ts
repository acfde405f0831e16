/** What each kind of source comes to. */

import assert from "node:assert/strict";
import { propose } from "../../tasks/lib/adopt/propose.ts";
import { Project } from "../support/project.ts";

async function textFor(
  files: Record<string, string>,
  from?: string,
): Promise<{ text: string; notes: string }> {
  await using project = await Project.make(files);
  const { text, proposal } = await propose(project.root, from);
  return { text: text ?? "", notes: proposal.notes.join("\n") };
}

/** The part of a text that begins with a line, without its first column. */
function includes(text: string, part: string) {
  const lines = part.split("\n").map((line) => line.trimEnd());
  assert.ok(text.includes(lines.join("\n")), `${part}\nis not in\n${text}`);
}

/** A notebook of code cells: source, what it printed, a tag. */
function notebook(cells: [source: string, printed: string, tag?: string][]): string {
  return JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: cells.map(([source, text, tag]) => ({
      cell_type: "code",
      execution_count: 1,
      metadata: tag === undefined ? {} : { tags: [tag] },
      source,
      outputs: [{ output_type: "stream", name: "stdout", text }],
    })),
  });
}

const CASES: [name: string, files: Record<string, string>, parts: string[]][] = [
  [
    "dvc.yaml: foreach, matrix, vars, wdir, several commands",
    {
      "dvc.yaml": [
        "vars: [{ size: 3 }]",
        "stages:",
        "  clean:",
        "    foreach: [a, b]",
        "    do:",
        "      cmd: python clean.py ${item} --size ${size}",
        "      outs: ['clean/${item}.csv']",
        "  train:",
        "    matrix: { model: [small, large], seed: [1] }",
        "    cmd: python train.py --model ${item.model}",
        "    deps: [clean/a.csv]",
        "    outs:",
        "      - models/${item.model}:",
        "          cache: false",
        "  plot:",
        "    wdir: paper",
        "    cmd: [python a.py, python b.py > c.txt]",
        "    outs: [c.txt]",
        "  open: { cmd: 'python x.py ${unknown}' }",
      ].join("\n"),
    },
    [
      '  clean-a: # found in dvc.yaml:3\n    run: [python, clean.py, a, --size, "3"]\n    outputs: [clean/a.csv]\n',
      "  train-large-1: # found in dvc.yaml:8\n    run: [python, train.py, --model, large]\n    needs: [clean-a]\n    outputs: [models/large]\n",
      "    shell: |\n      python a.py\n      python b.py > c.txt\n    cwd: paper\n    outputs: [paper/c.txt]\n",
      "  # perhaps, ${unknown} is not known:\n  # open:",
    ],
  ],
  [
    "calkit.yaml: scripts, notebooks, commands, environments",
    {
      "calkit.yaml": [
        "title: A study",
        "environments: { main: { kind: uv-venv, path: reqs/main.txt } }",
        "pipeline:",
        "  stages:",
        "    collect: { kind: python-script, script_path: collect.py, args: [--n, '3'], outputs: [raw.csv] }",
        "    plot: { kind: jupyter-notebook, notebook_path: plot.ipynb, inputs: [raw.csv], outputs: [{ path: fig.png }] }",
      ].join("\n"),
      "reqs/main.txt": "jupyter\n",
      "plot.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    },
    [
      "title: A study # found in calkit.yaml\n",
      "requirements: reqs/main.txt # found in calkit.yaml:2\n",
      '    run: [python, collect.py, --n, "3"]\n    outputs: [raw.csv]\n',
      "    notebook: plot.ipynb\n    needs: [collect]\n    outputs: [fig.png]\n",
    ],
  ],
  [
    "Snakefile: plain rules",
    {
      Snakefile:
        'rule all:\n    input: "b.txt"\n\nrule b:\n    input: a="a.txt"\n    output: "out/b.txt"\n    params: k=3\n' +
        '    shell: "python b.py -k {params.k} {input.a} > {output}"\n',
    },
    ["  b: # found in Snakefile:4\n    shell: |\n      mkdir -p out\n      python b.py -k 3 a.txt > out/b.txt\n    outputs: [out/b.txt]\n"],
  ],
  [
    "Snakefile: one that is a program is one step",
    {
      Snakefile:
        'rule one:\n    input: "{s}.txt"\n    output: "out/{s}.txt"\n    shell: "cp {input} {output}"\n',
    },
    ['  snakemake: # found in Snakefile, a guess\n    run: [snakemake, --cores, "1"]\n'],
  ],
  [
    "Makefile: variables, automatic variables, no care of the repository",
    {
      Makefile:
        "PY ?= python3\nOUT = results\n$(OUT)/eval.json: data/raw.csv\n\t@$(PY) evaluate.py --data $< \\\n\t  --out $@\n" +
        "clean:\n\trm -rf results\ntest:\n\tpython evaluate.py\n",
      "evaluate.py": "",
    },
    ["    run: [python, evaluate.py, --data, data/raw.csv, --out, results/eval.json]\n    outputs: [results/eval.json]\n"],
  ],
  [
    "MLproject: parameters with defaults",
    {
      MLproject:
        "name: x\nentry_points:\n  main:\n    parameters: { alpha: { type: float, default: 0.5 }, file: path }\n" +
        '    command: "python train.py --alpha {alpha}"\n  check: { parameters: { file: path }, command: "python check.py {file}" }\n',
      "train.py": "",
      "check.py": "",
    },
    [
      "parameters:\n  alpha: 0.5 # found in MLproject:4\n",
      '    run: [python, train.py, --alpha, "{alpha}"]\n',
      "  # perhaps, its parameter file has no default:\n",
    ],
  ],
  [
    "cog.yaml: Python, packages and GPU",
    {
      "cog.yaml":
        'build: { gpu: true, python_version: "3.11", python_packages: ["torch==2.3.1"] }\npredict: "predict.py:P"\n',
      "predict.py": "class P: pass\n",
      "train.py": "open('model.txt', 'w')\n",
    },
    [
      "  install: [torch==2.3.1] # found in cog.yaml:1\n",
      '  python: "3.11" # found in cog.yaml:1\n  gpus: optional # found in cog.yaml:1\n',
      "image: cschranz/gpu-jupyter:v1.8_cuda-12.5_ubuntu-22.04 # found in cog.yaml:1, torch 2.3.1, a guess\n",
    ],
  ],
  [
    "README: fences, prompts, continued lines, cd, variables, placeholders, -e .",
    {
      "README.md":
        "# A paper\n\n```bash\n$ pip install -e .\n$ cd code && CUDA_VISIBLE_DEVICES=0 python train.py \\\n    --epochs 10\n" +
        "python train.py --epochs 20\n```\n\n```\npython code/evaluate.py --model <path>\nbash run.sh\npython code/other.py | tee log.txt\n```\n" +
        "We reach an accuracy of 94.01 % and more.\n",
      "setup.py": "from setuptools import setup\nsetup(name='paper')\n",
      "code/train.py":
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--epochs', type=int, default=1)\np.add_argument('--lr', type=float, default=0.1)\n",
      "code/evaluate.py": "",
      "code/other.py": "",
      "run.sh": "",
    },
    [
      "name: paper # found in setup.py:2\ntitle: A paper # found in README.md:1\n",
      '  install: [-e, "."] # found in README.md:4\n',
      "parameters:\n  epochs: 10 # found in README.md:5\n  lr: 0.1 # found in code/train.py:4\n",
      '    run: [python, train.py, --epochs, "{epochs}", --lr, "{lr}"]\n    cwd: code\n    env: { CUDA_VISIBLE_DEVICES: "0" }\n',
      "  # perhaps, another way to call code/train.py:\n",
      "  # perhaps, it has a place to fill in:\n",
      "    run: [bash, run.sh]\n",
      "    shell: |\n      python code/other.py | tee log.txt\n",
      "  # - name: reach an accuracy # found in README.md:15, a guess\n",
    ],
  ],
  [
    "Hydra: the configuration's own numbers and words",
    {
      "train.py":
        "import hydra\n@hydra.main(config_path='conf', config_name='config')\ndef main(cfg): open('a.txt', 'w')\n" +
        "if __name__ == '__main__': main()\n",
      "conf/config.yaml": "defaults: [_self_]\nlr: 0.1\nmodel: { width: 64, name: '${x}' }\n",
      "requirements.txt": "hydra-core\n",
    },
    ["params:\n  lr: conf/config.yaml#lr # found in conf/config.yaml:2\n  width: conf/config.yaml#model.width # found in conf/config.yaml:3\n"],
  ],
  [
    "scripts: order by files, {out} for a folder that nobody reads, stored results",
    {
      "prepare.py": "open('clean/data.csv', 'w')\n",
      "train.py":
        "import argparse, os, json\np = argparse.ArgumentParser()\np.add_argument('--out', default='out')\np.add_argument('--seed', default=1)\n" +
        "args = p.parse_args()\nopen('clean/data.csv')\njson.dump({}, open(os.path.join(args.out, 'm.json'), 'w'))\nopen('results/metrics.json', 'w')\n",
      "results/metrics.json": '{"accuracy": 94.10, "epoch": 3}\n',
      "requirements.txt": "numpy\n",
    },
    [
      '    run: [python, train.py, --out, "{out}", --seed, "{seed}"]\n    needs: [prepare]\n    outputs: [results]\n',
      "  - name: accuracy, metrics.json # found in results/metrics.json\n    from: train/results/metrics.json#/accuracy\n    value: 94.10\n",
    ],
  ],
  [
    "images: the last stage of a Dockerfile with its arguments",
    {
      Dockerfile: "ARG V=2.3\nFROM pytorch/pytorch:${V} AS base\nRUN true\nFROM base\n",
      "train.py": "open('a.txt', 'w')\n",
    },
    ["  image: pytorch/pytorch:2.3 # found in Dockerfile:4\n"],
  ],
  [
    "environments: locks first, what was passed over is named",
    {
      "uv.lock": "version = 1\n",
      "pyproject.toml": '[project]\nname = "my-paper"\nrequires-python = ">=3.9"\n',
      "environment.yml": "dependencies: [python=3.9]\n",
      ".python-version": "3.12\n",
      "binder/requirements.txt": "",
      "train.py": "open('a.txt', 'w')\n",
    },
    [
      "  requirements: uv.lock # found in uv.lock\n",
      '  python: "3.12" # found in .python-version:1\n',
      "  # passed over: requirements: environment.yml (environment.yml)\n",
      "  # passed over: requirements: binder/requirements.txt (binder/requirements.txt)\n",
      '  # passed over: python: "3.9" (pyproject.toml:3, the oldest)\n',
    ],
  ],
  [
    "notebooks: constants of the first cells are comments, a tagged cell is parameters",
    {
      "a.ipynb": notebook([["EPOCHS = 3\nname = 'x'", "loss: 0.50\n"]]),
      "b.ipynb": notebook([["seed = 7\nLR = 0.5", "loss: 0.25\n", "parameters"]]),
      "requirements.txt": "jupyter\n",
    },
    [
      "parameters:\n  seed: 7 # found in b.ipynb, cell 1\n  LR: 0.5 # found in b.ipynb, cell 1\n",
      "#   EPOCHS: 3 # found in a.ipynb, cell 1\n",
      "  - name: loss # found in a.ipynb, cell 1\n    from: a/a.ipynb~/^loss: ([-+.\\deE]+)$/\n".replace(
        "a/a",
        "'a/a",
      ).replace("$/", "$/'"),
    ],
  ],
  [
    "calkit.yaml before the dvc.yaml that it writes, and before make",
    {
      "calkit.yaml": "pipeline: { stages: { one: { kind: shell-command, command: echo 1 } } }\n",
      "dvc.yaml": "stages: { two: { cmd: echo 2 } }\n",
      MLproject: "entry_points: { main: { command: echo 3 } }\n",
    },
    ['  one: # found in calkit.yaml:1\n    run: [echo, "1"]\n'],
  ],
  [
    "stored results: Keras' CSV log and MLflow's only run",
    {
      "train.py": "import mlflow\nopen('logs/history.csv', 'w')\n",
      "requirements.txt": "mlflow\n",
      "logs/history.csv": "epoch,accuracy,lr\n0,0.50,0.1\n1,0.90,0.1\n",
      "mlruns/0/ab12/metrics/val_acc": "1700000000000 0.5 0\n1700000000001 0.91 1\n",
      "mlruns/0/ab12/metrics/epoch_time": "1700000000000 3.5 0\n",
    },
    [
      "    outputs: [logs, mlruns]\n",
      "    from: train/logs/history.csv#accuracy\n    value: [0.50, 0.90]\n",
      "    from: train/mlruns#val_acc[-1]\n    value: 0.91\n",
    ],
  ],
  [
    "imports of a step that its environment does not list",
    {
      "setup.py": "from setuptools import setup\nsetup(name='own', install_requires=['scikit-learn'])\n",
      "own/__init__.py": "",
      "train.py": "import own, numpy\nfrom sklearn import svm\nopen('a.txt', 'w')\n",
    },
    ['  install: [-e, ".", numpy] # found in setup.py; imports that nothing lists, the first in train.py:1, a guess\n'],
  ],
  [
    "a README that marks its commands as Python, of a script that stands in a folder",
    {
      "README.md": "```python\npython train.py\nprint('no command')\n```\n",
      "own/train.py": "",
      "requirements.txt": "",
    },
    ["    run: [python, train.py]\n    cwd: own\n"],
  ],
  [
    "imports, where no file says what is needed: without the repository's own and the standard library's",
    {
      "train.py": "import os, cv2, helper\nfrom sklearn import svm\nopen('a.txt', 'w')\n",
      "helper.py": "import yaml\n",
    },
    ["  install: [opencv-python-headless, pyyaml, scikit-learn] # found in imports, the first in helper.py:1, a guess\n"],
  ],
];

for (const [name, files, parts] of CASES) {
  Deno.test(`new reads ${name}`, async () => {
    const { text } = await textFor(files);
    for (const part of parts) includes(text, part);
  });
}

Deno.test("new takes the steps from the file that --from names", async () => {
  const files = {
    "dvc.yaml": "stages: { prepare: { cmd: python prepare.py } }\n",
    "README.md": "```\npython train.py\n```\n",
    "train.py": "",
    "prepare.py": "",
  };
  includes((await textFor(files)).text, "  prepare: # found in dvc.yaml:1\n");
  const { text, notes } = await textFor(files, "README.md");
  includes(text, "  train: # found in README.md:2\n");
  assert.match(notes, /passed over: dvc\.yaml \(prepare\)/);
  await assert.rejects(textFor(files, "other.py"), /Cannot find a step in other\.py/);
});
