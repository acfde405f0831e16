/** `deno task publish` for real: built, pushed to a registry, pulled and loaded by an engine that has nothing else. */

import assert from "node:assert/strict";
import { sha256File } from "../../tasks/lib/system/files.ts";
import { BASE, copyOfThisProject, docker, git, missingEngine, said, wheelhouse } from "../support/docker.ts";
import { freePort, missingElsewhere, OtherEngine, Registry } from "../support/elsewhere.ts";
import { type Ended, ended, experiment, type Project, TRAIN, until } from "../support/project.ts";

const reason = await missingEngine() ?? missingElsewhere("docker-registry");

if (reason !== undefined) console.log(`ignored: the tests of publishing, since ${reason}`);

function publishTest(name: string, body: (t: Deno.TestContext) => Promise<void>, ignore = false) {
  Deno.test({ name, ignore: ignore || reason !== undefined, fn: body });
}

const STEP = '[python, src/train.py, --out, "{out}"]';

const CLAIM = (value: string) =>
  `claims:\n  - { name: accuracy, from: "train/metrics.json#/accuracy/-1", value: ${value} }\n`;

/** What JupyterLab does without. */
const LARGE =
  /^(?:torch|scipy|scikit-learn|sympy|networkx|numpy|matplotlib|fonttools|pillow)==.*\n(?: .*\n)*/gm;

async function smallLock(project: Project): Promise<string> {
  return (await Deno.readTextFile(project.path("requirements-cpu.lock"))).replace(LARGE, "");
}

/** This project with small experiments of bare Python in place of its own: one whose claim holds, two others. */
async function smallProject(): Promise<Project> {
  const project = await copyOfThisProject();
  await project.write("experiment.yaml", experiment(CLAIM("99.44"), STEP));
  await project.write("experiments/wrong/experiment.yaml", experiment(CLAIM("99.45"), STEP));
  const sleep = '[python, -c, "import time; print(1, flush=True); time.sleep(300)"]';
  await project.write("experiments/slow/experiment.yaml", experiment("", sleep));
  await project.write("src/train.py", TRAIN);
  await project.write("requirements-cpu.lock", await smallLock(project));
  await project.write(
    "requirements.txt",
    (await Deno.readTextFile(project.path("requirements.txt"))).replace(LARGE, ""),
  );
  await git(project, "add", "-A");
  await git(project, "commit", "-qm", "small");
  return project;
}

const project = reason === undefined ? await smallProject() : undefined!;

const registry = reason === undefined ? await Registry.start() : undefined!;

const elsewhere = reason === undefined ? await OtherEngine.start() : undefined!;

const reachable = reason === undefined ? registry.alsoIn(elsewhere) : undefined!;

const wheels = reason === undefined ? await wheelhouse(project) : "";

const tag = `${registry?.host}/publish-test/small:1.0`;

const BUILD = ["--cpu", "--base", BASE, "--wheelhouse", wheels];

async function publish(...args: string[]): Promise<Ended> {
  return await project.task("publish", [...BUILD, "--tag", tag, ...args]);
}

