/** kill -9 at random moments, and many runs at once: the same weights, and records that say what happened. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { findProcesses } from "../../tasks/lib/system/processes.ts";
import { ended, experiment, Project, ROOT } from "../support/project.ts";

/** `KILLS=50` takes some minutes. */
const KILLS = Number(Deno.env.get("KILLS") ?? 12);

const COUNT = 60;

/** Counts, and saves after each number in one move. The weights are a chain of hashes: no number may be left out. */
const COUNTING = `
import hashlib, json, os, sys, time
out = sys.argv[sys.argv.index("--out") + 1]
checkpoint = os.path.join(out, "checkpoint.json")
state = {"count": 0, "weights": ""}
if "--resume" in sys.argv and os.path.exists(checkpoint):
    state = json.load(open(checkpoint))
while state["count"] < ${COUNT}:
    state["count"] += 1
    state["weights"] = hashlib.sha256(f'{state["weights"]}{state["count"]}'.encode()).hexdigest()
    with open(checkpoint + ".tmp", "w") as file:
        json.dump(state, file)
    os.rename(checkpoint + ".tmp", checkpoint)
    print("count", state["count"], flush=True)
    time.sleep(0.01)
with open(os.path.join(out, "weights.txt"), "w") as file:
    file.write(state["weights"])
`;

function weightsOf(count: number): string {
  let weights = "";
  for (let number = 1; number <= count; number++) {
    weights = createHash("sha256").update(`${weights}${number}`).digest("hex");
  }
  return weights;
}

const FILES = {
  "experiment.yaml": experiment(
    `    resume: [--resume]
    produces: [weights.txt]
claims:
  - name: weights
    from: train/weights.txt#sha256
    value: ${createHash("sha256").update(weightsOf(COUNT)).digest("hex")}
`,
  ),
  "train.py": COUNTING,
};

/** The runner without `deno task` around it, so that its process is the one that is killed. */
function startRunner(project: Project, args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--config",
      join(ROOT, "deno.json"),
      join(ROOT, "tasks/reproduce.ts"),
      ...args,
    ],
    cwd: project.root,
    env: { NO_COLOR: "1", INIT_CWD: project.root },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function runIds(project: Project): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(project.path("runs/test"))).catch(() => []);
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
}

async function processesOf(project: Project): Promise<number[]> {
  const ids = await runIds(project);
  return (await Promise.all(ids.map((id) => findProcesses({ mark: `EXPERIMENT_RUN=${id}` })))).flat();
}

function kill(pid: number) {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // it ended just now
  }
}

Deno.test(`kill -9 of runner or step at ${KILLS} random moments, then verify and --resume`, async (t) => {
  const seen = { runner: 0, step: 0, before: 0, ended: 0 };
  for (let index = 0; index < KILLS; index++) {
    await using project = await Project.make(FILES);
    const child = startRunner(project, []);
    const output = ended(child);
    const moment = Math.random() * 2500;
    await new Promise((resolve) => setTimeout(resolve, moment));
    const steps = await processesOf(project);
    const isStep = index % 2 === 1 && steps.length > 0;
    kill(isStep ? steps[Math.floor(Math.random() * steps.length)]! : child.pid);
    const first = await output;
    const what = `kill ${index} of the ${isStep ? "step" : "runner"} after ${Math.round(moment)} ms`;
    const before = await runIds(project);

    const verified = await project.task("verify", ["--json"]);
    assert.doesNotMatch(verified.stderr, /defect/, what);
    const { status, holds } = JSON.parse(verified.stdout);
    // A runner that was killed while it wrote its report had done the run.
    const isDone = status === "done";
    assert.ok(isDone || first.code !== 0, what);
    assert.equal(holds ?? false, isDone, `${what}: ${verified.stdout}`);
    if (status !== undefined && !isDone) assert.match(status, /^(interrupted|failed)$/, what);
    if (isDone) seen.ended++;
    else if (before.length === 0) seen.before++;
    else seen[isStep ? "step" : "runner"]++;

    const isCut = status !== undefined && !isDone;
    const resumed = await project.task("reproduce", isCut ? ["--resume"] : []);
    assert.equal(resumed.code, 0, `${what}: ${resumed.stdout}${resumed.stderr}`);
    const run = await project.run();
    assert.equal(await Deno.readTextFile(join(run, "train/weights.txt")), weightsOf(COUNT), what);
    const evidence = JSON.parse(await Deno.readTextFile(join(run, "evidence.json")));
    assert.equal(evidence.status, "done", what);
    if (isCut) {
      assert.equal(evidence.attempts.length, 2, what);
      assert.match(evidence.attempts[0].status, /^(interrupted|failed)$/, what);
      assert.ok(evidence.attempts[0].ended !== undefined, what);
    }
    assert.equal((await project.task("verify")).code, 0, what);
    assert.deepEqual(await processesOf(project), [], what);
  }
  await t.step(
    `${seen.runner} of the runner, ${seen.step} of the step, ${seen.before} before there was a run, ${seen.ended} too late`,
    () => {},
  );
});

/** How many run at once. */
const AT_ONCE = 20;

Deno.test(`${AT_ONCE} runs at once in a cold clone: one environment is made, and all finish`, async () => {
  await using project = await Project.make({
    "requirements.txt": "",
    "experiment.yaml": experiment("environment: { requirements: requirements.txt }\n"),
    "train.py": `import sys\nopen(sys.argv[2] + "/prefix", "w").write(sys.prefix)\n`,
  });
  const all = await Promise.all(Array.from({ length: AT_ONCE }, () => project.task("train")));
  for (const { code, stdout, stderr } of all) assert.equal(code, 0, stdout + stderr);
  const made = all.filter(({ stdout, stderr }) => /^Made \S+\.venv in /m.test(stdout + stderr));
  assert.equal(made.length, 1, "made more than once");
  const runs = await runIds(project);
  assert.equal(new Set(runs).size, AT_ONCE);
  for (const id of runs) {
    const prefix = await Deno.readTextFile(project.path("runs/test", id, "train/prefix"));
    assert.equal(prefix, project.path(".venv"));
    const evidence = await project.json("runs/test", id, "evidence.json");
    assert.equal(evidence.status, "done");
  }
});
