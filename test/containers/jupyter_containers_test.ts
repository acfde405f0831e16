/** JupyterLab as users have it: the real one, in containers of a real Docker Engine and on this machine, over real HTTP. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { socketPath } from "../support/docker.ts";
import { call, otherUser, ROOT_USER, said, startAs, type User } from "../support/engines.ts";
import { ask, findImage, freePort, listeners, tokenOf } from "../support/jupyter.ts";
import { type Ended, ended, experiment, Project, ROOT, until } from "../support/project.ts";

const found = await findImage();

const IMAGE = "image" in found ? found.image : "";

if ("missing" in found) console.log(`ignored: the tests of JupyterLab in containers, since ${found.missing}`);

function dockerTest(name: string, fn: (t: Deno.TestContext) => Promise<void>) {
  Deno.test({ name, ignore: "missing" in found, fn });
}

let stranger: User | undefined;

/** The user with uid 1234 and gid 5678, who may use Docker. */
async function anotherUser(): Promise<User> {
  const { gid } = await Deno.stat(socketPath());
  return stranger ??= await otherUser(gid === null ? [] : [gid]);
}

/** A project, and what its user can do with it. */
class Lab implements AsyncDisposable {
  readonly port = freePort();
  private constructor(readonly project: Project, readonly user: User, readonly state: string) {}

  static async make(user: User = ROOT_USER): Promise<Lab> {
    const project = await Project.make({ "experiment.yaml": experiment() });
    const state = user.env.HOME === undefined
      ? await Deno.makeTempDir({ prefix: "state-" })
      : join(user.env.HOME, ".local/state");
    await said(["chown", "-R", `${user.uid}:${user.gid}`, project.root]);
    return new Lab(project, user, state);
  }

  start(task: string, args: string[] = [], env = {}): Deno.ChildProcess {
    return startAs(this.user, this.project, task, args, { XDG_STATE_HOME: this.state, ...env });
  }

  async task(task: string, args: string[] = [], env = {}): Promise<Ended> {
    return await ended(this.start(task, args, env));
  }

  /** `deno task jupyter --detach` that must not fail; returns what it says of the server. */
  async run(args: string[] = [], env = {}) {
    const asked = ["--image", IMAGE, "--port", String(this.port), "--detach", "--json", ...args];
    const { code, stdout, stderr } = await this.task("run", asked, env);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  /** `deno task jupyter` that stays, once it shows the log; what it has printed by then, and what it ends with. */
  async foreground(): Promise<{ child: Deno.ChildProcess; printed: string; ended: Promise<Ended> }> {
    const child = this.start("run", ["--image", IMAGE, "--port", String(this.port)]);
    let printed = "";
    const stdout = (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) printed += text;
    })();
    const stderr = new Response(child.stderr).text();
    const end = async () => {
      const { code } = await child.status;
      await stdout;
      return { code, stdout: printed, stderr: await stderr };
    };
    await until("the log is shown", () => /is running at/.test(printed), 60);
    return { child, printed, ended: end() };
  }

  /** A command in the server's place, as its user. */
  async shell(...command: string[]): Promise<Ended> {
    return await this.task("shell", ["--", ...command]);
  }

  async [Symbol.asyncDispose]() {
    const { code, stderr } = await this.task("stop");
    assert.equal(code, 0, stderr);
    await this.project[Symbol.asyncDispose]();
    if (this.user === ROOT_USER) await Deno.remove(this.state, { recursive: true });
  }
}

