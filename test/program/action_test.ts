/** The steps of action.yml, played as a runner plays them. */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { join } from "node:path";
import { exists } from "../../tasks/lib/system/files.ts";
import { ended, Project, ROOT } from "../support/project.ts";

interface Step {
  name: string;
  id?: string;
  if?: string;
  run?: string;
  uses?: string;
  shell?: string;
  env?: Record<string, string>;
  with?: Record<string, string>;
}

const action = parse(await Deno.readTextFile(join(ROOT, "action.yml")));

const claiming = (value: string) => `
name: test
steps:
  a: { run: [sh, -c, "echo accuracy 94"] }
claims:
  - { name: accuracy, from: "a~/accuracy (.*)/", value: ${value} }
`;

/** What a runner has after the action's steps. */
interface Played {
  failed: boolean;
  summary: string;
  uploaded?: Record<string, string>;
  outputs: Record<string, string>;
  log: string;
}

/** Plays the steps: expressions filled in, each `run:` in bash as the runner starts it; what is uploaded is noted. */
async function play(project: Project, runner: Project, given: Record<string, string> = {}): Promise<Played> {
  const inputs = Object.entries(action.inputs as Record<string, { default: string }>)
    .map(([name, input]) => [`inputs.${name}`, given[name] ?? input.default]);
  const values: Record<string, string> = Object.fromEntries(inputs);
  const played: Played = { failed: false, summary: "", outputs: {}, log: "" };
  const fill = (text: string) => text.replace(/\$\{\{ (\S+) \}\}/g, (_, name) => values[name] ?? "");
  const applies = (condition: string) =>
    condition.split(" && ").every((part) => {
      const [, name] = /^(\S+) != ''$/.exec(part) ?? [];
      return name === undefined ? part === "always()" : (values[name] ?? "") !== "";
    });
  const filled = (texts: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fill(text)]));
  for (const step of action.runs.steps as Step[]) {
    const condition = step.if ?? "";
    if (played.failed && !condition.includes("always()")) continue;
    if (condition !== "" && !applies(condition)) continue;
    if (step.uses !== undefined) {
      assert.match(step.uses, /^actions\/upload-artifact@[0-9a-f]{40}$/);
      played.uploaded = filled(step.with);
      continue;
    }
    await Promise.all(["output", "summary"].map((name) => runner.write(name, "")));
    await runner.write("step.sh", step.run!);
    const { code, stdout, stderr } = await ended(
      new Deno.Command("bash", {
        args: ["--noprofile", "--norc", "-eo", "pipefail", runner.path("step.sh")],
        cwd: project.root,
        env: {
          NO_COLOR: "1",
          INIT_CWD: project.root, // `deno task test` has set it to where the tests were started
          RUNNER_TEMP: runner.root,
          GITHUB_ACTION_PATH: ROOT,
          GITHUB_OUTPUT: runner.path("output"),
          GITHUB_STEP_SUMMARY: runner.path("summary"),
          ...filled(step.env),
        },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    played.log += stdout + stderr;
    played.failed ||= code !== 0;
    for (const line of (await Deno.readTextFile(runner.path("output"))).split("\n").filter(Boolean)) {
      const [name, ...value] = line.split("=");
      values[`steps.${step.id}.outputs.${name}`] = value.join("=");
    }
    played.summary += await Deno.readTextFile(runner.path("summary"));
  }
  for (const [name, { value }] of Object.entries(action.outputs as Record<string, { value: string }>)) {
    played.outputs[name] = fill(value);
  }
  return played;
}

const runner = await Project.make({});
addEventListener("unload", () => Deno.removeSync(runner.root, { recursive: true }));
const install = action.runs.steps[0].run;
const setUp = await ended(
  new Deno.Command("bash", {
    args: ["-ec", install],
    env: { RUNNER_TEMP: runner.root },
    stdout: "piped",
    stderr: "piped",
  }).spawn(),
);
const ignore = setUp.code !== 0;
if (ignore) console.log(`ignored: the action, since npm can't install Deno here: ${setUp.stderr}`);

Deno.test(
  "the action succeeds if every claim holds, with summary, badge and run folder",
  { ignore },
  async () => {
    await using project = await Project.make({ "experiment.yaml": claiming("94") });
    const { failed, summary, uploaded, outputs, log } = await play(project, runner, {
      badge: "badges/it.svg",
      arguments: "--engine\nhost\n",
    });
    assert.equal(failed, false, log);
    assert.match(summary, /^### ✅ .*\n[^]*\| accuracy \| 94 \| 94 \|/);
    assert.match(await Deno.readTextFile(project.path("badges/it.svg")), /^<svg/);
    assert.deepEqual(uploaded, { name: "run", path: await project.run() });
    assert.ok(await exists(join(uploaded!.path!, "receipt.json")));
    assert.deepEqual(outputs, { directory: await project.run(), code: "0" });
  },
);

Deno.test("the action fails if a claim does not hold, and keeps what shows it", { ignore }, async () => {
  await using project = await Project.make({ "experiments/b c/experiment.yaml": claiming("95") });
  const { failed, summary, uploaded, outputs, log } = await play(project, runner, {
    experiment: "experiments/b c/experiment.yaml",
    arguments: "--engine=host",
  });
  assert.equal(failed, true, log);
  assert.match(summary, /\| accuracy \| 95 \| 94 \| none \| ❌ different \|/);
  assert.match(await Deno.readTextFile(project.path("reproduced.svg")), /^<svg/);
  assert.equal(uploaded?.path, outputs.directory);
  assert.equal(outputs.code, "1");
});

Deno.test("the action fails if nothing could run, and says why", { ignore }, async () => {
  await using project = await Project.make({ "experiment.yaml": "name: test\nsteps: 3\n" });
  const { failed, summary, uploaded, outputs, log } = await play(project, runner);
  assert.deepEqual({ failed, summary, uploaded }, { failed: true, summary: "", uploaded: undefined });
  assert.deepEqual(outputs, { directory: "", code: "2" });
  assert.match(log, /experiment\.yaml:2:8 {2}steps must be/);
});
