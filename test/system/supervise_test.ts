import assert from "node:assert/strict";
import { findProcesses } from "../../tasks/lib/system/processes.ts";
import { StopSignals, supervise } from "../../tasks/lib/system/supervise.ts";

/** Runs a Python text; `onText` is called with all that it has printed so far. */
async function superviseText(code: string, onText: (text: string) => void = () => {}) {
  const mark = `SUPERVISE_TEST=${crypto.randomUUID()}`;
  const [name, value] = mark.split("=");
  using stopper = new StopSignals();
  const stops: string[] = [];
  const streams = { stdout: "", stderr: "" };
  let both = "";
  const ended = await supervise(["python3", "-u", "-c", code], {
    cwd: Deno.cwd(),
    env: { [name!]: value! },
    mark,
    stopper,
    onOutput: (chunk, stream) => {
      streams[stream] += new TextDecoder().decode(chunk);
      both += new TextDecoder().decode(chunk);
      onText(streams.stdout);
    },
    onStop: (signal) => stops.push(signal),
  });
  return { ended, streams, both, stops, left: await findProcesses({ mark }) };
}

Deno.test("supervise() hands each stream on in order and whole, and says the exit code", async () => {
  const { ended, streams } = await superviseText(`
import sys
for i in range(20000):
    print(i)
    print(-i, file=sys.stderr)
sys.exit(3)
`);
  const numbers = Array.from({ length: 20000 }, (_, i) => i);
  assert.equal(streams.stdout, numbers.map((i) => `${i}\n`).join(""));
  assert.equal(streams.stderr, numbers.map((i) => `${i === 0 ? "" : "-"}${i}\n`).join(""));
  assert.deepEqual(ended, { code: 3, signal: undefined, stoppedBy: undefined });
});

Deno.test("a line that is written in pieces is not torn by the other stream", async () => {
  const { both } = await superviseText(`
import os, time
for number in range(50):
    os.write(1, b"accuracy: ")
    os.write(2, b"a warning\\n")
    os.write(1, b"%d\\n" % number)
os.write(1, b"really? ")
time.sleep(0.5)
os.write(2, b"no answer\\n")
`);
  const lines = both.split("\n");
  for (let number = 0; number < 50; number++) assert.ok(lines.includes(`accuracy: ${number}`), `${number}`);
  assert.equal(lines.filter((line) => line === "a warning").length, 50);
  // What does not end in a line end is shown all the same, before what comes later.
  assert.equal(lines.at(-2), "really? no answer");
});

Deno.test("supervise() ends what the step leaves running, also what holds its output open", async () => {
  const { ended, left } = await superviseText(`
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
`);
  assert.equal(ended.code, 0);
  assert.deepEqual(left, []);
});

Deno.test("supervise() says the signal that ended the step", async () => {
  const { ended } = await superviseText("import os; os.kill(os.getpid(), 9)");
  assert.deepEqual([ended.signal, ended.stoppedBy], ["SIGKILL", undefined]);
});

Deno.test("the first signal reaches the step as SIGINT, which may save; onStop hears of it once", async () => {
  let asked = 0;
  const { ended, streams, stops } = await superviseText(
    `
import time
try:
    print("ready")
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.2)
    print("saved")
    raise SystemExit(5)
`,
    (text) => {
      if (text !== "ready\n") return;
      // Twice at once is one key press, since the terminal signals all that is in the foreground.
      for (; asked < 2; asked++) Deno.kill(Deno.pid, "SIGTERM");
    },
  );
  assert.equal(streams.stdout, "ready\nsaved\n");
  assert.deepEqual(stops, ["SIGTERM"]);
  assert.deepEqual(ended, { code: 5, signal: undefined, stoppedBy: "SIGTERM" });
});

Deno.test("a second signal ends a step that does not listen", async () => {
  const { ended, stops } = await superviseText(
    `
import signal, time
signal.signal(signal.SIGINT, lambda *_: print("heard"))
print("ready")
while True:
    time.sleep(1)
`,
    (text) => {
      if (text === "ready\n") Deno.kill(Deno.pid, "SIGTERM");
      // Later than a second report of the same key press would come.
      if (text === "ready\nheard\n") setTimeout(() => Deno.kill(Deno.pid, "SIGHUP"), 600);
    },
  );
  assert.deepEqual([ended.signal, ended.stoppedBy, stops], ["SIGKILL", "SIGTERM", ["SIGTERM"]]);
});

Deno.test("a program that is not there is said as such", async () => {
  using stopper = new StopSignals();
  const options = { cwd: Deno.cwd(), env: {}, mark: "SUPERVISE_TEST=none", stopper, onOutput: () => {} };
  await assert.rejects(supervise(["no-such-program"], options), {
    exitCode: 3,
    message: 'Cannot start "no-such-program": the program is not there',
  });
});
