/** Steps in a real Apptainer, as an installation without setuid has it: root's and another user's. */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { explainApptainer } from "../../tasks/lib/container/apptainer.ts";
import { HEADER_BYTES, sifProblem } from "../../tasks/lib/container/sif_file.ts";
import {
  type Convertible,
  findOrigin,
  imageIdOf,
  isForApptainer,
} from "../../tasks/lib/container/sif_origin.ts";
import { ensureSif, findSif } from "../../tasks/lib/container/sif.ts";
import { overridingVariables } from "../../tasks/lib/engine/choose_apptainer.ts";
import { runMark } from "../../tasks/lib/record/run_folder.ts";
import { exists, sha256File } from "../../tasks/lib/system/files.ts";
import { findProcesses } from "../../tasks/lib/system/processes.ts";
import {
  call,
  IMAGE,
  makeProject,
  metrics,
  missingDocker,
  otherUser,
  ROOT_USER,
  said,
  startAs,
  STUBBORN,
} from "../support/engines.ts";
import { type Ended, ended, experiment, Project, until } from "../support/project.ts";

Deno.test("sifProblem() tells a whole SIF file from half of one and from other files", async (t) => {
  const header = new Uint8Array(HEADER_BYTES);
  header.set(new TextEncoder().encode("SIF_MAGIC"), 32);
  const view = new DataView(header.buffer);
  view.setBigInt64(112, 32_176n, true);
  view.setBigInt64(120, 1_000_000n, true);
  const cases: [what: string, header: Uint8Array, size: number, problem: RegExp | undefined][] = [
    ["whole", header, 1_032_176, undefined],
    ["one byte short", header, 1_032_175, /^is cut short: 1\.0 MB of 1\.0 MB/],
    ["half", header, 500_000, /^is cut short: 500 kB of 1\.0 MB are there$/],
    ["the beginning of a header", header.subarray(0, 100), 100, /^is no SIF file$/],
    ["zeros", new Uint8Array(HEADER_BYTES), 5000, /^is no SIF file$/],
    ["nothing", new Uint8Array(), 0, /^is no SIF file$/],
  ];
  for (const [what, bytes, size, problem] of cases) {
    await t.step(what, () => {
      if (problem === undefined) assert.equal(sifProblem(bytes, size), undefined);
      else assert.match(sifProblem(bytes, size)!, problem);
    });
  }
});

Deno.test("imageIdOf() reads the manifests of docker save, old and new, and of podman save", async (t) => {
  const hash = "b8e84f7ed20d".padEnd(64, "0");
  const cases: [what: string, manifest: string, id: string | undefined][] = [
    ["Docker 20", `[{"Config":"${hash}.json","RepoTags":["a:b"],"Layers":[]}]`, `sha256:${hash}`],
    ["Docker 25", `[{"Config":"blobs/sha256/${hash}","RepoTags":["a:b"]}]`, `sha256:${hash}`],
    ["without images", "[]", undefined],
    ["no JSON", "", undefined],
  ];
  for (const [what, manifest, id] of cases) await t.step(what, () => assert.equal(imageIdOf(manifest), id));
});

Deno.test("isForApptainer() knows what no other engine takes", async (t) => {
  const cases: [image: string, is: boolean][] = [
    ["docker://quay.io/jupyter/pytorch-notebook:latest", true],
    ["docker-daemon:digits-resnet:cpu", true],
    ["docker-archive:image.tar", true],
    ["/scratch/x.sif", true],
    ["digits-resnet:cpu", false],
    ["localhost:5000/docker:1", false],
  ];
  for (const [image, is] of cases) await t.step(image, () => assert.equal(isForApptainer(image), is));
});

Deno.test("overridingVariables() finds what would change a run, and leaves where caches are", () => {
  const names = [
    "APPTAINER_CACHEDIR",
    "APPTAINER_TMPDIR",
    "APPTAINERENV_X",
    "SINGULARITY_BIND",
    "PATH",
    "HOME",
  ];
  assert.deepEqual(overridingVariables([...names, "APPTAINER_NV"]), [
    "APPTAINERENV_X",
    "APPTAINER_NV",
    "SINGULARITY_BIND",
  ]);
});

