/** fix-permissions on real files of other owners: as root, and as another user through real engines. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { helperCommand } from "../../tasks/lib/permissions/place.ts";
import {
  call,
  IMAGE,
  ROOT_USER,
  said,
  startAs,
  type TestEngine,
  testEngines,
  type User,
} from "../support/engines.ts";
import { BASE } from "../support/docker.ts";
import { missingRootless, rootlessDocker } from "../support/elsewhere.ts";
import { type Ended, ended, experiment, Project, until } from "../support/project.ts";

/** Where no engine answers. */
const NO_ENGINE = { DOCKER_HOST: "unix:///nowhere/docker.sock" };

/** For sudo, the variables of the user who typed it. */
const BY_SUDO = { SUDO_UID: "1234", SUDO_GID: "5678", SUDO_USER: "nobody-of-that-name" };

const engines = await testEngines();

for (const { name, missing } of engines) {
  if (missing !== undefined) console.log(`ignored: the tests with ${name}, since ${missing}`);
}

const other = engines[1]!;

const isRoot = Deno.uid() === 0;

if (!isRoot) console.log("ignored: the tests of fix-permissions, since only root can make files of others");

function rootTest(name: string, fn: (t: Deno.TestContext) => Promise<void>) {
  Deno.test({ name, ignore: !isRoot, fn });
}

/** A test as the user 1234:5678 with Docker. */
function otherTest(name: string, fn: (t: Deno.TestContext) => Promise<void>) {
  Deno.test({ name, ignore: other.missing !== undefined, fn });
}

const FILES = {
  "experiment.yaml": experiment(),
  "src/x.py": "pass",
  ".git/index": "",
  "runs/a/new\nline": "12345",
  "runs/a/quote's \" and: colon": "1",
};

/** A project of the user's; what is in `runs` and `.git` belongs to somebody else. */
async function makeProject(user: Pick<User, "uid" | "gid">, foreign = "0:0"): Promise<Project> {
  const project = await Project.make(FILES);
  await Deno.chmod(project.root, 0o755);
  await said(["chown", "-R", `${user.uid}:${user.gid}`, project.root]);
  await said(["chown", "-R", foreign, project.path("runs"), project.path(".git")]);
  return project;
}

/** Owners of everything in a folder, each once, e.g. `["1234:5678"]`. */
async function owners(folder: string): Promise<string[]> {
  return [...new Set((await said(["find", folder, "-printf", "%U:%G\\n"])).split("\n"))].sort();
}

/** Owner, rights and time of change of everything in a folder. */
async function state(folder: string): Promise<string> {
  return await said(["find", folder, "-printf", "%p %U:%G %m %C@\\n"]);
}

async function fix(user: User, project: Project, args: string[] = [], env = {}): Promise<Ended> {
  return await ended(startAs(user, project, "fix-permissions", args, env));
}

async function containersOf(root: string): Promise<string> {
  return await said(["docker", "ps", "--all", "--quiet", "--filter", `label=experiment.project=${root}`]);
}

rootTest(
  "root repairs directly, without an engine: what git keeps, names of all kinds, links themselves",
  async () => {
    await using project = await makeProject({ uid: 0, gid: 0 }, "1000:100");
    await using outside = await makeProject({ uid: 0, gid: 0 }, "1000:100");
    await Deno.symlink(outside.root, project.path("runs/folder"));
    await Deno.symlink(outside.path("runs/a/new\nline"), project.path("runs/file"));
    await said(["chown", "-h", "1000:100", project.path("runs/folder"), project.path("runs/file")]);
    const before = await state(outside.root);
    const { code, stdout, stderr } = await fix(ROOT_USER, project, [], NO_ENGINE);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /8 files and folders \(6 B\) do not belong to you \(0:0\)/);
    assert.match(stdout, /Repaired 8 of 12 files and folders in .*, directly as root/);
    assert.deepEqual(await owners(project.root), ["0:0"]);
    assert.equal(await state(outside.root), before);
  },
);

