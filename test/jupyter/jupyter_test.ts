/** What `deno task jupyter` makes of a request, of ports and of tokens, without an engine. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parse } from "../../tasks/lib/cli/options.ts";
import { Terminal } from "../../tasks/lib/cli/terminal.ts";
import type { ContainerInfo } from "../../tasks/lib/container/client.ts";
import type { EngineChoice } from "../../tasks/lib/engine/engine.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { conditionOf, execCommand, runCommand } from "../../tasks/lib/jupyter/container_server.ts";
import { openBrowser } from "../../tasks/lib/jupyter/open_browser.ts";
import { planServer, type ServerPlan } from "../../tasks/lib/jupyter/plan.ts";
import { probe } from "../../tasks/lib/jupyter/probe.ts";
import { readRequest, type RunOptions } from "../../tasks/lib/jupyter/request.ts";
import { stateFolder } from "../../tasks/lib/jupyter/state.ts";
import { chooseToken } from "../../tasks/lib/jupyter/token.ts";
import { addressesToBind } from "../../tasks/lib/system/address.ts";
import { runInTerminal } from "../../tasks/lib/system/command.ts";
import { isFree, nextFree } from "../../tasks/lib/system/port.ts";
import { HOST } from "../support/plan_request.ts";
import { Project } from "../support/project.ts";

const FIXTURES = join(import.meta.dirname!, "..", "fixtures", "jupyter");

/** As in engine_test.ts. */
const UPDATE = Deno.env.get("UPDATE_GOLDEN") === "1";

const NOTHING: RunOptions = {
  detach: false,
  publish: [],
  sudo: false,
  root: false,
  restart: false,
  open: false,
  yes: false,
  plan: false,
};

const TEXT = "name: digits\nenvironment: { gpus: none, shm_size: 8g, network: none }\n" +
  "steps: { train: { run: [python, train.py] } }\n";

const GPU = { name: "NVIDIA A100", memory: 40960, driver: "575.57.08", uuid: "GPU-1" };

const FOLDER = "/home/me/.local/state/experiment-jupyter/0123456789abcdef";

function planFor(
  options: Partial<RunOptions> = {},
  {
    engine = "docker" as ServerPlan["engine"],
    uid = 1234,
    keepId = false,
    version = "28.0.0",
    data = undefined as string[] | undefined,
    hostIds = undefined as true | undefined,
  } = {},
): { plan: ServerPlan; notes: string[] } {
  const container: EngineChoice["container"] = {
    image: { name: "digits:cpu", id: "sha256:1234" },
    entrypoint: ["tini", "-g", "--"],
    user: `${uid}:${uid === 0 ? 0 : 5678}`,
    keepId,
    hostIds,
  };
  const file = (name: string) => join(FOLDER, name);
  return planServer({
    request: readRequest({ ...NOTHING, ...options }),
    experiment: parseExperiment(TEXT, "/my project/experiment.yaml", "/my project"),
    host: { ...HOST, uid, gid: uid === 0 ? 0 : 5678, gpus: [GPU, GPU] },
    choice: {
      engine: { name: engine, because: "asked for", version },
      container: engine === "host" ? undefined : container,
    },
    kind: engine === "host" || engine === "apptainer" ? "process" : "container",
    folder: {
      path: FOLDER,
      record: file("jupyter.json"),
      token: file("token"),
      log: file("log"),
      page: file("page"),
    },
    data,
    python: { python: "/my project/.venv/bin/python", env: {} },
  });
}

