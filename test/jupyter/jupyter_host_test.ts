/** JupyterLab as a process of this machine, in this project's own environment. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { findProcesses } from "../../tasks/lib/system/processes.ts";
import { call, said } from "../support/engines.ts";
import { ask, freePort, listeners, tokenOf } from "../support/jupyter.ts";
import { ended, ROOT, until } from "../support/project.ts";

/** This project with a state folder of its own, so that a JupyterLab that its developer has started is left alone. */
class HostLab implements AsyncDisposable {
  readonly port = freePort();
  private constructor(readonly state: string) {}

  static async make(): Promise<HostLab> {
    return new HostLab(await Deno.makeTempDir({ prefix: "state-" }));
  }

  start(task: string, args: string[] = []): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "--config", join(ROOT, "deno.json"), task, ...args],
      env: { NO_COLOR: "1", INIT_CWD: ROOT, XDG_STATE_HOME: this.state },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async task(task: string, args: string[] = []) {
    return await ended(this.start(task, args));
  }

  async run() {
    const { code, stdout, stderr } = await this.task("run", [...this.asked, "--detach", "--json"]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  readonly asked = ["--engine", "host", "--port", String(this.port)];

  async [Symbol.asyncDispose]() {
    const { code, stderr } = await this.task("stop");
    assert.equal(code, 0, stderr);
    await Deno.remove(this.state, { recursive: true });
  }
}

Deno.test("JupyterLab on the host answers with its token only, and stop ends its kernels, too", async (t) => {
  await using lab = await HostLab.make();
  const { url, tokenFile, process } = await lab.run();
  const token = tokenOf(url);
  const mark = `JUPYTER_TOKEN_FILE=${tokenFile}`;

  await t.step("the address that it prints shows JupyterLab", async () => {
    const { pathname, search } = new URL(url);
    const { status, text } = await ask(lab.port, pathname + search);
    assert.equal(status, 200);
    assert.match(text, /<title>JupyterLab<\/title>/);
  });
  await t.step("/api/contents without the token is forbidden", async () => {
    assert.equal((await ask(lab.port, "/api/contents")).status, 403);
    assert.equal((await ask(lab.port, "/api/contents", { token })).status, 200);
  });
  await t.step("nothing listens on another address than the loopback's", async () => {
    assert.deepEqual(await listeners(lab.port), ["127.0.0.1"]);
  });
  await t.step("the token is in no command line, environment or log", async () => {
    const script = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'";
    const places = [await said(["sh", "-c", script]), await Deno.readTextFile(process.log)];
    places.forEach((text, index) => assert.ok(!text.includes(token), `place ${index}`));
    assert.equal((await Deno.stat(process.log)).mode! & 0o777, 0o600);
  });
  await t.step("shell has the environment's Python, in the project", async () => {
    const { stdout } = await lab.task("shell", ["--", "sh", "-c", "command -v python; pwd; exit 0"]);
    assert.deepEqual(stdout.split("\n").slice(0, 2), [process.python, ROOT]);
  });
  await t.step("logs shows the log", async () => {
    assert.match((await lab.task("logs")).stdout, /Jupyter Server .* is running/);
  });
  await t.step("starting it again offers the one that runs", async () => {
    assert.equal((await lab.run()).already, true);
  });
  await t.step("stop ends the server and its kernels", async () => {
    assert.equal((await ask(lab.port, "/api/kernels", { token, method: "POST", body: {} })).status, 201);
    await until("the kernel runs", async () => (await findProcesses({ mark })).length >= 2);
    const { stdout } = await lab.task("stop");
    assert.match(stdout, /Stopped JupyterLab on the host/);
    assert.deepEqual(await findProcesses({ mark }), []);
    assert.equal((await lab.task("status")).code, 1);
  });
});

Deno.test("a server on the host that was killed is told from one that runs", async () => {
  await using lab = await HostLab.make();
  const { tokenFile } = await lab.run();
  for (const pid of await findProcesses({ mark: `JUPYTER_TOKEN_FILE=${tokenFile}` })) {
    Deno.kill(pid, "SIGKILL");
  }
  await until("it is gone", async () => (await lab.task("status")).code === 1);
  assert.match((await lab.task("status")).stdout, /JupyterLab on the host has ended: its process is gone/);
  assert.match((await lab.task("logs")).stdout, /Jupyter Server/);
});

Deno.test("in the foreground on the host, ^C stops the server within 10 s", async () => {
  await using lab = await HostLab.make();
  const child = lab.start("run", lab.asked);
  let printed = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) printed += text;
  })();
  const errors = new Response(child.stderr).text();
  await until("the log is shown", () => /is running at/.test(printed), 60);
  const started = performance.now();
  child.kill("SIGINT");
  const { code } = await child.status;
  await reading;
  assert.ok(performance.now() - started < 10_000);
  assert.equal(code, 130, await errors);
  assert.deepEqual(await listeners(lab.port), []);
});

Deno.test("options that need a container are refused on the host", async () => {
  await using lab = await HostLab.make();
  for (const option of ["--sudo", "--root", "--publish=6006"]) {
    const { code, stderr } = await lab.task("run", [...lab.asked, "--detach", option]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`${option.split("=")[0]} needs a container engine`));
  }
  assert.notEqual((await call(["sh", "-c", `ls "${lab.state}"/experiment-jupyter/*/token`])).code, 0);
});