rootTest("behind sudo everything goes to the user who typed it", async () => {
  await using project = await makeProject({ uid: 1234, gid: 5678 });
  const { code, stderr } = await fix(ROOT_USER, project, [], { ...NO_ENGINE, ...BY_SUDO });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await owners(project.root), ["1234:5678"]);
});

rootTest(
  "--plan says what, how much, where it is likely from and how it would be repaired, and changes nothing",
  async () => {
    await using project = await makeProject({ uid: 0, gid: 0 }, "1000:100");
    await said(["chown", "4242:4242", project.path("runs/a/new\nline")]);
    const before = await state(project.root);
    const { code, stdout } = await fix(ROOT_USER, project, ["--plan"]);
    assert.equal(code, 0);
    assert.match(stdout, /6 files and folders \(6 B\) do not belong to you/);
    assert.match(stdout, /5 +1 B +1000:100 +jovyan of a container\n +.*runs\/a/);
    assert.match(stdout, /1 +5 B +4242:4242\n +runs\/a\/new␊line/);
    assert.match(stdout, /Would be repaired directly as root:\n +python3 .*fix_ownership\.py .* --repair/);
    assert.equal(await state(project.root), before);
  },
);

rootTest("--json has the same as one object", async () => {
  await using project = await makeProject({ uid: 0, gid: 0 }, "1000:100");
  const { uid, entries, owners: found, argv } = JSON.parse(
    (await fix(ROOT_USER, project, ["--plan", "--json"])).stdout,
  );
  assert.deepEqual([uid, entries, argv[0]], [0, 10, "python3"]);
  assert.deepEqual([found[0].uid, found[0].gid, found[0].count, found[0].bytes], [1000, 100, 6, 6]);
  const repaired = JSON.parse((await fix(ROOT_USER, project, ["--json"])).stdout);
  assert.deepEqual([repaired.changed, repaired.left], [6, []]);
  assert.equal(JSON.parse((await fix(ROOT_USER, project, ["--json"])).stdout).changed, 0);
});

rootTest("a file with a hard link outside of the project is named and stays, with exit code 1", async () => {
  await using project = await makeProject({ uid: 0, gid: 0 });
  await using outside = await makeProject({ uid: 0, gid: 0 }, "4242:4242");
  await Deno.link(outside.path(".git/index"), project.path("linked"));
  const { code, stderr } = await fix(ROOT_USER, project);
  assert.equal(code, 1);
  assert.match(stderr, /Not repaired, it has hard links outside of the project.*: 1 \(linked\)/);
  assert.deepEqual(await owners(project.path("linked")), ["4242:4242"]);
});