Deno.test("readRequest() refuses options that are wrong or contradict each other", async (t) => {
  const cases: [Partial<RunOptions>, RegExp][] = [
    [{ port: "0" }, /--port must be a port from 1 to 65535, current value is "0"/],
    [{ port: "65536" }, /--port must be/],
    [{ port: "88x" }, /--port must be/],
    [{ publish: ["6006", "-1"] }, /--publish must be a port.*"-1"/],
    [{ publish: ["8888"] }, /--publish 8888 is JupyterLab's own port/],
    [{ host: "0.0.0" }, /--host must be an IPv4 address such as 0\.0\.0\.0, current value is "0\.0\.0"/],
    [{ host: "::" }, /--host must be an IPv4 address/],
    [{ gpus: "two" }, /--gpus must be/],
    [{ sudo: true, root: true }, /--sudo is for a user/],
    [{ restart: true }, /--restart needs --detach/],
  ];
  for (const [options, message] of cases) {
    await t.step(String(message), () => {
      assert.throws(() => readRequest({ ...NOTHING, ...options }), { exitCode: 2, message });
    });
  }
});

Deno.test("runCommand() is what the golden file says, and holds no token", async (t) => {
  const cases: Record<string, Parameters<typeof planFor>> = {
    "docker": [],
    "docker as root": [{}, { uid: 0 }],
    "docker with data": [{}, { data: ["/home/me/.cache/experiment-data/abc"] }],
    "docker --root": [{ root: true }],
    "docker with ids of its own, --root": [{ root: true }, { hostIds: true }],
    "docker with everything": [{
      sudo: true,
      restart: true,
      detach: true,
      gpus: "0,1",
      publish: ["6006", "6006"],
      port: "9000",
      host: "192.0.2.7",
    }],
    "podman, rootless": [{ gpus: "all", sudo: true }, { engine: "podman", keepId: true, version: "4.3.1" }],
    "podman, rootless --root": [{ root: true }, { engine: "podman", keepId: true, version: "3.4.4" }],
    "nerdctl": [{ gpus: "2" }, { engine: "nerdctl" }],
  };
  for (const [name, given] of Object.entries(cases)) {
    await t.step(name, async () => {
      const { plan } = planFor(...given);
      const argv = runCommand(plan.engine as "docker", plan);
      const golden = join(FIXTURES, `${name.replaceAll(/\W+/g, "_")}.json`);
      if (UPDATE) await Deno.writeTextFile(golden, `${JSON.stringify(argv, null, 2)}\n`);
      assert.deepEqual(argv, JSON.parse(await Deno.readTextFile(golden)));
    });
  }
});

Deno.test("planServer() says what the user should know", async (t) => {
  const cases: [Parameters<typeof planFor>, RegExp | undefined][] = [
    [[], undefined],
    [[{ host: "127.0.0.2" }], undefined],
    [[{ host: "0.0.0.0" }], /lets other machines reach JupyterLab, over unencrypted HTTP.*ssh -L 8888/],
    [[{}, { uid: 0 }], /You are root, so JupyterLab runs as root/],
    [[{ root: true }], /belong to root; deno task fix-permissions/],
    [[{ root: true }, { engine: "podman", keepId: true }], undefined],
  ];
  for (const [given, note] of cases) {
    await t.step(JSON.stringify(given), () => {
      const { notes } = planFor(...given);
      if (note === undefined) assert.deepEqual(notes, []);
      else assert.match(notes.join("\n"), note);
    });
  }
});

Deno.test("planServer() refuses what an engine can't do", async (t) => {
  const cases: [Parameters<typeof planFor>, { exitCode: number; message: RegExp }][] = [
    [[{ sudo: true }, { engine: "host" }], { exitCode: 2, message: /--sudo needs a container engine/ }],
    [[{ publish: ["6006"] }, { engine: "host" }], { exitCode: 2, message: /--publish needs a container/ }],
    [[{ gpus: "all" }, { engine: "host" }], { exitCode: 2, message: /--gpus needs a container engine/ }],
    [[{ host: "192.0.2.7" }, { engine: "host" }], { exitCode: 2, message: /--host must be 0\.0\.0\.0/ }],
    [[{ gpus: "3" }], { exitCode: 3, message: /demands 3 GPUs, and nvidia-smi finds 2/ }],
    [[{}, { engine: "podman", keepId: true, version: "3.4.4" }], {
      exitCode: 3,
      message: /takes Podman 4\.3 or newer, current value is "3\.4\.4"/,
    }],
    [[{}, { hostIds: true }], {
      exitCode: 3,
      message: /gives containers ids of their own \(userns-remap\)$/,
    }],
  ];
  for (const [given, failure] of cases) {
    await t.step(String(failure.message), () => assert.throws(() => planFor(...given), failure));
  }
});

Deno.test("execCommand() is as the user by name, and as root only where the server is root's", () => {
  const user = execCommand("docker", planFor().plan, ["true"], false);
  assert.deepEqual(user.slice(user.indexOf("--user"), user.indexOf("--user") + 2), ["--user", "jovyan"]);
  assert.ok(!user.includes("--tty"));
  const root = execCommand("docker", planFor({ root: true }).plan, [], true);
  assert.deepEqual(root.slice(root.indexOf("--user"), root.indexOf("--user") + 2), ["--user", "0:0"]);
  assert.ok(root.includes("--tty"));
  assert.equal(root.at(-1), "bash");
});

Deno.test("addressesToBind() adds the loopback to an address from outside", () => {
  assert.deepEqual(addressesToBind("127.0.0.1"), ["127.0.0.1"]);
  assert.deepEqual(addressesToBind("0.0.0.0"), ["0.0.0.0"]);
  for (const other of ["192.0.2.7", "127.0.0.2"]) {
    assert.deepEqual(addressesToBind(other), [other, "127.0.0.1"]);
  }
});

Deno.test("conditionOf() reads what became of a container", () => {
  const ended: ContainerInfo = {
    ...{
      id: "1",
      name: "a",
      image: "i",
      running: false,
      removing: false,
      exitCode: 0,
      oomKilled: false,
      error: "",
    },
    ...{ labels: {}, started: "", ports: {} },
  };
  assert.deepEqual(conditionOf(undefined), { is: "gone" });
  assert.deepEqual(conditionOf({ ...ended, running: true }), { is: "running" });
  assert.deepEqual(conditionOf(ended), { is: "ended", because: "it was shut down", failed: false });
  const failed = { ...ended, exitCode: 137 };
  assert.deepEqual(conditionOf(failed), { is: "ended", because: "exit code 137", failed: true });
  assert.deepEqual(conditionOf({ ...failed, oomKilled: true }), {
    is: "ended",
    because: "it ran out of memory",
    failed: true,
  });
});

Deno.test("isFree() and nextFree() ask the system", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  assert.equal(isFree(port), false);
  const next = nextFree(port)!;
  assert.ok(next > port && isFree(next));
  assert.notEqual(nextFree(port, [next]), next);
});

