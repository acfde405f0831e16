import assert from "node:assert/strict";
import { join } from "node:path";
import { CLAIMS, experiment, NOT_IN_PYTHON, TRAIN } from "../support/claims_of_all_kinds.ts";
import { ended, Project, ROOT } from "../support/project.ts";

const JUDGE = join(ROOT, "tasks/inside/judge.py");

async function judge(...args: string[]) {
  return await ended(
    new Deno.Command("python3", {
      args: [JUDGE, ...args],
      ...{ stdin: "null", stdout: "piped", stderr: "piped" },
    }).spawn(),
  );
}

/** Before 3.11 Python reads no TOML, which the judge says. */
const READ = (await judgedByPython("import tomllib"))
  ? CLAIMS
  : CLAIMS.filter(([from]) => !from.includes(".toml"));

async function judgedByPython(program: string): Promise<boolean> {
  return (await new Deno.Command("python3", { args: ["-c", program], stderr: "null" }).output()).success;
}

Deno.test("judge.py judges a run folder as deno task verify does", async (t) => {
  await using project = await Project.make({ "experiment.yaml": experiment(READ), "train.py": TRAIN });
  const ran = await project.task("reproduce");
  assert.equal(ran.code, 1, ran.stderr);
  const run = await project.run();
  const { checks } = await project.json(run.slice(project.root.length + 1), "verdict.json");
  assert.equal(checks.length, READ.length, ran.stderr);
  const { code, stdout, stderr } = await judge(run, "--json");
  assert.equal(code, 1, stderr);
  const found = JSON.parse(stdout);
  assert.deepEqual(found.altered, []);
  assert.deepEqual(found.not_judged, []);
  for (const [index, check] of checks.entries()) {
    await t.step(`${READ[index]![0]} is ${check.verdict}`, () => {
      // Of what is missing each says in its own words what was there.
      const { detail: _, ...rest } = check;
      const { detail: __, ...other } = found.checks[index];
      if (check.verdict === "missing") assert.equal(other.verdict, "missing", JSON.stringify([check, found]));
      else assert.deepEqual(other, rest);
    });
  }
  await t.step("one changed byte is named, also where the receipt is gone", async () => {
    await Deno.writeTextFile(join(run, "train/h.csv"), "epoch,acc\n");
    assert.match((await judge(run)).stdout, /altered: train\/h\.csv: other bytes than recorded/);
    await Deno.remove(join(run, "receipt.json"));
    assert.match((await judge(run)).stdout, /altered: train\/h\.csv: other bytes than recorded/);
  });
});

Deno.test("judge.py says what it does not judge, and a run does not hold by it", async () => {
  const claims = [...NOT_IN_PYTHON, CLAIMS[0]!];
  await using project = await Project.make({ "experiment.yaml": experiment(claims), "train.py": TRAIN });
  await project.task("reproduce");
  const { code, stdout } = await judge(await project.run());
  assert.equal(code, 3);
  assert.match(stdout, /cannot judge 0 of 5: a table in Markdown, HTML or LaTeX is not read here/);
  assert.match(stdout, /cannot judge 1 of 5: a table/);
  assert.match(stdout, /cannot judge 2 of 5: /);
  assert.match(stdout, /cannot judge 3 of 5: /);
  assert.match(stdout, /Cannot judge 4 of 5 claims here, the others hold: see deno task verify/);
  assert.match(stdout, /4 of 5 +1\.0 +1\.0 +identical/);
});

Deno.test("judge.py ends with 2 for what is no run folder, whatever it holds", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    const plan = { schema: 1, task: "reproduce", experiment: { claims: [{ from: "x" }] }, steps: [] };
    const cases: [string, Record<string, string>, RegExp][] = [
      ["nothing", {}, /is not a run folder: it holds no evidence\.json/],
      ["no JSON", { "evidence.json": "{" }, /Cannot read .*evidence\.json/],
      ["deep JSON", { "evidence.json": "[".repeat(100_000) }, /Cannot read .*evidence\.json/],
      ["a future version", { "evidence.json": '{"schema": 9}' }, /another version/],
      [
        "no claims",
        { "evidence.json": '{"schema": 1}', "plan.json": '{"schema": 1, "experiment": {}}' },
        /older/,
      ],
      [
        "half a record",
        { "evidence.json": '{"schema": 1}', "plan.json": JSON.stringify(plan) },
        /Cannot judge/,
      ],
    ];
    for (const [name, files, message] of cases) {
      await t.step(name, async () => {
        for (const [path, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, path), text);
        const { code, stderr } = await judge(folder);
        assert.equal(code, 2);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, /Traceback/);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