Deno.test("explainApptainer() says what Apptainer's messages mean, and what to do", async (t) => {
  const cases: [said: string, meaning: RegExp, remedy: RegExp][] = [
    [
      "container creation failed: while applying cgroups config: cannot use cgroups - cannot use systemd cgroups " +
      "manager, systemd not running as init on this host",
      /no limits/,
      /sbatch --mem/,
    ],
    [
      "container creation failed: image driver mount failure: image driver squashfuse_ll instance exited with error: " +
      "squashfuse_ll exited: fuse: failed to open /dev/fuse: Permission denied",
      /\/dev\/fuse/,
      /0666/,
    ],
    [
      "While checking container encryption: could not open image /x.sif: image format not recognized",
      /SIF file is damaged or gone/,
      /Remove the file/,
    ],
    ['"python": executable file not found in $PATH', /no python on its PATH/, /Python/],
  ];
  for (const [said, meaning, remedy] of cases) {
    await t.step(said.slice(0, 60), () => {
      const { exitCode, message, details } = explainApptainer("a:b", said);
      assert.equal(exitCode, 3);
      assert.match(message, /^Cannot start a:b with Apptainer: /);
      assert.match(message, meaning);
      assert.match(details.remedy ?? "", remedy);
    });
  }
  assert.match(explainApptainer("a:b", "something new").message, /something new$/);
});

/** What is missing for the tests with the real program, if anything is. */
async function missing(): Promise<string | undefined> {
  const found = await call(["apptainer", "--version"]).catch(() => undefined);
  if (found?.code !== 0) return "there is no apptainer (deno task machine gets it)";
  if (Deno.uid() !== 0) return "the tests do not run as root, so they can't be another user";
  return await missingDocker();
}

const reason = await missing();

if (reason !== undefined) console.log(`ignored: the tests with apptainer, since ${reason}`);

function realTest(name: string, fn: (t: Deno.TestContext) => Promise<void>) {
  Deno.test({ name, ignore: reason !== undefined, fn });
}

const TINY = `experiment-test:tiny-${Deno.pid}`;

const shared = reason === undefined ? await prepare() : undefined!;

