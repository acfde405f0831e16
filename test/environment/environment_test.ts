/** Environments, made with the real pip from tiny wheels; where pip is not what is tested, with a stand-in for uv. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import {
  ensureEnvironment,
  ensureTestEnvironment,
  type EnvironmentOptions,
  expectedPython,
} from "../../tasks/lib/environment/environment.ts";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { cachedEnvironments, environmentsIn, writeStamp } from "../../tasks/lib/environment/stamp.ts";
import { exists, sha256 } from "../../tasks/lib/system/files.ts";
import { findProcesses } from "../../tasks/lib/system/processes.ts";

const FIXTURES = join(import.meta.dirname!, "..", "fixtures/environment");

const FAKE_UV = join(FIXTURES, "fake_uv");

const python = await findPython();

const wheels = await Deno.makeTempDir({ prefix: "wheels-" });

/** Pins alpha 1.0 and beta 2.0 with their hashes, and the CPU build of torch without. */
const LOCK = await output(python.path, join(FIXTURES, "make_wheels.py"), wheels);

addEventListener("unload", () => Deno.removeSync(wheels, { recursive: true }));

/** Settings under which nothing is asked but the folder of wheels. */
const OFFLINE = {
  PIP_CONFIG_FILE: "/dev/null",
  PIP_NO_INDEX: "1",
  PIP_FIND_LINKS: wheels,
  UV: "/nothing/uv",
  PYTHON: python.path,
};

const FAST = { ...OFFLINE, UV: FAKE_UV };