for (const who of ["root", "uid 1234, gid 5678"]) {
  dockerTest(
    `JupyterLab started by ${who} answers with its token only, and its files are the caller's`,
    async (t) => {
      const user = who === "root" ? ROOT_USER : await anotherUser();
      await using lab = await Lab.make(user);
      const { url, id, tokenFile } = await lab.run();
      const token = tokenOf(url);
      const { port } = lab;

      await t.step("the address that it prints shows JupyterLab", async () => {
        const { pathname, search } = new URL(url);
        const { status, text } = await ask(port, pathname + search);
        assert.equal(status, 200);
        assert.match(text, /<title>JupyterLab<\/title>/);
      });
      await t.step("/api/contents without the token, or with another, is forbidden", async () => {
        assert.equal((await ask(port, "/api/contents")).status, 403);
        assert.equal((await ask(port, "/api/contents", { token: "0".repeat(64) })).status, 403);
        assert.equal((await ask(port, "/api/contents", { token })).status, 200);
      });
      await t.step("a file that is saved in it belongs to the caller", async () => {
        const body = { type: "file", format: "text", content: "saved" };
        assert.equal(
          (await ask(port, "/api/contents/saved.txt", { token, method: "PUT", body })).status,
          201,
        );
        const { uid, gid } = await Deno.stat(lab.project.path("saved.txt"));
        assert.deepEqual([uid, gid], [user.uid, user.gid]);
      });
      await t.step("a kernel starts", async () => {
        assert.equal((await ask(port, "/api/kernels", { token, method: "POST", body: {} })).status, 201);
      });
      await t.step("nothing listens on another address than the loopback's", async () => {
        assert.deepEqual(await listeners(port), ["127.0.0.1"]);
        const bound = JSON.parse(
          await said(["docker", "inspect", "--format", "{{json .HostConfig.PortBindings}}", id]),
        );
        assert.deepEqual(bound, { "8888/tcp": [{ HostIp: "127.0.0.1", HostPort: String(port) }] });
      });
      await t.step(
        "the token is in a file of the caller's alone, in a folder of the caller's alone",
        async () => {
          assert.equal(await Deno.readTextFile(tokenFile), token);
          const info = await Deno.stat(tokenFile);
          assert.deepEqual([info.mode! & 0o777, info.uid], [0o600, user.uid]);
          assert.equal((await Deno.stat(dirname(tokenFile))).mode! & 0o777, 0o700);
        },
      );
      await t.step("the token is in no command line, environment, label or log", async () => {
        const places = [
          await said(["docker", "inspect", id]),
          await said(["sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"]),
          await said(["docker", "exec", id, "sh", "-c", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'"]),
          await said(["sh", "-c", 'docker logs "$0" 2>&1', id]),
        ];
        assert.match(places[3]!, /Jupyter Server .* is running/);
        places.forEach((text, index) => assert.ok(!text.includes(token), `place ${index}`));
      });
      await t.step("shell is as the caller, in the project, and passes the exit code on", async () => {
        const name = user === ROOT_USER ? "0:0" : "1234:5678";
        const { stdout } = await lab.shell("sh", "-c", 'echo "$(id -u):$(id -g) $PWD $HOME"; id -G');
        const [first, groups] = stdout.split("\n");
        assert.equal(first, `${name} /home/jovyan/work /home/jovyan`);
        if (user !== ROOT_USER) assert.equal(groups, "5678 100");
        assert.equal((await lab.shell("sh", "-c", "exit 42")).code, 42);
        const odd = ["a b", "$(touch hacked)", "--json", "it's", ""];
        const printed = await lab.shell("printf", "%s\\n", ...odd);
        assert.deepEqual(printed.stdout.split("\n").slice(0, -1), odd);
      });
      await t.step("sudo was not asked for, so it is refused", async () => {
        if (user !== ROOT_USER) assert.notEqual((await lab.shell("sudo", "-n", "true")).code, 0);
      });
      await t.step("status tells that it answers", async () => {
        const { code, stdout } = await lab.task("status", ["--json"]);
        assert.equal(code, 0);
        const status = JSON.parse(stdout);
        assert.deepEqual([status.running, status.answers, status.url], [true, true, url]);
      });
      await t.step("logs shows the end of the log, and -f what comes", async () => {
        const { stdout, stderr } = await lab.task("logs", ["--tail", "1000"]);
        assert.match(stdout + stderr, /Jupyter Server .* is running/);
        const following = lab.start("logs", ["-f", "--tail", "0"]);
        let followed = "";
        const reading = (async () => {
          for await (const text of following.stderr.pipeThrough(new TextDecoderStream())) followed += text;
        })();
        await until("what comes is shown", async () => {
          await ask(port, "/api/contents/not-there", { token });
          return followed.includes("not-there");
        });
        following.kill("SIGTERM");
        await Promise.all([following.status, following.stdout.cancel(), reading]);
      });
      await t.step("starting it again offers the one that runs", async () => {
        const again = await lab.run();
        assert.deepEqual([again.already, again.url, again.id], [true, url, id]);
      });
      await t.step("stop removes the container, the token and the record", async () => {
        const { code, stdout } = await lab.task("stop");
        assert.equal(code, 0);
        assert.match(stdout, new RegExp(`Stopped JupyterLab \\(docker container ${id}\\)`));
        assert.notEqual((await call(["docker", "inspect", id])).code, 0);
        await assert.rejects(Deno.stat(dirname(tokenFile)));
        assert.equal((await lab.task("status")).code, 1);
      });
    },
  );
}

dockerTest("--sudo, --publish, --restart and a static token", async (t) => {
  await using lab = await Lab.make(await anotherUser());
  const published = freePort();
  const { url, id } = await lab.run(["--sudo", "--restart", "--publish", String(published)], {
    JUPYTER_TOKEN: "a-static-token",
  });
  await t.step("the token of JUPYTER_TOKEN is taken", async () => {
    assert.equal(url, `http://127.0.0.1:${lab.port}/lab?token=a-static-token`);
    assert.ok(!(await said(["docker", "inspect", id])).includes("a-static-token"));
  });
  await t.step("sudo works", async () => {
    assert.equal((await lab.shell("sudo", "-n", "id", "-u")).stdout, "0\n");
  });
  await t.step("a server at the published port is reached from this machine alone", async () => {
    const server = `python -m http.server ${published} >/dev/null 2>&1 &`;
    assert.equal((await lab.shell("sh", "-c", server)).code, 0);
    const answers = () =>
      ask(published, "/experiment.yaml").then(({ status }) => status === 200, () => false);
    await until("the published port answers", answers);
    assert.deepEqual(await listeners(published), ["127.0.0.1"]);
  });
  await t.step("JupyterLab comes back after a crash", async () => {
    const kill =
      "cd ~/.local/share/jupyter/runtime; for f in jpserver-*.json; do f=${f#jpserver-}; kill -9 ${f%.json}; done";
    await lab.shell("sh", "-c", kill);
    await until("it was started again", async () => {
      return await said(["docker", "inspect", "--format", "{{.RestartCount}}", id]) === "1";
    });
    await until("it answers again", async () => (await lab.task("status")).code === 0);
  });
});

dockerTest("--token-file gives the token, and a file that others may read is refused", async () => {
  await using lab = await Lab.make();
  await lab.project.write("token", "from-a-file-of-mine\n");
  const arguments_ = ["--image", IMAGE, "--port", String(lab.port), "--token-file", "token", "--detach"];
  await Deno.chmod(lab.project.path("token"), 0o644);
  const refused = await lab.task("run", arguments_);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /must be its owner's alone, current mode is 644[\s\S]*chmod 600 token/);
  await Deno.chmod(lab.project.path("token"), 0o600);
  const { code, stdout } = await lab.task("run", arguments_);
  assert.equal(code, 0);
  assert.match(stdout, /\/lab\?token=from-a-file-of-mine\n/);
  assert.equal((await ask(lab.port, "/api/status", { token: "from-a-file-of-mine" })).status, 200);
});

dockerTest("--root makes the server root's, and says what that means for the files", async () => {
  await using lab = await Lab.make(await anotherUser());
  const asked = ["--image", IMAGE, "--port", String(lab.port), "--detach", "--root"];
  const { code, stderr } = await lab.task("run", asked);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /belong to root; deno task fix-permissions/);
  assert.equal((await lab.shell("id", "-u")).stdout, "0\n");
});

dockerTest("--host warns, and binds that address beside the loopback's", async () => {
  await using lab = await Lab.make();
  const asked = ["--image", IMAGE, "--port", String(lab.port), "--detach", "--host", "127.0.0.2"];
  const quiet = await lab.task("run", [...asked, "--plan"]);
  assert.doesNotMatch(quiet.stderr, /Warning/); // nobody else can reach that one
  const { code, stderr } = await lab.task("run", asked);
  assert.equal(code, 0, stderr);
  assert.deepEqual((await listeners(lab.port)).sort(), ["127.0.0.1", "127.0.0.2"]);
  const open = await lab.task("run", [...asked.slice(0, -1), "0.0.0.0", "--plan"]);
  assert.match(open.stderr, /Warning: --host 0\.0\.0\.0 lets other machines reach JupyterLab/);
  assert.match(open.stdout, new RegExp(`--publish 0\\.0\\.0\\.0:${lab.port}:8888`));
});

dockerTest("in the foreground the log is shown, and a signal stops it all within 10 s", async (t) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await t.step(signal, async () => {
      await using lab = await Lab.make();
      const { child, ended, printed } = await lab.foreground();
      const token = /token=([0-9a-f]{64})/.exec(printed)![1]!;
      await ask(lab.port, "/api/kernels", { token, method: "POST", body: {} });
      const started = performance.now();
      child.kill(signal);
      const { code, stderr } = await ended;
      assert.ok(performance.now() - started < 10_000, `${performance.now() - started} ms`);
      assert.equal(code, 130, stderr);
      const left = [
        "docker",
        "ps",
        "--all",
        "--quiet",
        "--filter",
        `label=experiment.project=${lab.project.root}`,
      ];
      assert.equal(await said(left), "");
      assert.equal((await lab.task("status")).code, 1);
    });
  }
});

