/** What is left after a kill, a ^C, a full disk, and two who want the same folder. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { findProcesses } from "../../tasks/lib/system/processes.ts";
import { ended, experiment, Project, ROOT, TRAIN, until } from "../support/project.ts";
import { mount, mountable, unmount } from "../support/small_disk.ts";

/** Leaves a child in a session of its own, says that it is there, and saves when it is interrupted. */
const LONG = `
import subprocess, sys, time
out = sys.argv[sys.argv.index("--out") + 1]
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
if "--resume" in sys.argv:
    child.kill()
    open(out + "/metrics.json", "w").write('{"accuracy": [99.44]}')
    print("resumed with", open(out + "/checkpoint").read())
    sys.exit()
open(out + "/checkpoint", "w").write("epoch 3")
try:
    print("at work", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("saved", flush=True)
    raise
`;

const RESUMABLE = experiment("    resume: [--resume]\n    produces: [metrics.json]\n");

async function running(project: Project, child: Deno.ChildProcess) {
  await until("the step is at work", async () => {
    const run = await project.run().catch(() => undefined);
    return run !== undefined &&
      (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("at work");
  });
  return { run: (await project.evidence()).run as string, child };
}

async function left(run: string): Promise<number[]> {
  return await findProcesses({ mark: `EXPERIMENT_RUN=${run}` });
}

/** The runner itself, not the `deno task` above it. */
async function runnerPid(project: Project): Promise<number> {
  return (await project.evidence()).attempts.at(-1).pid;
}

Deno.test("kill -9 of the runner: the next run ends what was left and records the first as interrupted", async () => {
  await using project = await Project.make({ "experiment.yaml": RESUMABLE, "train.py": LONG });
  const { run, child } = await running(project, project.start("train"));
  const first = await project.run();
  Deno.kill(await runnerPid(project), "SIGKILL");
  await ended(child);
  assert.ok((await left(run)).length >= 2, "the step and its child outlive the runner");
  await project.write("train.py", TRAIN);
  const { code, stderr } = await project.task("train");
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`earlier run ${run} was killed: recorded as interrupted`));
  assert.deepEqual(await left(run), []);
  const evidence = JSON.parse(await Deno.readTextFile(join(first, "evidence.json")));
  assert.equal(evidence.status, "interrupted");
  assert.equal(evidence.steps.train.status, "interrupted");
});