// deno-lint-ignore no-explicit-any
async function published(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await publish("--json", ...args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

// deno-lint-ignore no-explicit-any
let pushed: any;

publishTest("an unfinished tree is refused before anything is built", async () => {
  await project.write("README.md", "changed");
  const { code, stderr } = await publish("--push");
  assert.equal(code, 2);
  assert.match(stderr, /1 file differs from the commit[^]* M README\.md[^]*what to do: Commit first/);
  await git(project, "checkout", "-q", "README.md");
});

publishTest("--plan shows the commands and does nothing", async () => {
  const { code, stdout } = await publish("--plan", "--push", "--archive", project.path("x.tar.gz"));
  assert.equal(code, 0);
  for (const command of ["docker build", `docker push ${tag}`, `docker save ${tag} | gzip > `]) {
    assert.ok(stdout.includes(command));
  }
  assert.equal((await registry.ask("publish-test/small/manifests/1.0")).status, 404);
});

publishTest("--push sends the image to the registry and names it by the digest from there", async () => {
  await project.write("notes.txt", "not in the image");
  const { code, stdout, stderr } = await publish("--push", "--json");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Not in the image, since git does not track them: notes\.txt/);
  pushed = JSON.parse(stdout);
  assert.equal((await registry.ask("publish-test/small/manifests/1.0")).digest, pushed.digest);
  const name = `${registry.host}/publish-test/small@${pushed.digest}`;
  assert.equal(pushed.paper, `The experiment can be reproduced with: docker run --rm ${name} reproduce`);
  assert.ok(stderr.includes(pushed.statement.replace("Open Science statement. ", "")));
  const commit = await said("image", "inspect", "--format", "{{json .Config.Labels}}", tag);
  assert.equal(JSON.parse(commit)["org.opencontainers.image.revision"], pushed.code.revision);
});

publishTest("the same commit built twice is one image: --reuse copies what ran in the first", async () => {
  const image = "publish-test-twice:cpu";
  const build = async () => {
    const { code, stdout, stderr } = await project.task("build", [...BUILD, "--tag", image, "--json"]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).identity;
  };
  const train = async (...more: string[]) => {
    const { code, stdout, stderr } = await project.task("train", [
      ...["--engine", "docker", "--image", image],
      ...more,
    ]);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };
  const first = await build();
  assert.doesNotMatch(await train(), /unchanged: copied/);
  assert.deepEqual(await build(), first);
  assert.match(await train("--reuse"), /train, unchanged: copied from /);
  await said("image", "rm", image);
});

publishTest(
  "the paper's line reproduces on an engine that has to pull, and exits with the verdict",
  async (t) => {
    const [program, ...line] = pushed.reproduce.split(" ");
    assert.equal(program, "docker");
    const { code, stdout, stderr } = await elsewhere.docker(...line);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Reproduced: 1 of 1 claims hold/);
    const name = line.at(-2);
    assert.equal(
      await elsewhere.said("image", "inspect", "--format", "{{.Id}}", name),
      pushed.identity.config,
    );
    const bare = ["run", "--rm", "--network", "none"];
    const cases: [name: string, code: number, options: string[], command: string[], says: RegExp][] = [
      ["a claim that does not hold", 1, [], ["reproduce", "wrong"], /Not reproduced: 0 of 1 claims hold/],
      ["one step", 0, [], ["train"], /accuracy .* identical/],
      ["an unknown option", 2, [], ["train", "--nothing"], /has no option|needs a value/],
      ["another user", 0, ["--user", "1234:5678", "--group-add", "100"], ["reproduce"], /Reproduced/],
      ["root, who becomes a user", 0, ["--user", "root", "-e", "NB_UID=1234"], ["reproduce"], /Reproduced/],
      [
        "a read-only image",
        0,
        ["--read-only", "--tmpfs", "/tmp", "--tmpfs", "/home/jovyan/work/runs"],
        ["reproduce"],
        /Reproduced/,
      ],
      ["a command that is no task", 0, [], ["bash", "-c", "id -un; pwd"], /^jovyan\n\/home\/jovyan\/work\n$/],
    ];
    for (const [what, code, options, command, says] of cases) {
      await t.step(what, async () => {
        const done = await elsewhere.docker(...bare, ...options, name, ...command);
        assert.equal(done.code, code, done.stdout + done.stderr);
        assert.match(done.stdout + done.stderr, says);
      });
    }
  },
);