rootTest("a clone's packs that are another's, too, stay with the way out, which works", async () => {
  await using folder = await Project.make({ "origin/a": "1", "clone/.keep": "" });
  const git = (path: string, ...args: string[]) =>
    said(["git", "-C", folder.path(path), "-c", "user.name=a", "-c", "user.email=a@example.org", ...args]);
  await git("origin", "init", "-q");
  await git("origin", "add", "a");
  await git("origin", "commit", "-qm", "a");
  await git("origin", "repack", "-adq");
  await Deno.remove(folder.path("clone"), { recursive: true });
  await said(["git", "clone", "-q", "--local", folder.path("origin"), folder.path("clone")]);
  await said(["chown", "-R", "4242:4242", folder.path("origin")]);
  await Deno.writeTextFile(folder.path("clone/experiment.yaml"), experiment());
  const args = [folder.path("clone")];
  const before = await ended(inFolder(args[0]!));
  assert.equal(before.code, 1, before.stdout);
  assert.match(before.stderr, /Not repaired, [^\n]*was cloned \(git repack -ad first[^\n]*pack-\w+\.pack/);
  assert.match(before.stderr, /\(delete it: git makes it anew\): 1 \(\.git\/objects\/info\/packs\)/);
  await git("clone", "repack", "-adq");
  await Deno.remove(folder.path("clone/.git/objects/info/packs"));
  const after = await ended(inFolder(args[0]!));
  assert.equal(after.code, 0, after.stdout + after.stderr);
  assert.deepEqual(await owners(folder.path("clone")), ["0:0"]);
  assert.ok((await owners(folder.path("origin/.git/objects"))).includes("4242:4242"));
});

/** fix-permissions, standing in a folder. */
function inFolder(cwd: string): Deno.ChildProcess {
  const config = join(import.meta.dirname!, "..", "..", "deno.json");
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--config", config, "fix-permissions"],
    cwd,
    env: { NO_COLOR: "1", INIT_CWD: cwd },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

rootTest("a read-only file system is exit code 1 and says so", async () => {
  await using project = await makeProject({ uid: 0, gid: 0 }, "1000:100");
  // In a mount namespace of its own, which ends with the command.
  const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && shift && exec "$@"';
  const { args, env } = startable(project);
  const { code, stdout, stderr } = await call(
    ["unshare", "--mount", "sh", "-c", script, "sh", project.root, ...args],
    env,
  );
  assert.equal(code, 1, stdout + stderr);
  assert.match(stderr, /Not repaired, Read-only file system: 6 \(/);
  assert.deepEqual(await owners(project.path("runs")), ["1000:100"]);
});

function startable(project: Project) {
  const config = join(import.meta.dirname!, "..", "..", "deno.json");
  return {
    args: [Deno.execPath(), "task", "--quiet", "--config", config, "fix-permissions"],
    env: { NO_COLOR: "1", INIT_CWD: project.root },
  };
}

rootTest("fix-permissions refuses a folder that is in no project", async () => {
  await using project = await Project.make({ "x": "" });
  await said(["chown", "1000:100", project.path("x")]);
  const { code, stderr } = await fix(ROOT_USER, project);
  assert.equal(code, 2);
  assert.match(stderr, /Cannot repair .*: no project is there/);
  assert.deepEqual(await owners(project.path("x")), ["1000:100"]);
});

otherTest(
  "a user repairs through a container, also what they can't read, and nothing is left of it",
  async () => {
    await using project = await makeProject(other.user);
    await Deno.chmod(project.path("runs/a"), 0o700);
    const planned = await fix(other.user, project, ["--plan"]);
    assert.match(planned.stdout, /6 files and folders \(6 B\) do not belong to you \(1234:5678\)/);
    assert.match(planned.stdout, /6 +6 B +0:0 +root\n/);
    assert.match(planned.stdout, /Would be repaired as root in a container of .*:\n +docker run --rm /);
    assert.deepEqual(await owners(project.root), ["0:0", "1234:5678"]);
    const { code, stdout, stderr } = await fix(other.user, project);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Repaired 6 of 10 files and folders in .*, as root in a container of .* \(docker\)/);
    assert.deepEqual(await owners(project.root), ["1234:5678"]);
    assert.equal(await containersOf(project.root), "");
  },
);

otherTest("where everything is right no engine is asked", async () => {
  await using project = await makeProject(other.user, "1234:5678");
  const before = await state(project.root);
  const { code, stdout } = await fix(other.user, project, [], NO_ENGINE);
  assert.equal(code, 0);
  assert.match(stdout, /^Everything in .* belongs to you \(1234:5678\)\n$/);
  assert.equal(await state(project.root), before);
});

otherTest("a user without an engine sees what is wrong, and exit code 3 says what is missing", async () => {
  await using project = await makeProject(other.user);
  const args = ["--engine", "docker"];
  const { code, stdout, stderr } = await fix(other.user, project, args, NO_ENGINE);
  assert.equal(code, 3);
  assert.match(stdout, /6 files and folders .* do not belong to you[\s\S]*0:0 +root\n/);
  assert.match(stderr, /Cannot use Docker: no engine answers[\s\S]*what to do: Start it/);
  assert.equal((await fix(other.user, project, [...args, "--plan"], NO_ENGINE)).code, 0);
});

otherTest("what a user may do needs no engine: the group and the rights of their own files", async () => {
  await using project = await makeProject(other.user, "1234:100");
  await Deno.chmod(project.path("runs"), 0o700);
  const { code, stdout, stderr } = await fix(other.user, project, ["--group"], NO_ENGINE);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Repaired 10 of 10 files and folders in .*, with your own rights/);
  assert.deepEqual(await owners(project.root), ["1234:5678"]);
  const rights = await said(["find", project.root, "-printf", "%y%m\\n"]);
  assert.deepEqual([...new Set(rights.split("\n"))].sort(), ["d770", "d775", "f664"]);
  assert.match(
    (await fix(other.user, project, ["--group"], NO_ENGINE)).stdout,
    /^Everything .* may write to it\n$/,
  );
});

otherTest("--to-container gives all to jovyan:users, and without it all comes back", async () => {
  await using project = await makeProject(other.user);
  const there = await fix(other.user, project, ["--to-container", "--group"]);
  assert.equal(there.code, 0, there.stderr);
  assert.match(there.stdout, /do not belong to jovyan:users of a container \(1000:100\)/);
  assert.deepEqual(await owners(project.root), ["1000:100"]);
  assert.match((await fix(other.user, project, ["--to-container", "--group"])).stdout, /^Everything /);
  const refused = await fix(other.user, project);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /10 of 10 files and folders belong to somebody else.*nothing was touched/);
  assert.deepEqual(await owners(project.root), ["1000:100"]);
  const back = await fix(other.user, project, ["--all"]);
  assert.match(back.stdout, /10 +\d+ B +1000:100 +jovyan/);
  assert.deepEqual(await owners(project.root), ["1234:5678"]);
});

