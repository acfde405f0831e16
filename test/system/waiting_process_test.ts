import assert from "node:assert/strict";
import { findProcesses } from "../../tasks/lib/system/processes.ts";
import { StopSignals, supervise } from "../../tasks/lib/system/supervise.ts";
import { WaitingProcess } from "../../tasks/lib/system/waiting_process.ts";

/** A Python text that waits, and the mark that its processes have. */
function start(code: string) {
  const name = "WAITING_TEST", value = crypto.randomUUID();
  const given = { cwd: Deno.cwd(), env: { [name]: value }, mark: `${name}=${value}` };
  return { ...given, process: new WaitingProcess(["python3", "-u", "-c", code], given) };
}

async function letGo({ process: ahead, ...given }: ReturnType<typeof start>) {
  using stopper = new StopSignals();
  let printed = "";
  const onOutput = (chunk: Uint8Array) => void (printed += new TextDecoder().decode(chunk));
  const ended = await supervise([], { ...given, stopper, ahead, onOutput });
  return { code: ended.code, printed };
}

Deno.test("a waiting process begins when it is let go, and reads no more", async () => {
  const waiting = start(`
import os, sys
assert os.environ["EXPERIMENT_AHEAD"] == "1"
print(repr(sys.stdin.readline()), repr(sys.stdin.read()))
`);
  assert.deepEqual(await letGo(waiting), { code: 0, printed: "'\\n' ''\n" });
});

Deno.test("a waiting process that has ended by itself says why when its turn comes", async () => {
  const waiting = start("import os; os.close(0); print('no such notebook'); os._exit(2)");
  while ((await findProcesses({ mark: waiting.mark })).length > 0);
  assert.deepEqual(await letGo(waiting), { code: 2, printed: "no such notebook\n" });
});

Deno.test("a waiting process that is not let go is ended with all that it has started", async () => {
  const { process, mark } = start(`
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
sys.stdin.readline()
`);
  await using _ = process;
  while ((await findProcesses({ mark })).length < 2);
  await process[Symbol.asyncDispose]();
  assert.deepEqual(await findProcesses({ mark }), []);
});