/** Archives of the tests' image and of a tiny one, where every user can read them; and a user who is not root. */
async function prepare() {
  const folder = await Deno.makeTempDir({ prefix: "apptainer-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await Deno.chmod(folder, 0o755);
  const archive = join(folder, "image.tar");
  await said(["docker", "save", "--output", archive, IMAGE]);
  await Deno.chmod(archive, 0o644);
  return { folder, archive, user: await otherUser([]) };
}

/** The tests' image as a file that root and the user can read; the first test leaves it here. */
let converted: string | undefined;

async function testSif(): Promise<string> {
  if (converted === undefined) {
    const file = join(shared.folder, "test.sif");
    await said([
      "apptainer",
      "--quiet",
      "build",
      "--disable-cache",
      file,
      `docker-archive:${shared.archive}`,
    ]);
    converted = file;
  }
  return converted;
}

const REPORT = `
import json, os, random, sys
out = sys.argv[sys.argv.index("--out") + 1]
numbers = random.Random(23)
facts = {
    "uid": os.getuid(), "gid": os.getgid(), "cwd": os.getcwd(), "arguments": sys.argv[1:],
    "home": os.access(os.environ["HOME"], os.W_OK), "tmp": os.listdir("/tmp"),
    "networks": sorted(os.listdir("/sys/class/net")), "sum": sum(numbers.gauss(0, 1) for _ in range(1000)),
    "variables": {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "TZ", "SECRET", "LEAK")},
}
json.dump(facts, open(out + "/metrics.json", "w"))
`;

const LONG = `
import subprocess, sys, time
out = sys.argv[sys.argv.index("--out") + 1]
subprocess.Popen(["sleep", "120"])
print("at work", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)  # a second interrupt would end this
    open(out + "/saved", "w").write("yes")
    raise
`;

async function train(project: Project, args: string[] = [], user = ROOT_USER, env = {}): Promise<Ended> {
  return await ended(startAs(user, project, "train", ["--engine", "apptainer", ...args], env));
}

realTest("an image is converted once; the step runs as the user, who owns what it writes", async () => {
  const { user, archive, folder } = shared;
  const yaml = experiment("environment: { shm_size: 8g }\n");
  await using project = await makeProject(REPORT, user, yaml);
  const cache = join(project.root, "cache");
  const env = {
    APPTAINER_CACHEDIR: cache,
    OMP_NUM_THREADS: "1",
    TZ: 'a,b="$HOME" `id`',
    SECRET: "not for containers",
    APPTAINERENV_LEAK: "not asked for",
  };
  const args = ["--image", `docker-archive:${archive}`];
  const first = await train(project, args, user, env);
  assert.equal(first.code, 0, first.stderr + first.stdout);
  assert.match(first.stdout, /Converting .*image\.tar[^]*MB in \/tmp[^]*made in/);
  const { uid, gid, cwd, home, tmp, variables } = await metrics(project);
  assert.deepEqual([uid, gid, cwd, home], [user.uid, user.gid, project.root, true]);
  assert.ok(!tmp.includes(basename(folder)), "this machine's /tmp is not the step's");
  assert.deepEqual(variables, { OMP_NUM_THREADS: "1", TZ: env.TZ, SECRET: null, LEAK: null });
  const written = await Deno.stat(join(await project.run(), "train/metrics.json"));
  assert.deepEqual([written.uid, written.gid], [user.uid, user.gid]);
  const { engine, attempts } = await project.evidence();
  const { image } = attempts[0].environment;
  assert.equal(engine.name, "apptainer");
  assert.match(engine.version, /^1\.\d+/);
  assert.equal(image.id, `sha256:${await sha256File(image.file)}`);
  assert.equal(image.madeFrom, JSON.parse(await said(["docker", "image", "inspect", IMAGE]))[0].Id);
  assert.ok(image.file.startsWith(`${cache}/experiment-images/`));
  for (const name of [".cache/experiment-images", ".apptainer/cache"]) {
    assert.equal(await exists(join(user.env.HOME!, name)), false, name);
  }
  assert.equal(await exists(join(await project.run(), ".scratch")), false);

  const second = await train(project, [...args, "--reuse"], user, env);
  assert.equal(second.code, 0, second.stderr);
  assert.doesNotMatch(second.stdout, /Converting/);
  assert.match(second.stdout, /unchanged: copied from/);

  converted = join(folder, "test.sif");
  await Deno.copyFile(image.file, converted);
  await Deno.chmod(converted, 0o644);
});

realTest(
  "a SIF file gives root the same numbers as Docker does with the image it was made from",
  async () => {
    await using project = await makeProject(REPORT);
    const results = [];
    for (const args of [["--image", await testSif()], ["--engine", "docker", "--image", IMAGE]]) {
      const { code, stderr } = await project.task("train", args);
      assert.equal(code, 0, stderr);
      results.push((await metrics(project)).sum);
    }
    assert.equal(results[0], results[1]);
  },
);

realTest("a project that can't be written runs with its runs elsewhere", async () => {
  const { user } = shared;
  await using project = await makeProject(REPORT);
  await using elsewhere = await Project.make({});
  await Deno.chmod(project.root, 0o755);
  await said(["chown", `${user.uid}:${user.gid}`, elsewhere.root]);
  const { code, stderr } = await train(project, ["--image", await testSif(), "--runs", elsewhere.root], user);
  assert.equal(code, 0, stderr);
  assert.equal(await exists(project.path("runs")), false);
  const [run] = [...Deno.readDirSync(elsewhere.path("test"))].filter(({ isDirectory }) => isDirectory);
  assert.equal((await elsewhere.json("test", run!.name, "train/metrics.json")).uid, user.uid);
});

realTest("a folder with spaces, quotes, colons, commas and dollars runs, without network", async () => {
  await using parent = await Project.make({});
  const folder = parent.path(`a 'b' "c": d,e $F`);
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "experiment.yaml"), experiment());
  await Deno.writeTextFile(join(folder, "train.py"), REPORT);
  const args = [join(folder, "experiment.yaml"), "--image", await testSif(), "--network", "none"];
  const { code, stderr } = await train(parent, [...args, "--runs", parent.path("runs")]);
  assert.equal(code, 0, stderr);
  const { cwd, networks } = JSON.parse(
    await Deno.readTextFile(join(await parent.run(), "train/metrics.json")),
  );
  assert.deepEqual([cwd, networks], [folder, ["lo"]]);
});

/** Processes of a run, and those that mount a SIF of these tests. */
async function leftOf(run: string): Promise<number> {
  const mounts = (await said(["ps", "-A", "-o", "args="])).split("\n").filter((line) =>
    line.includes("squashfuse") || line.includes("Apptainer runtime parent: test.sif")
  );
  return (await findProcesses({ mark: runMark(run) })).length + mounts.length;
}