otherTest("a path with a colon, a comma, spaces and quotes is repaired, too", async () => {
  await using project = await makeProject(other.user);
  const path = `a: "project", it's`;
  await project.write(`${path}/experiment.yaml`, experiment());
  await said(["chown", "-R", "0:0", project.path(path)]);
  const env = { INIT_CWD: project.path(path) };
  const { code, stderr } = await fix(other.user, project, ["--all"], env);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await owners(project.path(path)), ["1234:5678"]);
  assert.deepEqual(await owners(project.path("runs")), ["0:0"]);
});

otherTest("^C ends the container; what was repaired stays, and a second time does the rest", async () => {
  await using project = await makeProject(other.user);
  // The real client, which gives the container so little of the processor that it can be met at work.
  const real = (await said(["which", "docker"])).trim();
  const slow = `#!/bin/sh\n[ "$1" = run ] && shift && exec ${real} run --cpus 0.02 "$@"\nexec ${real} "$@"\n`;
  await using tools = await Project.make({ docker: slow });
  for (const [path, mode] of [[tools.root, 0o755], [tools.path("docker"), 0o755]] as const) {
    await Deno.chmod(path, mode);
  }
  const env = { PATH: `${tools.root}:${Deno.env.get("PATH")}` };
  const child = startAs(other.user, project, "fix-permissions", [], env);
  const output = ended(child);
  await until("the container is there", async () => await containersOf(project.root) !== "");
  for (const pid of await descendants(child.pid)) Deno.kill(pid, "SIGINT"); // as a terminal does
  const { code, stderr } = await output;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /Interrupted: what was repaired stays so/);
  assert.equal(await containersOf(project.root), "");
  assert.equal((await fix(other.user, project)).code, 0);
  assert.deepEqual(await owners(project.root), ["1234:5678"]);
});

/** Process ids of `deno task` and of the task that it started. */
async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await call(["ps", "--ppid", String(pid), "-o", "pid="]);
  return [pid, ...stdout.split("\n").filter((line) => line.trim() !== "").map(Number)];
}

