import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import type { Experiment } from "../../tasks/lib/experiment/experiment.ts";
import { jsonSchema } from "../../tasks/lib/experiment/json_schema.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { readExperiment } from "../../tasks/lib/experiment/read.ts";
import { RESERVED_PARAMETERS } from "../../tasks/lib/experiment/reserved_names.ts";
import { stepOrder } from "../../tasks/lib/experiment/step_order.ts";
import { NOTEBOOK_OPTIONS } from "../../tasks/lib/plan/notebook_options.ts";
import { RUN_OPTIONS } from "../../tasks/lib/run/run_task.ts";

const ROOT = join(import.meta.dirname!, "..", "..");

const FIXTURES = join(import.meta.dirname!, "..", "fixtures", "experiments");

/** `UPDATE_GOLDEN=1 deno test` writes what is expected anew; look at the difference before you commit it. */
const UPDATE = Deno.env.get("UPDATE_GOLDEN") === "1";

function failureOf(action: () => unknown): Failure {
  try {
    action();
  } catch (error) {
    assert(error instanceof Failure, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "Nothing was thrown" });
}

async function rejectionOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(() => undefined, (error) => error);
  assert(error instanceof Failure, String(error));
  return error;
}

function describe(failure: Failure): string {
  const lines = (failure.details.problems ?? []).map((problem) =>
    `${problem.file}:${problem.line}:${problem.column}  ${problem.message}\n`
  );
  return `${failure.message}\n${lines.join("")}`;
}

function outcome(text: string): { name: string; content: string } {
  try {
    const experiment = parseExperiment(text, "/project/experiment.yaml", "/project");
    return { name: "expected.json", content: JSON.stringify(experiment, null, 2) + "\n" };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    assert.equal(error.exitCode, 2);
    return { name: "expected.txt", content: describe(error) };
  }
}

