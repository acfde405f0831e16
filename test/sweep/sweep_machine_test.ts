/** A sweep on a terminal, and how it shares a machine. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ended, Project, ROOT } from "../support/project.ts";

const FILES = {
  "experiment.yaml": `name: test
parameters: { seed: 1 }
environment: { gpus: optional }
steps:
  train:
    run: [python3, train.py, "{seed}", "{out}"]
    produces: [m.json]
`,
  "train.py": `
import json, os, sys, time
if sys.argv[1] == "2":
    sys.exit("no luck")
time.sleep(1.2)
names = ["CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"]
json.dump({name: os.environ.get(name) for name in names}, open(sys.argv[2] + "/m.json", "w"))
`,
};

const PROGRESS = /(\d) of 3 done, (\d) running, (\d) failed(, about [\d.]+ \w+ left)?/g;

Deno.test("on a terminal a table tells what is done, runs, failed and is left; elsewhere each member is a line", async () => {
  await using project = await Project.make(FILES);
  const command = [Deno.execPath(), "run", "-A", "--no-check", "--quiet", join(ROOT, "tasks/sweep.ts")];
  const { code, stdout } = await ended(
    new Deno.Command("python3", {
      args: [join(ROOT, "test/support/terminal.py"), "never", "1", ...command, "--seeds", "3"],
      cwd: project.root,
      env: { NO_COLOR: "1", TERM: "xterm", INIT_CWD: project.root },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  assert.equal(code, 1, stdout);
  const shown = [...stdout.matchAll(PROGRESS)].map((
    [, done, running, failed, left],
  ) => [done, running, failed, left]);
  assert.deepEqual(shown[0], ["0", "1", "0", undefined]);
  const [done, running, failed, left] = shown.at(-1)!;
  assert.deepEqual([done, running, failed], ["1", "1", "1"]);
  assert.match(left ?? "", /about .* left/);
  const lines = await project.task("sweep", ["--seeds", "3"]);
  // Lines that can be kept in a file, and one on what runs at most every ten seconds.
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(lines.stdout + lines.stderr, /[\x1b\r]/);
  assert.ok([...lines.stderr.matchAll(PROGRESS)].length <= 2, lines.stderr);
  assert.match(lines.stdout, /seed = 1 {2}done .*\n {2}seed = 2 {2}failed .*\n {2}seed = 3 {2}done/);
});

Deno.test("GPUs are dealt out to the members, or shares of them, and the processor's threads are divided", async (t) => {
  await using project = await Project.make({
    ...FILES,
    "train.py": FILES["train.py"].replace('if sys.argv[1] == "2":', "if False:"),
  });
  // A fake, since few machines that run tests have two GPUs: only the dealing is looked at.
  const bin = project.path("bin");
  await Deno.mkdir(bin);
  const rows = ["GPU-a", "GPU-b"].map((id) => `echo "NVIDIA L4, 23034, 575.57.08, ${id}"`).join("\n");
  await Deno.writeTextFile(join(bin, "nvidia-smi"), `#!/bin/sh\n${rows}\n`, { mode: 0o755 });
  const cores = navigator.hardwareConcurrency;
  const cases: [args: string[], devices: string[]][] = [[[], ["0", "1"]], [["--per-gpu", "2"], [
    "0",
    "1",
    "0",
    "1",
  ]]];
  for (const [args, devices] of cases) {
    await t.step(args.join(" ") || "one each", async () => {
      const { code, stdout, stderr } = await project.task("sweep", [
        "--seeds",
        String(devices.length),
        "--json",
        ...args,
      ], {
        PATH: `${bin}:${Deno.env.get("PATH")}`,
      });
      assert.equal(code, 0, stderr + stdout);
      const { directory, members, attempts } = JSON.parse(stdout);
      assert.deepEqual(attempts[0].gpus, devices);
      const made = await Promise.all(
        (members as { run: string }[]).map(async ({ run }) =>
          JSON.parse(await Deno.readTextFile(join(directory, run, "train/m.json")))
        ),
      );
      assert.deepEqual(made.map((one) => one.CUDA_VISIBLE_DEVICES), devices);
      const threads = String(Math.max(1, Math.floor(cores / devices.length)));
      for (const one of made) assert.equal(one.OMP_NUM_THREADS, threads);
      assert.match(
        await Deno.readTextFile(join(directory, "report.html")),
        /time of the steps × GPUs of each member/,
      );
    });
  }
});