otherTest("inside one of our images a user without root is sent to the host", async () => {
  await using project = await makeProject(other.user);
  await using image = await Project.make({ marker: "test:cpu\n" });
  await said(["chmod", "-R", "a+rX", image.root]);
  const { DENO, PROJECT, DENO_DIR } = other.user.env;
  const mounts = [
    [DENO!, "/usr/local/bin/deno"],
    [DENO_DIR!, "/deno-dir"],
    [PROJECT!, "/tasks"],
    [image.path("marker"), "/etc/experiment-image"],
    [project.root, "/work"],
  ].flatMap(([source, target]) => ["--mount", `type=bind,source=${source},target=${target}`]);
  const env = ["DENO_DIR=/deno-dir", "NO_COLOR=1", "HOME=/tmp"].flatMap((entry) => ["--env", entry]);
  const container = [
    "docker",
    "run",
    "--rm",
    "--network",
    "none",
    "--user",
    "1234:5678",
    "--workdir",
    "/work",
  ];
  const task = ["deno", "task", "--quiet", "--config", "/tasks/deno.json", "fix-permissions"];
  const { code, stdout, stderr } = await call([...container, ...mounts, ...env, IMAGE, ...task]);
  assert.equal(code, 3, stderr);
  assert.match(stdout, /6 files and folders .* do not belong to you/);
  assert.match(
    stderr,
    /this is a container of the image test:cpu[\s\S]*On the host: deno task fix-permissions/,
  );
});

/** Runs a command in a container of an engine, with the project at /project. */
async function inContainer({ program, user }: TestEngine, project: Project, as: string, command: string) {
  const mount = `type=bind,source=${project.root},target=/project`;
  const argv = [program, "run", "--rm", "--user", as, "--mount", mount, IMAGE, "sh", "-c", command];
  return await call(user.as(argv), user.env);
}

for (const engine of engines) {
  const { name, program, missing, user } = engine;
  Deno.test({
    name: `${name}: what its containers wrote as root and as jovyan is the user's again`,
    ignore: missing !== undefined,
    async fn(t) {
      await using project = await makeProject(user, `${user.uid}:${user.gid}`);
      await Deno.chmod(project.root, 0o777);
      const asRoot = await inContainer(
        engine,
        project,
        "0:0",
        "mkdir -p /project/out && touch /project/out/x",
      );
      assert.equal(asRoot.code, 0, asRoot.stderr);
      const asJovyan = await inContainer(engine, project, "1000:100", "touch /project/y");
      if (asJovyan.code !== 0) {
        console.log(`not tried: files of jovyan with ${name}, since it says ${asJovyan.stderr.trim()}`);
      }
      await t.step("repaired", async () => {
        const { code, stderr } = await fix(user, project, ["--engine", program]);
        assert.equal(code, 0, stderr);
        assert.deepEqual(await owners(project.root), [`${user.uid}:${user.gid}`]);
      });
      await t.step("to the container's user and back", async () => {
        if (asJovyan.code !== 0) return;
        const there = await fix(user, project, ["--engine", program, "--to-container"]);
        assert.equal(there.code, 0, there.stderr);
        const seen = await inContainer(engine, project, "0:0", "stat -c %u:%g /project/experiment.yaml");
        assert.equal(seen.stdout.trim(), "1000:100");
        const list = /--undo (\S+)/.exec(there.stdout)![1]!;
        const back = await fix(user, project, ["--engine", program, "--undo", list]);
        assert.equal(back.code, 0, back.stderr);
        assert.deepEqual(await owners(project.root), [`${user.uid}:${user.gid}`]);
      });
    },
  });
}

const rootless = engines[3]!;

