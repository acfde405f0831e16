/** A further engine is one file and one line: everything else sees it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { stageContext } from "../../tasks/lib/image/build_context.ts";
import { ENGINE_NAMES } from "../../tasks/lib/experiment/engine_name.ts";
import { engineOf } from "../../tasks/lib/engine/index.ts";
import { ended, experiment, Project, ROOT } from "../support/project.ts";

/** Runs what the host runs, with a variable that says so. */
const MADE = `import type { Engine } from "../engine.ts";
import { ENGINE as HOST } from "./host.ts";

const MARK = ["env", "RAN_IN=made"];

export const ENGINE: Engine = {
  ...HOST,
  name: "made",
  choose: async (_, because) => await Promise.resolve({ engine: { name: "made", because } }),
  command: (...step) => [...MARK, ...HOST.command(...step)],
  server: { ...SERVER, place: ({ argv, ...rest }) => ({ ...rest, argv: [...MARK, ...argv] }) },
};
`.replace("...SERVER", 'kind: "process", shell: (command, { root }) => ({ argv: command, cwd: root })');

const STEP = `
import os, sys
open(sys.argv[sys.argv.index("--out") + 1] + "/engine.txt", "w").write(os.environ["RAN_IN"])
`;

/** A copy of the tasks with one file and one line more. */
async function tasksWithMadeEngine(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "made-engine-" });
  await stageContext({ root: ROOT, folder: copy, required: [] });
  const list = join(copy, "tasks/lib/experiment/engine_name.ts");
  const text = await Deno.readTextFile(list);
  await Deno.writeTextFile(list, text.replace('"apptainer"]', '"apptainer", "made"]'));
  await Deno.writeTextFile(join(copy, "tasks/lib/engine/engines/made.ts"), MADE);
  return copy;
}

Deno.test("an engine of one file and one line is seen by options, schema, plan, step and JupyterLab", async (t) => {
  const copy = await tasksWithMadeEngine();
  await using project = await Project.make({
    "experiment.yaml": experiment().replace("steps:", "environment: { engine: made }\nsteps:"),
    "train.py": STEP,
    ".devcontainer/requirements.txt": "jupyterlab\n",
  });
  const deno = async (...args: string[]) =>
    await ended(
      new Deno.Command(Deno.execPath(), {
        args,
        cwd: project.root,
        env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", INIT_CWD: project.root },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
  const task = (...args: string[]) => deno("task", "--quiet", "--config", join(copy, "deno.json"), ...args);
  await t.step("type check", async () => {
    const { code, stderr } = await deno(
      "check",
      "--quiet",
      "--config",
      join(copy, "deno.json"),
      join(copy, "tasks"),
    );
    assert.equal(code, 0, stderr);
  });
  await t.step("options", async () => {
    assert.match((await task("train", "--help")).stdout, /apptainer, made/);
    assert.match((await task("jupyter", "--help")).stdout, /apptainer, made/);
    assert.match((await task("train", "--engine", "mad")).stderr, /did you mean "made"|apptainer, made/);
  });
  await t.step("schema and plan", async () => {
    const { code, stdout, stderr } = await task("train", "--plan", "--json");
    assert.equal(code, 0, stderr);
    const plan = JSON.parse(stdout);
    assert.deepEqual([plan.engine.name, plan.engine.because], ["made", "experiment.yaml asks for it"]);
    assert.deepEqual(plan.commands.train.slice(0, 2), ["env", "RAN_IN=made"]);
  });
  await t.step("step", async () => {
    const { code, stderr } = await task("train");
    assert.equal(code, 0, stderr);
    assert.equal(await Deno.readTextFile(join(await project.run(), "train/engine.txt")), "made");
  });
  await t.step("JupyterLab", async () => {
    const { code, stdout, stderr } = await task("jupyter", "--plan", "--json");
    assert.equal(code, 0, stderr);
    const plan = JSON.parse(stdout);
    assert.equal(plan.engine, "made");
    assert.ok(plan.command.join(" ").includes("env RAN_IN=made"), stdout);
  });
  await t.step("a run of an engine that is gone", async () => {
    const { code, stderr } = await project.task("train", ["--engine", "auto"]);
    assert.equal(code, 2);
    assert.match(stderr, /environment\.engine must be host, docker, podman, nerdctl, apptainer.*"made"/s);
  });
  await Deno.remove(copy, { recursive: true });
});

Deno.test("each name has its engine, and a name of none is an error", async () => {
  for (const name of ENGINE_NAMES) assert.equal((await engineOf(name)).name, name);
  await assert.rejects(engineOf("toString"), {
    exitCode: 2,
    message: /^There is no engine "toString"; there are host, /,
  });
});