Deno.test("parseExperiment() gives what each case of fixtures/experiments expects", async (t) => {
  for (const { name: folder } of [...Deno.readDirSync(FIXTURES)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    await t.step(folder, () => {
      const { name, content } = outcome(Deno.readTextFileSync(join(FIXTURES, folder, "experiment.yaml")));
      const golden = join(FIXTURES, folder, name);
      if (UPDATE) Deno.writeTextFileSync(golden, content);
      assert.equal(content, Deno.readTextFileSync(golden));
    });
  }
});

Deno.test("every experiment.yaml of this repository is valid", async (t) => {
  const files = [join(ROOT, "experiment.yaml")];
  for await (const entry of entriesOf(join(ROOT, "experiments"))) {
    files.push(join(ROOT, "experiments", entry.name, "experiment.yaml"));
  }
  for (const file of files) {
    const text = await Deno.readTextFile(file).catch(() => undefined);
    await t.step({
      name: file.slice(ROOT.length + 1),
      ignore: text === undefined,
      fn: () => check(file, text!),
    });
  }
  function check(file: string, text: string): void {
    assert.notEqual(Object.keys(parseExperiment(text, file, ROOT).steps).length, 0);
  }
});

async function* entriesOf(folder: string): AsyncIterable<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

Deno.test("schemas/experiment.schema.json is what the schema in the code says", () => {
  const file = join(ROOT, "schemas/experiment.schema.json");
  if (UPDATE) Deno.writeTextFileSync(file, jsonSchema());
  assert.equal(Deno.readTextFileSync(file), jsonSchema(), "write it with: deno task generate");
});

Deno.test("parseExperiment() refuses a file that is far too long", () => {
  const failure = failureOf(() => parseExperiment("#".repeat(2 ** 18 + 1), "/p/experiment.yaml", "/p"));
  assert.match(describe(failure), /must be shorter/);
});

Deno.test("parseExperiment() refuses a hundred thousand nested lists without running out of stack", () => {
  const failure = failureOf(() =>
    parseExperiment("name: " + "[".repeat(100_000), "/p/experiment.yaml", "/p")
  );
  assert.match(describe(failure), /nested too deep|valid YAML/);
});

Deno.test("parseExperiment() names the file as it stands under the root", () => {
  const failure = failureOf(() => parseExperiment("", "/p/experiments/eurosat/experiment.yaml", "/p"));
  assert.match(failure.message, /^Cannot use experiments\/eurosat\/experiment\.yaml: 1 problem$/);
});

Deno.test("parseExperiment() reads files with a byte order mark and with Windows line ends", () => {
  const text = "\uFEFFname: digits\r\nsteps:\r\n  train:\r\n    run: [python, train.py]\r\n";
  assert.deepEqual(parseExperiment(text, "/p/experiment.yaml", "/p").steps.train!.run, [
    "python",
    "train.py",
  ]);
});

Deno.test("parseExperiment() finds no step or parameter that nobody wrote", () => {
  const experiment = example("train: { run: [python] }");
  assert.equal(experiment.steps["constructor"], undefined);
  assert.equal(experiment.parameters["constructor"], undefined);
});

Deno.test("RESERVED_PARAMETERS holds every option of the tasks that take parameters", () => {
  for (const option of Object.keys({ ...RUN_OPTIONS, ...NOTEBOOK_OPTIONS })) {
    assert(RESERVED_PARAMETERS.includes(option), `--${option} is missing`);
  }
});

Deno.test("RESERVED_PARAMETERS are all refused", () => {
  for (const name of RESERVED_PARAMETERS) {
    const text = `name: a\nparameters: { "${name}": 1 }\nsteps: { train: { run: [python] } }`;
    assert.match(
      describe(failureOf(() => parseExperiment(text, "/p/e.yaml", "/p"))),
      new RegExp(`(?:--${name}|{${name}}) is`),
    );
  }
});

function example(steps: string): Experiment {
  const text = `name: example\nsteps:\n${steps.split("\n").map((line) => `  ${line}`).join("\n")}\n`;
  return parseExperiment(text, "/p/experiment.yaml", "/p");
}

Deno.test("stepOrder() puts needs first and otherwise keeps the order of the file", async (t) => {
  const experiment = example(`
infer: { run: [python], needs: [train] }
plots: { run: [python] }
train: { run: [python], needs: [prepare] }
prepare: { run: [python] }
table: { run: [python], needs: [infer, plots] }`);
  const cases: [string[], string[]][] = [
    [[], []],
    [["plots"], ["plots"]],
    [["infer"], ["prepare", "train", "infer"]],
    [["table"], ["plots", "prepare", "train", "infer", "table"]],
    [["train", "plots", "train"], ["plots", "prepare", "train"]],
  ];
  for (const [names, expected] of cases) {
    await t.step(names.join(", ") || "none", () => assert.deepEqual(stepOrder(experiment, names), expected));
  }
});

Deno.test("stepOrder() suggests the step that was meant", () => {
  const experiment = example("train: { run: [python] }");
  const failure = failureOf(() => stepOrder(experiment, ["trian"]));
  assert.equal(failure.exitCode, 2);
  assert.match(failure.message, /step "trian" in experiment.yaml, did you mean "train"\?$/);
  assert.match(failureOf(() => stepOrder(experiment, ["constructor"])).message, /"constructor"/);
});

/** A folder with the given files, removed afterwards. */
async function withFiles(
  files: Record<string, string>,
  action: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(root, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    await action(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function named(name: string): string {
  return `name: ${name}\nsteps: { train: { run: [python, train.py] } }\n`;
}

const PROJECT = {
  "experiment.yaml": named("digits"),
  "src/a/b.py": "",
  "experiments/eurosat/experiment.yaml": named("eurosat"),
  "experiments/mnist/experiment.yaml": named("mnist"),
  "experiments/notes.txt": "",
  "other/own.yaml": named("own"),
  "other/experiment.yaml": named("other"),
};

Deno.test("readExperiment() finds the experiment that is meant", async (t) => {
  await withFiles(PROJECT, async (root) => {
    const cases: [string, string | undefined, string, string, root?: string][] = [
      ["nothing, in the root", undefined, ".", "digits"],
      ["nothing, below the root", undefined, "src/a", "digits"],
      ["nothing, in the folder of an experiment", undefined, "experiments/eurosat", "eurosat"],
      ["a name", "eurosat", ".", "eurosat"],
      ["a name, below the root", "eurosat", "src/a", "eurosat"],
      ["a name, in the folder of another", "mnist", "experiments/eurosat", "mnist"],
      ["the name of the main experiment", "digits", "src", "digits"],
      ["a file", "other/own.yaml", ".", "own", "other"],
      ["a file beside", "own.yaml", "other", "own", "other"],
      ["a folder", "./other", ".", "other", "other"],
      ["a folder without a slash", "other", ".", "other", "other"],
      ["this folder", ".", "other", "other", "other"],
      ["an absolute path", join(root, "other"), "/", "other", "other"],
    ];
    for (const [name, which, cwd, expected, folder = "."] of cases) {
      await t.step(name, async () => {
        const experiment = await readExperiment(which, join(root, cwd));
        assert.equal(experiment.name, expected);
        assert.equal(experiment.root, join(root, folder));
      });
    }
  });
});

Deno.test("readExperiment() takes the folder of the nearest experiment.yaml as root, whatever is above it", async () => {
  await withFiles({
    "deno.json": "{}",
    ".git/HEAD": "",
    "paper/experiment.yaml": named("paper"),
    "paper/src/x.py": "",
  }, async (root) => {
    const experiment = await readExperiment(undefined, join(root, "paper/src"));
    assert.equal(experiment.root, join(root, "paper"));
    assert.equal(experiment.file, join(root, "paper/experiment.yaml"));
  });
});

Deno.test("readExperiment() lists the experiments there are, and suggests one", async () => {
  await withFiles(PROJECT, async (root) => {
    const failure = await rejectionOf(readExperiment("erosat", root));
    assert.equal(failure.exitCode, 2);
    assert.equal(failure.message, 'Cannot find experiment "erosat", did you mean "eurosat"?');
    assert.equal(
      failure.details.remedy,
      "The experiments are digits, eurosat, mnist; a path of a YAML file will do, too",
    );
    assert.match((await rejectionOf(readExperiment("no/such.yaml", root))).message, /"no\/such\.yaml"$/);
  });
});

Deno.test("readExperiment() shows the least that an experiment.yaml says where there is none", async () => {
  await withFiles({ ".git/HEAD": "" }, async (root) => {
    const failure = await rejectionOf(readExperiment(undefined, root));
    assert.equal(failure.message, "Cannot find experiment.yaml");
    assert.match(failure.details.remedy!, /name: my-paper/);
  });
});

Deno.test("readExperiment() refuses a file that is not UTF-8 text", async () => {
  await withFiles({ ".git/HEAD": "" }, async (root) => {
    await Deno.writeFile(join(root, "experiment.yaml"), new Uint8Array([0x6e, 0xff, 0xfe]));
    assert.match((await rejectionOf(readExperiment(undefined, root))).message, /must be UTF-8/);
  });
});