dockerTest("in the foreground, a server that others stop or remove ends the command", async (t) => {
  const cases: [name: string, end: (lab: Lab, id: string) => Promise<unknown>, code: number, told: RegExp][] =
    [
      ["deno task stop", (lab) => lab.task("stop"), 0, /Another command has stopped it/],
      [
        "docker rm",
        (_, id) => said(["docker", "rm", "--force", id]),
        1,
        /removed by somebody else|has ended: exit code 137/,
      ],
    ];
  for (const [name, end, code, told] of cases) {
    await t.step(name, async () => {
      await using lab = await Lab.make();
      const { ended } = await lab.foreground();
      await end(
        lab,
        await said(["docker", "ps", "--quiet", "--filter", `label=experiment.project=${lab.project.root}`]),
      );
      const { code: got, stdout, stderr } = await ended;
      assert.equal(got, code, stderr);
      assert.match(stdout, told);
    });
  }
});

dockerTest("interrupted while it starts, nothing of it is left", async () => {
  await using lab = await Lab.make();
  const child = lab.start("run", ["--image", IMAGE, "--port", String(lab.port), "--detach"]);
  const left = [
    "docker",
    "ps",
    "--all",
    "--quiet",
    "--filter",
    `label=experiment.project=${lab.project.root}`,
  ];
  await until("the container is there", async () => await said(left) !== "");
  child.kill("SIGINT");
  const { code, stderr } = await ended(child);
  assert.equal(code, 130, stderr);
  assert.match(stderr, /Interrupted while JupyterLab was starting/);
  assert.equal(await said(left), "");
  const entries = [...Deno.readDirSync(join(lab.state, "experiment-jupyter"))];
  assert.deepEqual(entries.filter(({ isDirectory }) => isDirectory), []);
});

