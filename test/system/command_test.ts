import assert from "node:assert/strict";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { run, shellQuote } from "../../tasks/lib/system/command.ts";

Deno.test("run() returns the exit code and both streams, and hands out lines as they come", async () => {
  const lines: string[] = [];
  const script = "printf 'one\\ntwo\\rthree'; echo bad >&2; exit 3";
  const done = await run(["sh", "-c", script], { onLine: (line, stream) => lines.push(`${stream} ${line}`) });
  assert.deepEqual(done, { code: 3, signal: undefined, stdout: "one\ntwo\rthree", stderr: "bad\n" });
  assert.deepEqual(lines.filter((line) => line.startsWith("stdout")), [
    "stdout one",
    "stdout two",
    "stdout three",
  ]);
});

Deno.test("run() ends a command that takes too long, or that is no longer wanted", async (t) => {
  await t.step("timeoutMs", async () => {
    assert.equal((await run(["sleep", "60"], { timeoutMs: 50 })).signal, "SIGKILL");
  });
  await t.step("signal", async () => {
    assert.equal((await run(["sleep", "60"], { signal: AbortSignal.timeout(50) })).signal, "SIGKILL");
  });
});

Deno.test("run() names a program or a folder that is not there", async () => {
  await assert.rejects(run(["no-such-program"]), (error) => {
    assert.ok(error instanceof Failure && error.exitCode === 3);
    assert.match(error.message, /Cannot start "no-such-program": the program is not there/);
    return true;
  });
  await assert.rejects(
    run(["true"], { cwd: "/no/such/folder" }),
    /the folder \/no\/such\/folder is not there/,
  );
});

Deno.test("shellQuote() writes a line that a shell reads as exactly these arguments", async () => {
  const argv = ["a b", "it's", '"', "$(x)", "`y`", "line\nbreak", "--leading", "", "*", "ümlaut", "\\"];
  const line = `printf '%s\\0' ${shellQuote(argv)}`;
  assert.deepEqual((await run(["sh", "-c", line])).stdout.split("\0").slice(0, -1), argv);
});