Deno.test("probe() tells a server that takes the token from others, whatever proxy is set", async (t) => {
  type Rule = (path: string, authorization: string | undefined) => number;
  const cases: [answer: string, rule: Rule][] = [
    ["ready", (_, authorization) => authorization === "token secret" ? 200 : 403],
    ["open", () => 200],
    ["strange", () => 404],
  ];
  const proxy = Deno.env.get("http_proxy");
  Deno.env.set("http_proxy", "http://127.0.0.1:9");
  for (const [answer, rule] of cases) {
    await t.step(answer, async () => {
      const server = createServer((request, response) => {
        response.statusCode = rule(request.url ?? "", request.headers.authorization);
        response.end();
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      assert.equal(await probe(port, "secret"), answer);
      await new Promise((resolve) => server.close(resolve));
      assert.equal(await probe(port, "secret"), "silent");
    });
  }
  if (proxy === undefined) Deno.env.delete("http_proxy");
  else Deno.env.set("http_proxy", proxy);
});

Deno.test("chooseToken() makes a random one, or takes a file that is its owner's alone", async (t) => {
  await using project = await Project.make({
    "token": "a-static-token\n",
    "two": "two tokens",
    "short": "abc",
  });
  const file = project.path("token");
  await t.step("random", async () => {
    const [one, other] = [await chooseToken(undefined), await chooseToken(undefined)];
    assert.match(one, /^[0-9a-f]{64}$/);
    assert.notEqual(one, other);
  });
  await t.step("mode 0644", async () => {
    await Deno.chmod(file, 0o644);
    const failure = { exitCode: 2, message: /must be its owner's alone, current mode is 644/ };
    await assert.rejects(chooseToken(file), failure);
  });
  await t.step("mode 0600", async () => {
    await Deno.chmod(file, 0o600);
    assert.equal(await chooseToken(file), "a-static-token");
  });
  await t.step("no token in it, and it is not shown", async () => {
    for (const name of ["two", "short"]) {
      await Deno.chmod(project.path(name), 0o600);
      const message = /must hold a token of at least 8 visible ASCII characters without spaces$/;
      await assert.rejects(chooseToken(project.path(name)), { exitCode: 2, message });
    }
  });
  await t.step("no file", async () => {
    await assert.rejects(chooseToken(project.path("none")), {
      exitCode: 2,
      message: /there is no such file/,
    });
  });
});

Deno.test("stateFolder() needs a home, and differs from project to project", () => {
  const home = Deno.env.get("HOME");
  const states = Deno.env.get("XDG_STATE_HOME");
  try {
    Deno.env.set("XDG_STATE_HOME", "/state");
    assert.match(stateFolder("/a").token, /^\/state\/experiment-jupyter\/[0-9a-f]{16}\/token$/);
    assert.notEqual(stateFolder("/a").path, stateFolder("/b").path);
    Deno.env.delete("XDG_STATE_HOME");
    Deno.env.delete("HOME");
    assert.throws(() => stateFolder("/a"), { exitCode: 3, message: /there is no HOME/ });
  } finally {
    if (home !== undefined) Deno.env.set("HOME", home);
    if (states !== undefined) Deno.env.set("XDG_STATE_HOME", states);
  }
});

Deno.test("openBrowser() gives the browser a page of the user's alone, and no token on its command line", async () => {
  // Where tests run there is no browser: this one writes down how it was called.
  const opener = '#!/bin/sh\necho "$@" > "$(dirname "$0")/called"\n';
  await using project = await Project.make({ "bin/xdg-open": opener, "bin/open": opener });
  for (const name of ["xdg-open", "open"]) await Deno.chmod(project.path("bin", name), 0o755);
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", `${project.path("bin")}:${path}`);
  try {
    const page = project.path("open.html");
    const folder = { path: project.root, record: "", token: "", log: "", page };
    await openBrowser("http://127.0.0.1:8888/lab?token=secret", folder, new Terminal());
    assert.equal(await Deno.readTextFile(project.path("bin/called")), `${page}\n`);
    assert.match(await Deno.readTextFile(page), /url=http:\/\/127\.0\.0\.1:8888\/lab\?token=secret"/);
    assert.equal((await Deno.stat(page)).mode! & 0o777, 0o600);
  } finally {
    Deno.env.set("PATH", path);
  }
});

Deno.test("runInTerminal() returns the exit code, 128 and more for a signal", async () => {
  assert.equal(await runInTerminal(["sh", "-c", "exit 7"]), 7);
  assert.equal(await runInTerminal(["sh", "-c", "kill -TERM $$"]), 143);
  await assert.rejects(runInTerminal(["no-such-program"]), { exitCode: 3 });
});

Deno.test("the tasks say what is missing in a project without a server, and refuse --json where it makes no sense", async () => {
  await using project = await Project.make({ "experiment.yaml": TEXT });
  const env = { XDG_STATE_HOME: project.path("state") };
  const status = await project.task("status", ["--json"], env);
  assert.equal(status.code, 1);
  assert.deepEqual(JSON.parse(status.stdout), { running: false });
  const stop = await project.task("stop", [], env);
  assert.deepEqual([stop.code, stop.stdout], [0, "No JupyterLab of this project runs\n"]);
  for (const task of ["logs", "shell"]) {
    const without = await project.task(task, [], env);
    assert.equal(without.code, 3);
    assert.match(without.stderr, /No JupyterLab of this project was started[\s\S]*deno task jupyter/);
    const json = await project.task(task, ["--json"], env);
    assert.equal(json.code, 2);
    assert.match(json.stderr, new RegExp(`"deno task ${task}" has no --json`));
  }
  const run = await project.task("run", ["--json"], env);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /--json needs --detach/);
});

Deno.test("deno task shell passes its arguments on as they are", () => {
  const task = {
    name: "shell",
    summary: "",
    examples: [["", ""]] as [string, string][],
    options: {},
    rest: "a command",
  };
  assert.deepEqual(parse(task, ["--", "sh", "-c", "a b", "--json"]).rest, ["sh", "-c", "a b", "--json"]);
});