Deno.test("kill -9 of the runner: verify says that there is no verdict, and --resume goes on with the same run", async () => {
  await using project = await Project.make({ "experiment.yaml": RESUMABLE, "train.py": LONG });
  const { run, child } = await running(project, project.start("train"));
  Deno.kill(await runnerPid(project), "SIGKILL");
  await ended(child);
  const verify = await project.task("verify", [run]);
  assert.equal(verify.code, 1);
  assert.match(verify.stdout, /No verdict for a run that was interrupted/);
  const { code, stdout, stderr } = await project.task("train", ["--resume"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /resumed with epoch 3/);
  const evidence = await project.evidence();
  assert.equal(evidence.run, run);
  assert.equal(evidence.status, "done");
  assert.deepEqual(evidence.attempts.map(({ status }: { status: string }) => status), [
    "interrupted",
    "done",
  ]);
  assert.deepEqual(await left(run), []);
});

Deno.test("kill -9 of the step: the run fails, says so, and leaves nothing running", async () => {
  await using project = await Project.make({ "experiment.yaml": RESUMABLE, "train.py": LONG });
  const { run, child } = await running(project, project.start("train"));
  const { pid } = JSON.parse(await Deno.readTextFile(join(await project.run(), "train/step.json")));
  Deno.kill(pid, "SIGKILL");
  const { code, stdout } = await ended(child);
  assert.equal(code, 1);
  assert.match(stdout, /step "train" failed: ended by SIGKILL/);
  assert.equal((await project.evidence()).steps.train.signal, "SIGKILL");
  assert.deepEqual(await left(run), []);
});

Deno.test("^C on a terminal, once or twice quickly, is one clean stop with exit code 130", async (t) => {
  for (const presses of [1, 2]) {
    await t.step(`pressed ${presses === 1 ? "once" : "twice"}`, async () => {
      await using project = await Project.make({ "experiment.yaml": RESUMABLE, "train.py": LONG });
      const command = [Deno.execPath(), "task", "--quiet", "--config", join(ROOT, "deno.json"), "train"];
      const { code, stdout } = await ended(
        new Deno.Command("python3", {
          args: [join(ROOT, "test/support/terminal.py"), "at work", String(presses), ...command],
          cwd: project.root,
          env: { INIT_CWD: project.root },
          stdout: "piped",
          stderr: "piped",
        }).spawn(),
      );
      assert.equal(code, 130, stdout);
      assert.equal(stdout.match(/saved/g)?.length, 1, stdout);
      const evidence = await project.evidence();
      assert.equal(evidence.status, "interrupted");
      assert.deepEqual(await left(evidence.run), []);
    });
  }
});

Deno.test("SIGTERM to the runner stops the step, which may save, and records the interruption", async () => {
  await using project = await Project.make({ "experiment.yaml": RESUMABLE, "train.py": LONG });
  const { run, child } = await running(project, project.start("train"));
  Deno.kill(await runnerPid(project), "SIGTERM");
  const { code, stdout } = await ended(child);
  assert.equal(code, 130);
  assert.match(stdout, /saved/);
  assert.equal((await project.evidence()).steps.train.problem, "stopped by SIGTERM");
  assert.deepEqual(await left(run), []);
});

Deno.test("a process that a step leaves behind is ended with it", async () => {
  const train = 'import subprocess\nsubprocess.Popen(["sleep", "60"], start_new_session=True)\n';
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": train });
  assert.equal((await project.task("train")).code, 0);
  assert.deepEqual(await left((await project.evidence()).run), []);
});

Deno.test("two takers of one run folder: the second says who is at it", async () => {
  await using project = await Project.make({ "experiment.yaml": RESUMABLE, "train.py": LONG });
  const { child } = await running(project, project.start("train"));
  const pid = await runnerPid(project);
  const { code, stderr } = await project.task("train", ["--resume"]);
  assert.equal(code, 3);
  assert.match(stderr, new RegExp(`locked by process ${pid} on \\S+, which is writing to it since`));
  Deno.kill(pid, "SIGINT");
  await ended(child);
});

Deno.test("a run folder that another host holds is taken only with --force", async () => {
  await using project = await Project.make({
    "experiment.yaml": RESUMABLE,
    "train.py": "raise SystemExit(1)",
  });
  await project.task("train");
  const holder = { host: "elsewhere", pid: 1, since: "2026-01-01T00:00:00Z" };
  await Deno.writeTextFile(join(await project.run(), ".lock"), JSON.stringify(holder));
  const refused = await project.task("train", ["--resume"]);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /process 1 on elsewhere.*another host[\s\S]*--force/);
  await project.write("train.py", TRAIN);
  assert.equal((await project.task("train", ["--resume", "--force"])).code, 0);
});

Deno.test("--resume runs a step without resume arguments afresh and keeps what the attempt before left", async () => {
  const fails = 'import sys\nopen(sys.argv[2] + "/half", "w")\nsys.exit(1)\n';
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": fails });
  assert.equal((await project.task("train")).code, 1);
  await project.write("train.py", TRAIN);
  assert.equal((await project.task("train", ["--resume"])).code, 0);
  const run = await project.run();
  await Deno.stat(join(run, "train.attempt-1/half"));
  await Deno.stat(join(run, "train/metrics.json"));
  const again = await project.task("train", ["--resume"]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is done/);
});

Deno.test({
  name: "a full disk: exit 3 or 1, says so, and the record is not half a record",
  ignore: !mountable,
}, async () => {
  const fills = 'import sys\nopen(sys.argv[2] + "/big", "wb").write(b"x" * 10_000_000)\n';
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": fills });
  await mount(project.path("runs"), "size=512k");
  try {
    const { code, stdout, stderr } = await project.task("train");
    assert.ok(code === 1 || code === 3, stdout + stderr);
    assert.match(stdout + stderr, /No space left/);
    const { status } = await project.evidence();
    assert.ok(status === "failed" || status === "running" || status === "planned", status);
    const next = await project.task("verify");
    assert.equal(next.code, 1);
    assert.match(next.stdout, /No verdict for a run that/);
  } finally {
    await unmount(project.path("runs"));
  }
});

Deno.test({
  name: "a read-only project: exit 3 with the remedy, and --runs elsewhere works",
  ignore: !mountable,
}, async () => {
  await using outer = await Project.make({});
  const root = outer.path("project");
  await mount(root, "size=1m");
  try {
    await Deno.writeTextFile(join(root, "experiment.yaml"), experiment());
    await Deno.writeTextFile(join(root, "train.py"), TRAIN);
    await new Deno.Command("mount", { args: ["-o", "remount,ro", root] }).output();
    const file = join(root, "experiment.yaml");
    const refused = await outer.task("train", [file]);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /[Rr]ead-only[\s\S]*--runs/);
    assert.equal((await outer.task("train", [file, "--runs", outer.path("elsewhere")])).code, 0);
  } finally {
    await unmount(root);
  }
});