dockerTest("a port that is taken: says so, and offers a free one", async (t) => {
  await using lab = await Lab.make();
  const asked = ["--image", IMAGE, "--detach", "--port"];
  await t.step("by another program", async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const { code, stderr } = await lab.task("run", [...asked, String(port)]);
    assert.equal(code, 3);
    assert.match(stderr, new RegExp(`Cannot use port ${port}: another program listens there`));
    const offered = Number(/what to do: deno task jupyter --port (\d+)/.exec(stderr)?.[1]);
    assert.ok(offered > port && offered <= port + 100, stderr);
  });
  await t.step("by the JupyterLab of another project", async () => {
    await using first = await Lab.make();
    await first.run();
    const { code, stderr } = await lab.task("run", [...asked, String(first.port)]);
    assert.equal(code, 3);
    assert.match(stderr, new RegExp(`Cannot use port ${first.port}: another program listens there`));
  });
  await t.step("by a program on the address of --host alone", async () => {
    const { port } = lab;
    const argv = ["-m", "http.server", String(port), "--bind", "127.0.0.2"];
    const other = new Deno.Command("python3", { args: argv, stdout: "null", stderr: "null" }).spawn();
    await until("it listens", async () => (await listeners(port)).length > 0);
    const { code, stderr } = await lab.task("run", [...asked, String(port), "--host", "127.0.0.2"]);
    other.kill();
    await other.status;
    assert.equal(code, 3, stderr);
    assert.match(stderr, new RegExp(`Cannot use port ${port} of 127.0.0.2: another program listens there`));
  });
  await t.step("nothing was started", async () => assert.equal((await lab.task("status")).code, 1));
});