async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(program, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A project folder with a lock, and the means to make its environment. */
class Sandbox implements AsyncDisposable {
  readonly said: string[] = [];
  readonly progress: string[] = [];
  readonly #before = new Map<string, string | undefined>();

  private constructor(readonly root: string) {}

  static async make(env: Record<string, string>, lock: string | undefined = LOCK): Promise<Sandbox> {
    // A space and a quote in the path: scripts that name it are rewritten when the environment is moved in.
    const parent = await Deno.realPath(await Deno.makeTempDir({ prefix: "environment-" }));
    const sandbox = new Sandbox(join(parent, "it's mine"));
    await Deno.mkdir(sandbox.root);
    await sandbox.write("requirements.txt", "alpha==1.0\nbeta\ntorch==2.13.0\n");
    if (lock !== undefined) await sandbox.write("requirements-cpu.lock", lock);
    sandbox.setEnv({ VENV_DIR: "", XDG_CACHE_HOME: join(parent, "cache"), ...env });
    return sandbox;
  }

  setEnv(env: Record<string, string>) {
    for (const [name, value] of Object.entries(env)) {
      if (!this.#before.has(name)) this.#before.set(name, Deno.env.get(name));
      Deno.env.set(name, value);
    }
  }

  async write(path: string, text: string) {
    await Deno.mkdir(dirname(this.path(path)), { recursive: true });
    await Deno.writeTextFile(this.path(path), text);
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  ensure(options: Partial<EnvironmentOptions> = {}) {
    return ensureEnvironment({
      root: this.root,
      requirements: "requirements.txt",
      gpu: false,
      announce: (line) => this.said.push(line),
      progress: (line) => this.progress.push(line),
      ...options,
    });
  }

  /** The error that ends the making of the environment. */
  async failure(options: Partial<EnvironmentOptions> = {}): Promise<Failure> {
    const error = await this.ensure(options).then(() => undefined, (error) => error);
    assert.ok(error instanceof Failure, `Expected a Failure, current value is ${error?.stack ?? error}`);
    return error;
  }

  /** What is left of environments that were never finished. */
  async leftovers(): Promise<string[]> {
    const state = this.path(".venv.state");
    if (!await exists(state)) return [];
    return (await Array.fromAsync(Deno.readDir(state))).map(({ name }) => name).filter((name) =>
      /^(making|old)-/.test(name)
    );
  }

  async [Symbol.asyncDispose]() {
    for (const [name, value] of this.#before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    await Deno.remove(join(this.root, ".."), { recursive: true });
  }
}

Deno.test("ensureEnvironment() installs the lock with pip, and uses it again without starting a process", async () => {
  await using sandbox = await Sandbox.make(OFFLINE, `# download: 3 MB\n# disk: 1.5 GB\n${LOCK}`);
  const made = await sandbox.ensure();
  assert.equal(made.made, true);
  assert.equal(made.python, sandbox.path(".venv/bin/python"));
  assert.match(
    sandbox.said[0] ?? "",
    /\.venv from requirements-cpu\.lock \(about 3\.0 MB to download, 1\.5 GB on disk\), with pip/,
  );
  assert.deepEqual(sandbox.progress.slice(0, 3), [
    "1 of 3 packages: torch",
    "installing the packages",
    "2 of 3 packages: alpha",
  ]);
  assert.match(await output(made.python, "-c", "import beta, torch; print(torch.version)"), /the CPU build/);
  assert.match(await output(sandbox.path(".venv/bin/alpha")), /alpha runs/);
  for await (const { name, isFile } of Deno.readDir(sandbox.path(".venv/bin"))) {
    if (isFile) assert.doesNotMatch(await Deno.readTextFile(sandbox.path(".venv/bin", name)), /making-/);
  }
  assert.deepEqual(await sandbox.leftovers(), []);

  sandbox.setEnv({ PATH: "" });
  const start = performance.now();
  const reused = await sandbox.ensure();
  assert.deepEqual({ ...reused, made: true, seconds: 0 }, { ...made, seconds: 0 });
  assert.equal(reused.made, false);
  assert.ok(performance.now() - start < 100);
});

Deno.test("ensureTestEnvironment() adds packages to those of the main environment, and hides none of them", async () => {
  await using sandbox = await Sandbox.make(FAST);
  const main = await sandbox.ensure();
  sandbox.setEnv({ UV: OFFLINE.UV });
  await sandbox.write("test/requirements.txt", "alpha==1.0\n");
  await sandbox.write("test/requirements.lock", LOCK.slice(0, LOCK.indexOf("beta")));
  const options = { root: sandbox.root, main, announce: () => {} };
  const test = await ensureTestEnvironment(options);
  const { stdout } = await new Deno.Command(main.python, {
    args: ["-c", "import alpha; alpha.main()"],
    env: { PYTHONPATH: test.pythonPath },
  }).output();
  assert.match(new TextDecoder().decode(stdout), /alpha runs/);
  assert.match(await output(join(test.bin, "alpha")), /alpha runs/);
  const names = (await Array.fromAsync(Deno.readDir(test.pythonPath))).map(({ name }) => name);
  const installed = names.filter((name) => name !== "__pycache__").sort();
  assert.deepEqual(installed, ["alpha-1.0.dist-info", "alpha.py"]);
  assert.equal((await ensureTestEnvironment(options)).made, false);
});

Deno.test("an index that can't be reached is named within seconds, with what was wanted, and nothing is left", async () => {
  const index = "http://127.0.0.1:9/simple";
  await using sandbox = await Sandbox.make({
    ...OFFLINE,
    PIP_NO_INDEX: "0",
    PIP_INDEX_URL: index,
    PIP_FIND_LINKS: "",
  });
  const started = performance.now();
  const { message, exitCode, details } = await sandbox.failure();
  assert.ok(performance.now() - started < 30_000);
  assert.equal(exitCode, 3);
  assert.match(
    message,
    /wanted torch==2\.13\.0\+cpu from http:\/\/127\.0\.0\.1:9 and cannot reach it \(connection refused\)/,
  );
  assert.doesNotMatch(message, /Traceback|urllib3|Retry/);
  assert.match(details.remedy ?? "", /PIP_FIND_LINKS/);
  assert.match(await Deno.readTextFile(details.log ?? ""), /Connection refused/);
  assert.equal(await exists(sandbox.path(".venv")), false);
  assert.deepEqual(await sandbox.leftovers(), []);
});

Deno.test("an index that can't be reached is named although a folder has another version", async () => {
  await using sandbox = await Sandbox.make({
    ...OFFLINE,
    PIP_NO_INDEX: "0",
    PIP_INDEX_URL: "http://127.0.0.1:9/simple",
    PIP_NO_CACHE_DIR: "1",
  }, LOCK.replace("2.13.0+cpu", "2.14.0+cpu"));
  await sandbox.write("requirements.txt", "torch==2.14.0\n");
  const { message, exitCode, details } = await sandbox.failure();
  assert.equal(exitCode, 3);
  assert.match(
    message,
    /wanted torch==2\.14\.0\+cpu from http:\/\/127\.0\.0\.1:9 and cannot reach it \(connection refused\)/,
  );
  assert.match(await Deno.readTextFile(details.log ?? ""), /from versions: 2\.13\.0/);
});

Deno.test("a file that is not the one the lock recorded is refused by name", async () => {
  await using sandbox = await Sandbox.make(OFFLINE, LOCK.replace(/(beta[^]*?sha256:)..../, "$10000"));
  const { message, exitCode } = await sandbox.failure();
  assert.equal(exitCode, 3);
  assert.match(message, /beta==2\.0 is not the file that the lock recorded/);
  assert.equal(await exists(sandbox.path(".venv")), false);
});

Deno.test("where uv can't reach its index, pip is tried", async () => {
  const error =
    "error: Request failed\n  cause: Failed to fetch: https://wheels.example/whl/cpu/torch/\n  cause: dns error";
  await using sandbox = await Sandbox.make({ ...FAST, FAKE_UV_ERROR: error });
  const { made } = await sandbox.ensure();
  assert.equal(made, true);
  assert.match(
    sandbox.said.join("\n"),
    /uv 99\.0\.0 wanted torch==2\.13\.0\+cpu from https:\/\/wheels\.example .*; trying pip/,
  );
  assert.match(await Deno.readTextFile(sandbox.path(".venv/environment.json")), /"installer": "pip /);
});

Deno.test("an environment that does not fit is made again, and the reason said", async (t) => {
  await using sandbox = await Sandbox.make(FAST);
  await sandbox.ensure();
  const stamp = JSON.parse(await Deno.readTextFile(sandbox.path(".venv/environment.json")));
  const cases: [name: string, spoil: () => Promise<void>, reason: RegExp][] = [
    ["changed lock", () => sandbox.write("requirements-cpu.lock", `# new\n${LOCK}`), /the lock has changed/],
    ["lost Python", () => Deno.remove(sandbox.path(".venv/bin/python")), /its Python is gone/],
    [
      "Python that was uninstalled",
      async () => {
        await Deno.remove(sandbox.path(".venv/bin/python"));
        await Deno.symlink("/nothing/python3", sandbox.path(".venv/bin/python"));
      },
      /its Python is gone/,
    ],
    [
      "moved project",
      () =>
        sandbox.write(".venv/environment.json", JSON.stringify({ ...stamp, directory: "/elsewhere/.venv" })),
      /it was made for \/elsewhere/,
    ],
    [
      "another platform",
      () => sandbox.write(".venv/environment.json", JSON.stringify({ ...stamp, platform: "plan9 mips" })),
      /it was made on plan9/,
    ],
  ];
  for (const [name, spoil, reason] of cases) {
    await t.step(name, async () => {
      await spoil();
      sandbox.said.length = 0;
      assert.equal((await sandbox.ensure()).made, true);
      assert.match(sandbox.said.join("\n"), reason);
      assert.equal((await sandbox.ensure()).made, false);
      assert.deepEqual(await sandbox.leftovers(), []);
    });
  }
  await t.step("a file that the requirements include, and one that it includes", async () => {
    await Deno.remove(sandbox.path("requirements-cpu.lock"));
    await sandbox.write("requirements.txt", "-r more/base.txt # what all need\nbeta\n");
    await sandbox.write("more/base.txt", "--constraint=pins.txt\nalpha\n-r ../requirements.txt\n");
    await sandbox.write("more/pins.txt", "alpha==1.0\n");
    await sandbox.ensure();
    assert.equal((await sandbox.ensure()).made, false);
    await sandbox.write("more/pins.txt", "alpha==1.0.0\n");
    assert.equal((await sandbox.ensure()).made, true);
    assert.equal((await sandbox.ensure()).made, false);
    await sandbox.write("requirements-cpu.lock", LOCK);
    await sandbox.write("requirements.txt", "alpha==1.0\nbeta\ntorch==2.13.0\n");
    await sandbox.ensure();
  });
  await t.step("a changed comment in the requirements changes nothing", async () => {
    await sandbox.write("requirements.txt", "alpha==1.0 # the first\nbeta\ntorch==2.13.0\n");
    assert.equal((await sandbox.ensure()).made, false);
  });
});

Deno.test("a half-made environment is kept under another name and made again", async () => {
  await using sandbox = await Sandbox.make(FAST);
  await Deno.mkdir(sandbox.path(".venv/bin"), { recursive: true });
  await sandbox.write(".venv/mine.txt", "keep me");
  assert.equal((await sandbox.ensure()).made, true);
  const names = (await Array.fromAsync(Deno.readDir(sandbox.root))).map(({ name }) => name);
  const kept = names.find((name) => /^\.venv\..*\.bak$/.test(name));
  assert.equal(await Deno.readTextFile(sandbox.path(kept ?? "", "mine.txt")), "keep me");
  assert.match(sandbox.said.join("\n"), /it is not finished[^]*is kept as .*\.bak/);
  assert.deepEqual(await environmentsIn(sandbox.root), [sandbox.path(".venv"), sandbox.path(".venv.state")]);
});

Deno.test("a virtual environment of the user's is left as it is", async (t) => {
  await using sandbox = await Sandbox.make(FAST);
  await output(python.path, "-m", "venv", "--without-pip", sandbox.path(".venv"));
  const before = await Deno.readTextFile(sandbox.path(".venv/pyvenv.cfg"));
  await t.step("another folder is used beside it", async () => {
    const { directory, made } = await sandbox.ensure();
    assert.equal(made, true);
    assert.equal(directory, sandbox.path(".venv-locked"));
    assert.match(
      sandbox.said[0] ?? "",
      /\.venv was not made by this project and is left as it is; using \.venv-locked/,
    );
    assert.equal((await sandbox.ensure()).made, false);
    const request = { root: sandbox.root, requirements: "requirements.txt", gpu: false };
    assert.equal(await expectedPython(request), join(directory, "bin/python"));
  });
  await t.step("VENV_DIR may not name it", async () => {
    sandbox.setEnv({ VENV_DIR: sandbox.path(".venv") });
    const { message, exitCode } = await sandbox.failure();
    assert.equal(exitCode, 3);
    assert.match(message, /VENV_DIR.*did not make/);
  });
  assert.equal(await Deno.readTextFile(sandbox.path(".venv/pyvenv.cfg")), before);
});

Deno.test("VENV_DIR names the folder of the environment", async () => {
  await using sandbox = await Sandbox.make(FAST);
  sandbox.setEnv({ VENV_DIR: sandbox.path("here/it is") });
  assert.equal((await sandbox.ensure()).python, sandbox.path("here/it is/bin/python"));
  assert.equal((await sandbox.ensure()).made, false);
});

Deno.test("VENV_DIR may name an empty folder, but none with anything of the user's in it", async (t) => {
  await using sandbox = await Sandbox.make(FAST);
  const docs = sandbox.path("docs");
  const cases: [name: string, prepare: () => Promise<unknown>][] = [
    ["a folder with a file", async () => {
      await Deno.mkdir(docs);
      await sandbox.write("docs/thesis.txt", "x");
    }],
    ["a folder with a hidden file", async () => {
      await Deno.mkdir(docs);
      await sandbox.write("docs/.thesis", "x");
    }],
    ["a folder with a state beside it", async () => {
      await Deno.mkdir(docs);
      await sandbox.write("docs/thesis.txt", "x");
      await Deno.mkdir(`${docs}.state`);
    }],
    ["a file", () => sandbox.write("docs", "x")],
    ["a link", () => Deno.symlink(sandbox.path(".."), docs)],
  ];
  sandbox.setEnv({ VENV_DIR: docs });
  for (const [name, prepare] of cases) {
    await t.step(name, async () => {
      await prepare();
      const before = await tree(sandbox.root);
      const { message, exitCode, details } = await sandbox.failure();
      assert.equal(exitCode, 3);
      assert.match(message, /\/docs \(VENV_DIR\): it is there, and this project did not make it/);
      assert.match(details.remedy ?? "", /empty or not there yet, or unset VENV_DIR/);
      assert.deepEqual(await tree(sandbox.root), before);
      await Deno.remove(docs, { recursive: true });
      await Deno.remove(`${docs}.state`, { recursive: true }).catch(() => {});
    });
  }
  await t.step("an empty folder is used, and made again when the lock changes", async () => {
    await Deno.mkdir(docs);
    sandbox.said.length = 0;
    assert.equal((await sandbox.ensure()).directory, docs);
    assert.doesNotMatch(sandbox.said.join("\n"), /again|kept/);
    await sandbox.write("requirements-cpu.lock", `# new\n${LOCK}`);
    assert.equal((await sandbox.ensure()).made, true);
    assert.deepEqual((await tree(sandbox.root)).filter((name) => name.endsWith(".bak")), []);
  });
});

/** Names in a folder and in the folders in it. */
async function tree(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    names.push(name);
    if (!isDirectory) continue;
    for await (const inner of Deno.readDir(join(folder, name))) names.push(join(name, inner.name));
  }
  return names.sort();
}

Deno.test("cachedEnvironments() finds the environments in the user's cache, and nothing else", async () => {
  await using sandbox = await Sandbox.make(FAST);
  assert.deepEqual(await cachedEnvironments(), []);
  const cache = join(Deno.env.get("XDG_CACHE_HOME") ?? "", "experiment-environments");
  const made = join(cache, "0123456789abcdef/.venv");
  const { python } = await sandbox.ensure();
  const stamp = JSON.parse(await Deno.readTextFile(join(python, "../../environment.json")));
  for (
    const folder of [made, `${made}.state`, join(cache, "mine/.venv"), join(cache, "0123456789abcdef/notes")]
  ) {
    await Deno.mkdir(folder, { recursive: true });
  }
  await writeStamp(made, { ...stamp, directory: made });
  await writeStamp(join(cache, "mine/.venv"), stamp);
  await Deno.mkdir(join(cache, "fedcba9876543210/.venv"), { recursive: true });
  assert.deepEqual(await cachedEnvironments(), [made, `${made}.state`]);
});

Deno.test("of two that want the environment at once, one makes it and the other waits", async () => {
  await using sandbox = await Sandbox.make({ ...FAST, FAKE_UV_SLEEP: "0.5" });
  sandbox.setEnv({ FAKE_UV_COUNT: sandbox.path("count") });
  const both = await Promise.all([sandbox.ensure(), sandbox.ensure()]);
  assert.deepEqual(both.map(({ made }) => made).sort(), [false, true]);
  assert.equal(await Deno.readTextFile(sandbox.path("count")), "made\n");
  assert.match(sandbox.said.join("\n"), new RegExp(`Waiting for process ${Deno.pid} on .*, which is making`));
});

Deno.test("after kill -9 of a process that was making it, the environment is made and nothing is left or running", async () => {
  await using sandbox = await Sandbox.make({ ...FAST, FAKE_UV_SLEEP: "60" });
  const module = new URL("../../tasks/lib/environment/environment.ts", import.meta.url);
  const options = { root: sandbox.root, requirements: "requirements.txt", gpu: false };
  const code = `import { ensureEnvironment } from ${JSON.stringify(module.href)};
    await ensureEnvironment({ ...${JSON.stringify(options)}, announce() {} });`;
  const killed = new Deno.Command(Deno.execPath(), { args: ["eval", code], stderr: "null" }).spawn();
  const mark = `MAKING_ENVIRONMENT=${sha256(sandbox.path(".venv")).slice(0, 16)}`;
  const log = sandbox.path(".venv.state/log.txt");
  while (!(await Deno.readTextFile(log).catch(() => "")).includes("pip install")) await delay(20);
  await delay(200); // the line is written just before the program starts
  killed.kill("SIGKILL");
  await killed.status;
  assert.equal((await sandbox.leftovers()).length, 1);
  assert.notDeepEqual(await findProcesses({ mark }), []);
  sandbox.setEnv({ FAKE_UV_SLEEP: "" });
  assert.equal((await sandbox.ensure()).made, true);
  assert.deepEqual(await findProcesses({ mark }), []);
  assert.deepEqual(await sandbox.leftovers(), []);
});

Deno.test("an interrupted making ends at once and leaves nothing", async () => {
  await using sandbox = await Sandbox.make({ ...FAST, FAKE_UV_SLEEP: "30" });
  const started = performance.now();
  const { exitCode } = await sandbox.failure({ signal: AbortSignal.timeout(1000) });
  assert.equal(exitCode, 130);
  assert.ok(performance.now() - started < 15_000, "half of what the installer would have taken");
  assert.equal(await exists(sandbox.path(".venv")), false);
  assert.deepEqual(await sandbox.leftovers(), []);
});

Deno.test("too little free disk is said before anything is downloaded", async () => {
  await using sandbox = await Sandbox.make(FAST, `# download: 3 MB\n# disk: 900000 GB\n${LOCK}`);
  const { exitCode, message } = await sandbox.failure();
  assert.equal(exitCode, 3);
  assert.match(message, /has .* free, and about 900 TB is needed/);
  assert.equal(await exists(sandbox.path(".venv.state/log.txt")), false);
});

Deno.test("a lock that does not fit the requirements is refused", async (t) => {
  await using sandbox = await Sandbox.make(FAST);
  const cases: [name: string, requirements: string, message: RegExp][] = [
    ["missing package", "alpha==1.0\ngamma==3.0\n", /older than requirements\.txt: gamma==3\.0 is missing/],
    ["another version", "alpha==1.1\n", /alpha==1\.1 is locked at 1\.0/],
  ];
  for (const [name, requirements, expected] of cases) {
    await t.step(name, async () => {
      await sandbox.write("requirements.txt", requirements);
      const { exitCode, message, details } = await sandbox.failure();
      assert.equal(exitCode, 2);
      assert.match(message, expected);
      assert.equal(details.remedy, "deno task lock");
    });
  }
});

/** A project whose requirements have no lock. */
async function unlocked(env: Record<string, string>, requirements: string): Promise<Sandbox> {
  const sandbox = await Sandbox.make(env, "");
  await Deno.remove(sandbox.path("requirements-cpu.lock"));
  await sandbox.write("requirements.txt", requirements);
  return sandbox;
}

Deno.test("requirements without a lock are resolved first, and what they leave open is said", async () => {
  await using sandbox = await unlocked(OFFLINE, "alpha==1.0\nbeta\n");
  const { locked, lock, made, python } = await sandbox.ensure();
  assert.deepEqual({ locked, lock, made }, {
    locked: false,
    lock: sandbox.path("requirements.txt"),
    made: true,
  });
  const said = sandbox.said.join("\n");
  assert.match(said, /Resolving requirements\.txt, which has no lock/);
  assert.match(said, /requirements\.txt leaves 1 of 2 versions open \(beta\): they may differ/);
  assert.ok(sandbox.progress.includes("1 of 2 packages: alpha"), sandbox.progress.join("\n"));
  await output(python, "-c", "import alpha, beta");
});

Deno.test("requirements that pin every package are not called unlocked", async () => {
  await using sandbox = await unlocked(OFFLINE, "alpha==1.0\n");
  await sandbox.ensure();
  assert.doesNotMatch(sandbox.said.join("\n"), /open|differ|not locked/);
  assert.ok(sandbox.progress.includes("1 of 1 packages: alpha"), sandbox.progress.join("\n"));
});

Deno.test({
  name: "without a GPU nothing of CUDA is downloaded, whatever the requirements come to",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using sandbox = await unlocked(OFFLINE, "accelerated\n");
    const { message, exitCode, details } = await sandbox.failure();
    assert.equal(exitCode, 3);
    assert.match(message, /pip finds only a build with CUDA \(nvidia-tiny\)/);
    assert.match(details.remedy ?? "", /PIP_FIND_LINKS/);
    assert.equal(await exists(sandbox.path(".venv")), false);
    // pip does not say how much they are before it downloads them, and everybody knows that it is gigabytes.
    const large = await sandbox.ensure({ gpu: true }).then(() => undefined, (error) => error);
    assert.match(large.message, /it takes about 2\.8 GB of downloads/);
    assert.equal((await sandbox.ensure({ gpu: true, yes: true })).made, true);
  },
});

Deno.test("more than 1 GB is downloaded only if somebody agreed to it", async () => {
  await using sandbox = await Sandbox.make(FAST, `# download: 2.8 GB\n${LOCK}`);
  const { message, exitCode, details } = await sandbox.failure();
  assert.equal(exitCode, 2);
  assert.match(message, /it takes about 2\.8 GB of downloads/);
  assert.equal(details.remedy, "Add --yes");
  assert.equal(await exists(sandbox.path(".venv.state/log.txt")), false);
  assert.equal((await sandbox.ensure({ yes: true })).made, true);
});

Deno.test("a Python that the lock is not for", async (t) => {
  const [major, minor] = python.version.split(".").map(Number);
  const range = (by: number) => `# python: 3.1 to ${major}.${minor! + by}\n${LOCK}`;
  await using sandbox = await Sandbox.make(FAST, range(-1));
  await t.step("a newer one is tried, and said", async () => {
    assert.equal((await sandbox.ensure()).made, true);
    assert.match(
      sandbox.said.join("\n"),
      /is newer than the lock, which is for 3\.1 to .*: it is tried all the same/,
    );
  });
  await t.step("an older one is refused before anything else is said", async () => {
    await sandbox.write("requirements-cpu.lock", `# python: 3.98 to 3.99\n${LOCK}`);
    sandbox.said.length = 0;
    const { message, exitCode } = await sandbox.failure();
    assert.equal(exitCode, 3);
    assert.match(
      message,
      /^Cannot use the Python that the variable PYTHON names: .* and Python 3\.98 to 3\.99 is needed/,
    );
    assert.deepEqual(sandbox.said, []);
  });
});

Deno.test("the environment that PYTHON names is used as it is, or left alone and said so", async () => {
  await using sandbox = await Sandbox.make(FAST);
  const mine = sandbox.path("mine/bin/python");
  await output(python.path, "-m", "venv", "--without-pip", sandbox.path("mine"));
  sandbox.setEnv({ PYTHON: mine });
  const request = { root: sandbox.root, requirements: undefined, gpu: false };
  assert.equal((await sandbox.ensure(request)).python, mine);
  assert.equal(await expectedPython(request), mine);
  await sandbox.ensure();
  assert.ok(
    sandbox.said.join("\n").includes(`The environment ${sandbox.path("mine")} is left as it is`),
    sandbox.said.join("\n"),
  );
});

Deno.test("without requirements the Python that is found is used as it is", async () => {
  await using sandbox = await Sandbox.make(FAST);
  const used = await sandbox.ensure({ requirements: undefined });
  assert.deepEqual({ ...used, seconds: 0 }, {
    python: python.path,
    directory: "",
    lock: "",
    lockSha256: "",
    locked: false,
    made: false,
    seconds: 0,
  });
});

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A small disk of its own; false where this user can't mount one. */
async function mountTmpfs(path: string, options: string): Promise<boolean> {
  try {
    const args = ["-t", "tmpfs", "-o", options, "tmpfs", path];
    return (await new Deno.Command("mount", { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

const canMount = await (async () => {
  const path = await Deno.makeTempDir();
  const mounted = await mountTmpfs(path, "size=1m");
  if (mounted) await output("umount", path);
  await Deno.remove(path);
  return mounted;
})();

if (!canMount) {
  console.log("ignored: a full and a read-only disk, since the right to mount a tmpfs is missing");
}

Deno.test({
  name: "a disk that is full while installing is named, and the unfinished environment removed",
  ignore: !canMount,
  fn: async () => {
    await using sandbox = await Sandbox.make({ ...FAST, FAKE_UV_FILL: "20" });
    await mountTmpfs(sandbox.root, "size=8m");
    try {
      await sandbox.write("requirements.txt", "alpha==1.0\n");
      await sandbox.write("requirements-cpu.lock", LOCK);
      const { exitCode, message, details } = await sandbox.failure();
      assert.equal(exitCode, 3);
      assert.match(message, /the disk is full/);
      assert.match(details.remedy ?? "", /VENV_DIR/);
      assert.deepEqual(await sandbox.leftovers(), []);
    } finally {
      await output("umount", sandbox.root);
    }
  },
});

Deno.test({
  name: "in a read-only project the environment is kept in the user's cache, and used again",
  ignore: !canMount,
  fn: async () => {
    await using sandbox = await Sandbox.make(FAST);
    await mountTmpfs(sandbox.root, "size=8m");
    try {
      await sandbox.write("requirements.txt", "alpha==1.0\n");
      await sandbox.write("requirements-cpu.lock", LOCK);
      await output("mount", "-o", "remount,ro", sandbox.root);
      const { directory, made, lockSha256 } = await sandbox.ensure();
      assert.equal(made, true);
      assert.ok(directory.startsWith(Deno.env.get("XDG_CACHE_HOME") ?? "/none"));
      assert.ok(directory.includes(lockSha256.slice(0, 16)));
      assert.match(sandbox.said[0] ?? "", /can't be written; the environment is kept in/);
      assert.equal((await sandbox.ensure()).made, false);
    } finally {
      await output("umount", sandbox.root);
    }
  },
});