Deno.test({
  name: "a rootless engine says what it has no power over",
  ignore: rootless.missing !== undefined,
  async fn() {
    await using project = await makeProject(rootless.user);
    const { code, stderr } = await fix(rootless.user, project, ["--engine", rootless.program]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /Not repaired, Operation not permitted: 6 .*\n.*sudo \$\(command -v deno\) task fix-permissions/,
    );
    assert.deepEqual(await owners(project.path("runs")), ["0:0"]);
  },
});

const noRootless = other.missing ?? missingRootless();

if (noRootless !== undefined) console.log(`ignored: the tests with rootless Docker, since ${noRootless}`);

function rootlessTest(name: string, fn: (t: Deno.TestContext) => Promise<void>) {
  Deno.test({ name, ignore: noRootless !== undefined, fn });
}

rootlessTest("docker, rootless: the project stays the user's, whoever else's files are in it", async (t) => {
  const { engine, user } = await rootlessDocker(other.user, IMAGE);
  await using _engine = engine;
  const docker: TestEngine = { name: "docker, rootless", program: "docker", user };
  const mine = `${user.uid}:${user.gid}`;
  await t.step(
    "what its containers wrote as another user comes back, and goes there again by the list",
    async () => {
      await using project = await makeProject(user, mine);
      await Deno.chmod(project.root, 0o777);
      const wrote = await inContainer(
        docker,
        project,
        "1000:100",
        "mkdir -p /project/o && touch /project/o/x",
      );
      assert.equal(wrote.code, 0, wrote.stderr);
      const before = await owners(project.root);
      assert.equal(before.length, 2, String(before));
      const { code, stdout, stderr } = await fix(user, project, ["--engine", "docker"]);
      assert.equal(code, 0, stdout + stderr);
      assert.deepEqual(await owners(project.root), [mine]);
      const list = /--undo (\S+)/.exec(stdout)![1]!;
      const back = await fix(user, project, ["--engine", "docker", "--undo", list]);
      assert.equal(back.code, 0, back.stderr);
      assert.deepEqual(await owners(project.root), before);
    },
  );
  await t.step("of root's files it says that it has no power over them, and gives nothing away", async () => {
    await using project = await makeProject(user);
    const before = await owners(project.root);
    const { code, stderr } = await fix(user, project, ["--engine", "docker"]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Not repaired, Operation not permitted: 6/);
    assert.deepEqual(await owners(project.root), before);
  });
  await t.step(
    "a client of that engine that hides the ids is refused before anything is touched",
    async () => {
      await using project = await makeProject(user, mine);
      await said(["chown", "0:0", project.path("runs")]);
      const before = await state(project.root);
      // The real engine and the real kernel; only what the helper is told of the caller's ids is another namespace's.
      const argv = await helperCommand(
        { kind: "container", program: "docker", image: IMAGE, rootless: false },
        { root: project.root, ...user, groups: [], toContainer: false, group: false, all: true },
        "repair",
        "experiment-test-permissions",
      );
      const map = (await inContainer(docker, project, "0:0", "cat /proc/self/uid_map")).stdout.trim();
      const wrong = argv.map((one, at) => argv[at - 1] === "--caller-uids" ? map : one);
      const { code, stdout } = await call(user.as(wrong), user.env);
      assert.equal(code, 0);
      assert.match(stdout, /"refused": "other ids"/);
      assert.equal(await state(project.root), before);
    },
  );
});

otherTest(
  "an image is known by what it can do: --image names one, and one without Python is refused",
  async () => {
    await using project = await makeProject(other.user);
    const without = await fix(other.user, project, ["--image", BASE]);
    assert.equal(without.code, 3);
    assert.match(without.stderr, /Cannot become root in debian:bookworm-slim: .*it has no Python/);
    assert.deepEqual(await owners(project.path("runs")), ["0:0"]);
    const withPython = await fix(other.user, project, ["--image", IMAGE]);
    assert.equal(withPython.code, 0, withPython.stderr);
    assert.match(withPython.stdout, /as root in a container of experiment-test:python/);
    assert.deepEqual(await owners(project.root), ["1234:5678"]);
  },
);