dockerTest("a container that somebody else removed is told from one that ended by itself", async (t) => {
  await using lab = await Lab.make();
  await t.step("removed", async () => {
    const { id, tokenFile } = await lab.run();
    await said(["docker", "rm", "--force", id]);
    const shell = await lab.shell("true");
    assert.equal(shell.code, 3);
    assert.match(shell.stderr, /removed by somebody else/);
    const { code, stdout } = await lab.task("status");
    assert.equal(code, 1);
    assert.match(stdout, /removed by somebody else/);
    await assert.rejects(Deno.stat(tokenFile));
  });
  await t.step("ended: its log is still there, and run starts anew", async () => {
    const { id } = await lab.run();
    await said(["docker", "kill", id]);
    const { code, stdout } = await lab.task("status");
    assert.equal(code, 1);
    assert.match(stdout, /has ended: exit code 137[\s\S]*deno task logs/);
    const log = await lab.task("logs");
    assert.match(log.stdout + log.stderr, /Jupyter Server/);
    const again = await lab.run();
    assert.equal(again.already, false);
  });
});

dockerTest(
  "an image whose JupyterLab does not start, or lets everybody in, is not left running",
  async (t) => {
    const cases: [name: string, argument: string, problem: RegExp][] = [
      [
        "jupyter-test:broken",
        "--ServerApp.port=none",
        /it ended \(exit code 1\); the end of its log:[\s\S]*none/,
      ],
      ["jupyter-test:open", "--IdentityProvider.token=", /it lets everybody in without the token/],
    ];
    for (const [name, argument, problem] of cases) {
      await t.step(name, async () => {
        await using lab = await Lab.make(await anotherUser());
        await lab.project.write("context/Dockerfile", `FROM ${IMAGE}\nENV NOTEBOOK_ARGS="${argument}"\n`);
        await said(["docker", "build", "--quiet", "--tag", name, lab.project.path("context")]);
        const asked = ["--image", name, "--port", String(lab.port), "--detach"];
        const { code, stderr } = await lab.task("run", asked);
        assert.equal(code, 1, stderr);
        assert.match(stderr, problem);
        await said(["docker", "image", "rm", name]); // fails if a container of it were left
      });
    }
  },
);

dockerTest("an image, an engine or a daemon that is not there is named, with what to do", async (t) => {
  await using lab = await Lab.make();
  const cases: [name: string, args: string[], env: Record<string, string>, message: RegExp][] = [
    [
      "image",
      ["--image", "not/there:1"],
      {},
      /docker has no image of that name[\s\S]*docker pull not\/there:1/,
    ],
    ["experiment's image", ["--engine", "docker"], {}, /Cannot run in test:cpu[\s\S]*deno task build --cpu/],
    [
      "engine",
      ["--engine", "docker"],
      { PATH: dirname(Deno.execPath()) },
      /there is no program docker on PATH/,
    ],
    ["daemon", ["--engine", "docker"], { DOCKER_HOST: "unix:///not/there" }, /no engine answers/],
  ];
  for (const [name, args, env, message] of cases) {
    await t.step(name, async () => {
      const { code, stderr } = await lab.task("run", [...args, "--detach", "--port", String(lab.port)], env);
      assert.equal(code, 3, stderr);
      assert.match(stderr, message);
    });
  }
  await t.step("a daemon that is gone later", async () => {
    await lab.run();
    const gone = { DOCKER_HOST: "unix:///not/there" };
    for (const task of ["status", "stop", "logs"]) {
      const { code, stderr } = await lab.task(task, [], gone);
      assert.equal(code, 3, stderr);
      assert.match(stderr, /no engine answers/);
    }
    assert.equal((await lab.task("status")).code, 0);
  });
});

dockerTest("a project whose path has spaces, quotes, commas and colons is mounted", async () => {
  const outer = await Deno.makeTempDir();
  const root = join(outer, `it's, a "pro:ject" $HOME`);
  await Deno.mkdir(root);
  await Deno.writeTextFile(join(root, "experiment.yaml"), experiment());
  const env = { INIT_CWD: root, XDG_STATE_HOME: join(outer, "state"), NO_COLOR: "1" };
  const task = (...args: string[]) =>
    call([Deno.execPath(), "task", "--quiet", "--config", join(ROOT, "deno.json"), ...args], env);
  const { code, stderr } = await task("run", "--image", IMAGE, "--port", String(freePort()), "--detach");
  assert.equal(code, 0, stderr);
  const { stdout } = await task("shell", "--", "cat", "experiment.yaml");
  assert.equal((await task("stop")).code, 0);
  assert.equal(stdout, experiment());
  await Deno.remove(outer, { recursive: true });
});