publishTest("results in a mounted folder belong to the user who asked", async () => {
  const runs = await Deno.makeTempDir({ dir: project.root });
  await Deno.chown(runs, 1234, 5678);
  const line = pushed.keep.replace("mkdir -p runs && ", "").replaceAll("$PWD/runs", runs)
    .replace("$(id -u):$(id -g)", "1234:5678");
  assert.match(line, /^docker run --rm --user "1234:5678" --group-add 100 --volume "\//);
  const { code, stderr } = await elsewhere.docker(...line.replaceAll('"', "").split(" ").slice(1));
  assert.equal(code, 0, stderr);
  const [run] = [...Deno.readDirSync(`${runs}/test`)].filter(({ isDirectory }) => isDirectory);
  const { uid, gid } = await Deno.stat(`${runs}/test/${run!.name}/verdict.json`);
  assert.deepEqual([uid, gid], [1234, 5678]);
});

publishTest(
  "docker stop ends a task in the image within 10 s, and it says that it was interrupted",
  async () => {
    const name = pushed.reproduce.split(" ").at(-2);
    const id = await elsewhere.said("run", "--detach", "--network", "none", name, "reproduce", "slow");
    await until("the step runs", async () => /^1$/m.test((await elsewhere.docker("logs", id)).stdout));
    const started = performance.now();
    await elsewhere.said("stop", "--time", "20", id);
    assert.ok(performance.now() - started < 10_000);
    assert.equal(await elsewhere.said("inspect", "--format", "{{.State.ExitCode}}", id), "130");
    await elsewhere.said("rm", id);
  },
);

publishTest("without mount and arguments it is JupyterLab, with the work in place and a token", async () => {
  const port = freePort();
  const line = pushed.jupyter.replace(":8888:8888", `:${port}:8888`).replace("--rm", "--rm --detach").split(
    " ",
  );
  const id = await said(...line.slice(1));
  try {
    const log = async () => (await docker("logs", id)).stderr;
    await until("JupyterLab says its address", async () => /token=\w+/.test(await log()), 60);
    const token = /token=(\w+)/.exec(await log())![1];
    const ask = async (path: string) => await fetch(`http://127.0.0.1:${port}${path}`);
    assert.match((await (await ask("/api")).json()).version, /^\d+\./);
    const refused = await ask("/api/contents");
    assert.equal(refused.status, 403);
    await refused.body?.cancel();
    const { content } = await (await ask(`/api/contents?token=${token}`)).json();
    const names = content.map(({ name }: { name: string }) => name);
    for (const name of ["experiment.yaml", "src", "notebooks", "tasks"]) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(!names.includes("notes.txt"));
  } finally {
    await said("rm", "--force", id);
  }
});

publishTest("an archive loads elsewhere as the same image, and reproduces there", async () => {
  const file = project.path("small.tar");
  const { identity, archive, paper, digest, statement } = await published("--archive", file);
  const bytes = (await Deno.stat(file)).size;
  assert.deepEqual(archive, { path: file, bytes, sha256: await sha256File(file) });
  assert.ok(statement.includes(`The file small.tar (SHA-256 ${archive.sha256})`));
  assert.equal(digest, undefined);
  const load = "docker load --input small.tar";
  assert.ok(paper.endsWith(`: ${load} && docker run --rm ${tag} reproduce`), paper);
  await elsewhere.wipe();
  assert.match(await elsewhere.said("load", "--input", file), new RegExp(`Loaded image: ${tag}`));
  const { digest: registry, ...content } = identity;
  const { digest: _, ...before } = pushed.identity;
  assert.deepEqual(content, before);
  // An older engine still knows what the registry called the image that was pushed from it.
  if (registry !== undefined) assert.equal(registry, pushed.digest);
  // The other engine is an older one, whose ids are digests of configurations.
  assert.equal(await elsewhere.said("image", "inspect", "--format", "{{.Id}}", tag), identity.config);
  assert.match(await elsewhere.said("run", "--rm", tag, "reproduce"), /Reproduced/);
});

publishTest(
  "a file that is there is replaced with --force only, and compressed if its name says so",
  async () => {
    const file = project.path("old.tar.gz");
    await project.write("old.tar.gz", "somebody's");
    const { code, stderr } = await publish("--archive", file);
    assert.equal(code, 2);
    assert.match(stderr, /old\.tar\.gz: it is there already[^]*--force/);
    assert.equal(await Deno.readTextFile(file), "somebody's");
    const { identity, archive } = await published("--archive", file, "--force");
    assert.equal(archive.sha256, await sha256File(file));
    const manifest = await new Deno.Command("tar", { args: ["-xzOf", file, "manifest.json"] }).output();
    const [image] = JSON.parse(new TextDecoder().decode(manifest.stdout));
    assert.deepEqual(image.RepoTags, [tag]);
    // Newer engines write the layout of the Open Container Initiative, `blobs/sha256/…`.
    assert.match(
      image.Config,
      new RegExp(`^(blobs/sha256/)?${identity.config.replace("sha256:", "")}(\\.json)?$`),
    );
  },
);

publishTest("^C while an archive is written: exit 130, and no half file", async () => {
  const folder = await Deno.makeTempDir({ dir: project.root });
  const child = project.start("publish", [...BUILD, "--tag", tag, "--archive", `${folder}/small.tar.gz`]);
  const done = ended(child);
  await until("it is being written", () => [...Deno.readDirSync(folder)].length > 0, 120);
  child.kill("SIGINT");
  const { code, stderr } = await done;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /Interrupted by SIGINT/);
  assert.deepEqual([...Deno.readDirSync(folder)], []);
});

async function mountSmall(folder: string): Promise<boolean> {
  const args = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder];
  return (await new Deno.Command("mount", { args }).output()).success;
}

publishTest("a full disk: exit 3, says so, and leaves no half archive", async () => {
  const folder = await Deno.makeTempDir({ dir: project.root });
  assert.ok(await mountSmall(folder), "root may mount");
  try {
    const { code, stderr } = await publish("--archive", `${folder}/small.tar`);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /Cannot write .*small\.tar: No space left on device[^]*free some space/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await new Deno.Command("umount", { args: [folder] }).output();
  }
});

publishTest("a registry that refuses or does not answer: exit 3 with the remedy", async (t) => {
  await using locked = await Registry.start({ locked: true });
  const cases: [host: string, says: RegExp][] = [
    [locked.host, new RegExp(`${locked.host} does not let you push there[^]*docker login ${locked.host}`)],
    [`127.0.0.1:${freePort()}`, /does not answer \(.*refused\)[^]*Check the name/],
  ];
  for (const [host, says] of cases) {
    await t.step(String(says), async () => {
      const name = `${host}/publish-test/small:1.0`;
      const { code, stderr } = await project.task("publish", [...BUILD, "--tag", name, "--push"]);
      assert.equal(code, 3, stderr);
      assert.match(stderr, says);
      await said("image", "rm", name);
    });
  }
});

publishTest("the image, the registry and the other engine can be removed", async () => {
  await reachable.stop();
  await elsewhere[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await said("image", "rm", tag);
});