/** Starts the step "train", and does something once it is at work; tells how long the end took from there. */
async function duringTrain(project: Project, act: (runner: number) => void) {
  const child = startAs(shared.user, project, "train", ["--image", await testSif()]);
  const output = ended(child);
  await until("the step is at work", async () => {
    const run = await project.run().catch(() => undefined);
    return run !== undefined &&
      (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("at work");
  });
  const begin = performance.now();
  act((await project.evidence()).attempts.at(-1).pid);
  return { ...await output, seconds: (performance.now() - begin) / 1000 };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  realTest(
    `${signal} reaches the step once, so it can save; it is over within 10 s, and nothing is left`,
    async () => {
      await using project = await makeProject(LONG, shared.user);
      const { code, seconds, stderr } = await duringTrain(project, (runner) => Deno.kill(runner, signal));
      assert.equal(code, 130, stderr);
      assert.ok(seconds < 20, `${seconds} s`); // ten where nothing else runs
      const { run, steps } = await project.evidence();
      assert.equal(steps.train.problem, `stopped by ${signal}`);
      assert.equal(await Deno.readTextFile(join(await project.run(), "train/saved")), "yes");
      assert.equal(await leftOf(run), 0);
      assert.equal(await exists(join(await project.run(), ".scratch")), false);
    },
  );
}

realTest("a step that ignores ^C is ended within 10 s, and so is what mounted its SIF", async () => {
  await using project = await makeProject(STUBBORN, shared.user);
  const { code, seconds } = await duringTrain(project, (runner) => Deno.kill(runner, "SIGINT"));
  assert.equal(code, 130);
  assert.ok(seconds < 20, `${seconds} s`); // ten where nothing else runs
  assert.equal(await leftOf((await project.evidence()).run), 0);
});

realTest("a step whose runner was killed is ended and recorded by the next run", async () => {
  await using project = await makeProject(LONG, shared.user);
  await duringTrain(project, (runner) => Deno.kill(runner, "SIGKILL"));
  const { run } = await project.evidence();
  assert.notEqual(await leftOf(run), 0, "it outlives its runner");
  await Deno.writeTextFile(project.path("train.py"), REPORT);
  const { code, stderr } = await train(project, ["--image", await testSif()], shared.user);
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`${run} was killed: recorded as interrupted`));
  await until("nothing is left", async () => await leftOf(run) === 0);
});

realTest("what can't run says why, and what to do", async (t) => {
  const sif = await testSif();
  const half = join(shared.folder, "half.sif");
  await Deno.copyFile(sif, half);
  await Deno.truncate(half, 1_000_000);
  const withoutSystemd = !await exists("/run/systemd/system");
  const cases: [name: string, code: number, args: string[], env: Record<string, string>, message: RegExp][] =
    [
      ["half a SIF file", 2, ["--image", half], {}, /half\.sif: it is cut short: 1\.0 MB of 1\d\d MB/],
      ["a file of another kind", 2, ["--image", `docker-archive:${sif}`], {}, /no archive of docker save/],
      ["a SIF that is not there", 2, ["--image", "nothing.sif"], {}, /no such file/],
      ["--shm-size", 2, ["--image", sif, "--shm-size", "8g"], {}, /\/dev\/shm is the machine's own/],
      ["no program", 3, ["--image", sif], { PATH: "/usr/bin:/bin" }, /no program apptainer[^]*module load/],
      [
        "no Docker Engine",
        3,
        [],
        { DOCKER_HOST: "unix:///nowhere/docker.sock" },
        /no engine answers[^]*docker save test:cpu -o image\.tar[^]*docker-archive/,
      ],
      ["no image", 3, ["--image", "docker-daemon:nobody/nothing:1"], {}, /Docker has no image of that name/],
      [
        "a download",
        3,
        ["--image", "docker://localhost:1/nobody/nothing:1"],
        {},
        /has to be downloaded first[^]*--yes/,
      ],
      [
        "a registry out of reach",
        3,
        ["--image", "docker://localhost:1/nobody/nothing:1", "--yes"],
        {},
        /connection refused/,
      ],
      ...withoutSystemd
        ? [
          [
            "a limit",
            3,
            ["--image", sif, "--memory", "64m"],
            {},
            /lets it set no limits/,
          ] as typeof cases[number],
        ]
        : [],
    ];
  if (!withoutSystemd) console.log("ignored: a limit that can't be set, since systemd can set it here");
  for (const [name, expected, args, env, message] of cases) {
    await t.step(name, async () => {
      await using project = await makeProject(REPORT);
      const { code, stderr } = await train(project, args, ROOT_USER, {
        XDG_CACHE_HOME: join(shared.folder, "cache"),
        ...env,
      });
      assert.equal(code, expected, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /at file:/);
    });
  }
});

realTest("--plan shows what would be converted, and converts nothing", async () => {
  await using project = await makeProject(REPORT);
  const cache = project.path("cache");
  const args = ["--image", `docker-daemon:${IMAGE}`, "--plan"];
  const { code, stdout, stderr } = await train(project, args, ROOT_USER, { APPTAINER_CACHEDIR: cache });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /apptainer --quiet exec --cleanenv .*experiment-test-python-[0-9a-f]{16}\.sif python/);
  assert.equal(await exists(cache), false);
});

