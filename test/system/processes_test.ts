import assert from "node:assert/strict";
import { endProcesses, findProcesses } from "../../tasks/lib/system/processes.ts";
import { until } from "../support/project.ts";

function newMark(): string {
  return `PROCESSES_TEST=${crypto.randomUUID()}`;
}

/** Starts a program that has the mark, in a session of its own, and waits until it says "ready". */
async function start(mark: string, code: string) {
  const [name, value] = mark.split("=");
  const child = new Deno.Command("python3", {
    args: ["-c", code],
    env: { [name!]: value! },
    detached: true,
    stdout: "piped",
  }).spawn();
  // Unbuffered, the line arrives in two pieces.
  for await (const chunk of child.stdout) if (chunk.at(-1) === 10) break;
  return child;
}

const SLEEP = "import time; print('ready', flush=True); time.sleep(60)";

Deno.test("findProcesses() finds what has the mark, also in a session of its own, and nothing else", async () => {
  const mark = newMark();
  assert.deepEqual(await findProcesses({ mark }), []);
  const parent = await start(
    mark,
    `import subprocess, sys\nsubprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)\n${SLEEP}`,
  );
  const stranger = await start(`${mark}0`, SLEEP);
  try {
    await until("both are found", async () => (await findProcesses({ mark })).length === 2);
    const found = await findProcesses({ mark });
    assert.ok(found.includes(parent.pid));
    assert.ok(!found.includes(stranger.pid));
    assert.deepEqual(await findProcesses({ mark: newMark(), group: parent.pid }), [-parent.pid]);
    assert.equal(await endProcesses({ mark }), 2);
    assert.deepEqual(await findProcesses({ mark }), []);
    assert.deepEqual(await findProcesses({ mark: `${mark}0` }), [stranger.pid]);
  } finally {
    await endProcesses({ mark });
    await endProcesses({ mark: `${mark}0` });
    await Promise.all([parent.status, stranger.status]);
  }
});

Deno.test("endProcesses() asks first, and kills what does not listen", async (t) => {
  const cases: [what: string, code: string, ended: string | number][] = [
    ["one that saves and leaves", "import signal, sys\nsignal.signal(15, lambda *_: sys.exit(7))\n", 7],
    ["one that ignores SIGTERM", "import signal\nsignal.signal(15, signal.SIG_IGN)\n", "SIGKILL"],
  ];
  for (const [what, code, expected] of cases) {
    await t.step(what, async () => {
      const mark = newMark();
      const child = await start(mark, code + SLEEP);
      assert.equal(await endProcesses({ mark }, 500), 1);
      const { code: exitCode, signal } = await child.status;
      assert.equal(signal ?? exitCode, expected);
      assert.deepEqual(await findProcesses({ mark }), []);
    });
  }
});