/** The tiny image, made of one file with this text. */
async function tinyImage(text: string): Promise<Convertible> {
  await using context = await Project.make({ Dockerfile: "FROM scratch\nCOPY file /\n", file: text });
  await said(["docker", "build", "--quiet", "--tag", TINY, context.root]);
  return await findOrigin(TINY, [], "/") as Convertible;
}

realTest(
  "a SIF is made again when the image changes or the file does, and half of one is never used",
  async (t) => {
    await using place = await Project.make({});
    const before = Deno.env.get("APPTAINER_CACHEDIR");
    Deno.env.set("APPTAINER_CACHEDIR", place.root);
    const heard: string[] = [];
    const talk = { line: (text = "") => void heard.push(text), progress: () => {} };
    try {
      const image = await tinyImage("one");
      const made = await ensureSif(image, talk);
      await t.step("as it was made", async () => assert.deepEqual(await findSif(image), made));
      await t.step("cut short", async () => {
        await Deno.truncate(made.file, 20_000);
        assert.equal(await findSif(image), undefined);
        assert.equal((await ensureSif(image, talk)).file, made.file);
        assert.ok(
          heard.some((line) => /tiny.*\.sif is cut short: .*; it is made again/.test(line)),
          heard.join("\n"),
        );
      });
      await t.step("other bytes of the same length", async () => {
        using file = await Deno.open(made.file, { write: true });
        await file.seek(40_000, Deno.SeekMode.Start);
        await file.write(new Uint8Array(8).fill(1));
        assert.equal(await findSif(image), undefined);
        await ensureSif(image, talk);
        assert.ok(
          heard.some((line) => /its bytes have changed; it is made again/.test(line)),
          heard.join("\n"),
        );
      });
      await t.step("another image of that name", async () => {
        assert.notEqual((await ensureSif(await tinyImage("two"), talk)).file, made.file);
      });
      await t.step("what a killed process left is removed", async () => {
        await Deno.rename(made.file, `${made.file}.12345678.part`);
        await ensureSif(image, talk);
        const names = [...Deno.readDirSync(join(place.root, "experiment-images"))].map(({ name }) => name);
        assert.deepEqual(names.filter((name) => name.endsWith(".part")), []);
      });
    } finally {
      if (before === undefined) Deno.env.delete("APPTAINER_CACHEDIR");
      else Deno.env.set("APPTAINER_CACHEDIR", before);
      await said(["docker", "image", "rm", "--force", TINY]);
    }
  },
);

realTest("^C while an image is converted leaves no half SIF and nothing in TMPDIR", async () => {
  await using project = await makeProject(REPORT);
  for (const name of ["cache", "tmp"]) await Deno.mkdir(project.path(name));
  const env = { APPTAINER_CACHEDIR: project.path("cache"), TMPDIR: project.path("tmp") };
  const args = ["--json", "--engine", "apptainer", "--image", `docker-daemon:${IMAGE}`];
  const child = project.start("train", args, env);
  const output = ended(child);
  await until("apptainer is at work", () => {
    const [scratch] = [...Deno.readDirSync(project.path("tmp"))];
    return scratch !== undefined && [...Deno.readDirSync(project.path("tmp", scratch.name))].length > 0;
  });
  const [runner] = (await said(["pgrep", "--parent", String(child.pid)])).split("\n");
  Deno.kill(Number(runner ?? child.pid), "SIGINT");
  const { code, stdout } = await output;
  assert.equal(code, 130, stdout);
  assert.deepEqual([...Deno.readDirSync(project.path("tmp"))], []);
  const left = [...Deno.readDirSync(project.path("cache/experiment-images"))].map(({ name }) => name);
  assert.deepEqual(left.filter((name) => !name.endsWith(".lock")), []);
});
