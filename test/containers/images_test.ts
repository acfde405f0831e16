/** The images on a real Docker Engine: one build of the CPU image, and what can be said of containers of it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { findBuilder } from "../../tasks/lib/image/builder.ts";
import { BASE, copyOfThisProject, docker, git, missingEngine, said, wheelhouse } from "../support/docker.ts";
import { type Project, ROOT, until } from "../support/project.ts";

const IMAGE = "images-test:cpu";

const CANARY = `canary-${crypto.randomUUID()}`;

const reason = await missingEngine();

if (reason !== undefined) console.log(`ignored: the tests of the images, since ${reason}`);

function imageTest(name: string, body: (t: Deno.TestContext) => Promise<void>) {
  Deno.test({ name, ignore: reason !== undefined, fn: body });
}

/** A copy with secrets beside the files that git tracks. */
const project = reason === undefined ? await copyWithSecrets() : undefined!;

async function copyWithSecrets(): Promise<Project> {
  const copy = await copyOfThisProject();
  for (const path of [".env", "src/token.txt", "secrets/key.pem", "notebooks/.netrc"]) {
    await copy.write(path, CANARY);
  }
  return copy;
}

// deno-lint-ignore no-explicit-any
async function build(args: string[], environment = {}): Promise<any> {
  const { code, stdout, stderr } = await project.task("build", [...args, "--json"], environment);
  assert.equal(code, 0, stderr + stdout);
  return JSON.parse(stdout);
}

const cpu: string[] = [];

// deno-lint-ignore no-explicit-any
let built: any;

imageTest("deno task build --cpu builds from a wheelhouse an image of at most 2.5 GB", async () => {
  cpu.push("--cpu", "--tag", IMAGE, "--wheelhouse", await wheelhouse(project));
  built = await build(cpu);
  assert.match(built.identity.config, /^sha256:/);
  assert.ok(built.bytes < 2.5e9, `${built.bytes}`);
});

imageTest("the image has the labels of its commit and its base", async () => {
  const labels = JSON.parse(await said("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE));
  assert.match(labels["org.opencontainers.image.revision"], /^[0-9a-f]{40}$/);
  assert.match(labels["org.opencontainers.image.created"], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(labels["org.opencontainers.image.licenses"], "Apache-2.0");
  assert.equal(labels["org.opencontainers.image.base.name"], BASE);
  assert.ok(labels["org.opencontainers.image.base.digest"] ?? labels["experiment.base.layers"]);
});

imageTest("building the same commit again gives the same image", async () => {
  assert.deepEqual((await build(cpu)).identity, built.identity);
});

imageTest("a change of the code keeps the layers of the packages", async () => {
  const layers = async (image: string) =>
    JSON.parse(await said("image", "inspect", "--format", "{{json .RootFS.Layers}}", image)) as string[];
  await Deno.writeTextFile(project.path("README.md"), "changed\n", { append: true });
  const args = cpu.map((argument) => argument === IMAGE ? "images-test:changed" : argument);
  const changed = await build(args);
  assert.match(changed.plan.labels["org.opencontainers.image.revision"], /-dirty$/);
  const [before, after] = [await layers(IMAGE), await layers("images-test:changed")];
  assert.notDeepEqual(after, before);
  assert.deepEqual(after.slice(0, 5), before.slice(0, 5));
  await said("image", "rm", "images-test:changed");
  await git(project, "checkout", "-q", "README.md");
});

imageTest("no file and no layer of the image holds what git does not track", async () => {
  const history = await said("history", "--no-trunc", IMAGE);
  assert.ok(!history.includes(CANARY));
  const search = `! grep -rlF --devices=skip --exclude-dir=proc --exclude-dir=sys ${
    CANARY.slice(0, 20)
  } / 2>/dev/null`;
  await said("run", "--rm", "--user", "0", "-e", "NB_UID=0", IMAGE, "sh", "-c", search);
  assert.equal(
    await said("run", "--rm", IMAGE, "sh", "-c", "ls -d secrets test bench wheelhouse 2>/dev/null | wc -l"),
    "0",
  );
});

imageTest(
  "the image is jovyan's, with its own Python first on PATH and the marker that tasks look for",
  async () => {
    const show = 'id -u; id -g; pwd; command -v python; cat /etc/experiment-image; echo "$HOME"';
    assert.deepEqual((await said("run", "--rm", IMAGE, "sh", "-c", show)).split("\n"), [
      "1000",
      "100",
      "/home/jovyan/work",
      "/opt/venv/bin/python",
      IMAGE,
      "/home/jovyan",
    ]);
  },
);

imageTest(
  "tasks start in the image without a network, also as a user who may not write to Deno's cache",
  async () => {
    for (const options of [[], ["--user", "1234:5678"]]) {
      const plan = ["run", "--rm", "--network", "none", ...options, IMAGE, "deno", "task", "train", "--plan"];
      assert.match(await said(...plan), /\/opt\/venv\/bin\/python .*src\.modelling\.digits/);
    }
  },
);

imageTest(
  "an image is built although what the tasks import can't be had, and the build says so",
  async () => {
    const fill = ["sh", "tasks/inside/image/cache_imports.sh", "."];
    const alone = ["run", "--rm", "--network", "none", "-e", "DENO_DIR=/tmp/cache"];
    const { code, stderr } = await docker(...alone, IMAGE, ...fill);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /note: what the tasks import can't be fetched here.*--download-wheels/);
  },
);

imageTest("a login shell, as JupyterLab's terminals are, finds the image's Python", async () => {
  assert.equal(await said("run", "--rm", IMAGE, "bash", "-lc", "command -v python"), "/opt/venv/bin/python");
});

imageTest("git answers about a mounted checkout that is another user's", async () => {
  await Deno.chmod(project.root, 0o755);
  const mounted = ["run", "--rm", "--user", "1234:100", "-v", `${project.root}:/home/jovyan/work`];
  assert.match(await said(...mounted, IMAGE, "git", "rev-parse", "HEAD"), /^[0-9a-f]{40}$/);
});

/** A folder for a bind mount that any user may write to. */
async function mount(): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: project.root });
  await Deno.chmod(folder, 0o777);
  return folder;
}

/** Runs a command with a mounted work folder and tells who owns the file that it wrote. */
async function ownerOf(options: string[]): Promise<string> {
  const folder = await mount();
  await said("run", "--rm", ...options, "-v", `${folder}:/home/jovyan/work`, IMAGE, "touch", "written");
  const { uid, gid } = await Deno.stat(join(folder, "written"));
  return `${uid}:${gid}`;
}

imageTest("a file that a container writes belongs to the user that was asked for", async (t) => {
  const cases: [owner: string, options: string[]][] = [
    ["1234:100", ["--user", "1234:100"]],
    ["1234:5678", ["--user", "1234:5678", "--group-add", "100"]],
    ["1234:5678", ["--user", "root", "-e", "NB_UID=1234", "-e", "NB_GID=5678"]],
    ["1000:100", ["--user", "root"]],
    ["33:33", ["--user", "root", "-e", "NB_UID=33", "-e", "NB_GID=33"]],
    ["1000:100", ["--user", "root", "-e", "NB_USER=alice"]],
  ];
  for (const [owner, options] of cases) {
    await t.step(options.join(" "), async () => assert.equal(await ownerOf(options), owner));
  }
});

imageTest("started as root, the user keeps group 100 and with it the home and the packages", async () => {
  const asUser = ["run", "--rm", "--user", "root", "-e", "NB_UID=1234", "-e", "NB_GID=5678", IMAGE];
  const groups = await said(
    ...asUser,
    "sh",
    "-c",
    'id -G; echo "$HOME $USER"; touch ~/x /opt/venv/lib/x; umask',
  );
  assert.deepEqual(groups.split("\n").slice(0, 2), ["5678 100", "/home/jovyan jovyan"]);
});

imageTest("started as root, files in a mount that are jovyan's are not given away", async () => {
  const folder = await mount();
  await Deno.writeTextFile(join(folder, "old"), "");
  await Deno.chown(join(folder, "old"), 1000, 100);
  const options = ["--user", "root", "-e", "NB_UID=1234", "-v", `${folder}:/home/jovyan/work`];
  await said("run", "--rm", ...options, IMAGE, "true");
  assert.equal((await Deno.stat(join(folder, "old"))).uid, 1000);
});

imageTest("CHOWN_HOME and CHOWN_EXTRA give folders to the user", async () => {
  const variables = ["NB_UID=1234", "CHOWN_HOME=yes", "CHOWN_EXTRA=/srv,/mnt", "CHOWN_EXTRA_OPTS=-R"];
  const options = ["--user", "root", ...variables.flatMap((variable) => ["-e", variable])];
  const owners = await said(
    "run",
    "--rm",
    ...options,
    IMAGE,
    "stat",
    "-c",
    "%u",
    "/home/jovyan",
    "/srv",
    "/mnt",
  );
  assert.deepEqual(owners.split("\n"), ["1234", "1234", "1234"]);
});

imageTest("sudo works only where it was granted", async (t) => {
  const cases: [options: string[], granted: boolean][] = [
    [[], false],
    [["--user", "root"], false],
    [["--user", "root", "-e", "GRANT_SUDO=no"], false],
    [["-e", "GRANT_SUDO=yes"], false],
    [["--user", "root", "-e", "GRANT_SUDO=yes"], true],
    [["--user", "root", "-e", "GRANT_SUDO=1", "-e", "NB_UID=1234"], true],
  ];
  for (const [options, granted] of cases) {
    await t.step(options.join(" ") || "as it is", async () => {
      const { code } = await docker("run", "--rm", ...options, IMAGE, "sudo", "-n", "true");
      assert.equal(code === 0, granted);
    });
  }
});

imageTest("the start script refuses ids and names that are none", async () => {
  for (const variable of ["NB_UID=x", "NB_GID=-1", "NB_USER=a b", "NB_USER=root"]) {
    const { code, stderr } = await docker("run", "--rm", "--user", "root", "-e", variable, IMAGE, "true");
    assert.equal(code, 2, variable);
    assert.match(stderr, new RegExp(`${variable.split("=")[0]} (must be|is the name)`));
  }
});

imageTest(
  "what the start script can't do of the contract is refused by its name, the rest is done",
  async (t) => {
    for (
      const variable of [
        "GEN_CERT=yes",
        "GEN_CERT=true",
        "RESTARTABLE=yes",
        "DOCKER_STACKS_JUPYTER_CMD=notebook",
      ]
    ) {
      await t.step(variable, async () => {
        const { code, stderr } = await docker("run", "--rm", "-e", variable, IMAGE, "true");
        assert.equal(code, 2);
        assert.match(stderr, new RegExp(`^start\\.sh: ${variable.split("=")[0]}`));
      });
    }
    await t.step("hooks", async () => {
      const folder = await mount();
      await Deno.writeTextFile(join(folder, "a.sh"), "");
      const hooks = `${folder}:/usr/local/bin/before-notebook.d`;
      const { code, stderr } = await docker("run", "--rm", "-v", hooks, IMAGE, "true");
      assert.equal(code, 2);
      assert.match(stderr, /before-notebook\.d: this image runs no hooks/);
    });
    await t.step("a read-only image without a place for temporary files", async () => {
      const { code, stderr } = await docker(
        "run",
        "--rm",
        "--read-only",
        "--user",
        "1234:5678",
        IMAGE,
        "true",
      );
      assert.equal(code, 2);
      assert.match(stderr, /add --tmpfs \/tmp/);
    });
    await t.step("variables to unset, the group's name, the older name of the start", async () => {
      const unset = ["-e", "JUPYTER_ENV_VARS_TO_UNSET=A,B", "-e", "A=1", "-e", "C=2"];
      assert.equal(await said("run", "--rm", ...unset, IMAGE, "sh", "-c", 'echo "$A$C"'), "2");
      const group = ["--user", "root", "-e", "NB_GROUP=lab", "-e", "NB_GID=4321"];
      assert.equal(await said("run", "--rm", ...group, IMAGE, "id", "-gn"), "lab");
      assert.match(await said("run", "--rm", IMAGE, "start-notebook.sh", "--version"), /^\d+\./);
    });
    await t.step("a variable to unset still says which user it is", async () => {
      const unset = ["-e", "JUPYTER_ENV_VARS_TO_UNSET=NB_UID,A", "-e", "A=1", "-e", "NB_UID=1234"];
      const shown = await said(
        "run",
        "--rm",
        "--user",
        "root",
        ...unset,
        IMAGE,
        "sh",
        "-c",
        'id -u; echo "$A$NB_UID"',
      );
      assert.equal(shown, "1234");
    });
    await t.step("what root alone can do is said where root was not asked for", async () => {
      const wishes = ["-e", "NB_USER=ada", "-e", "NB_GROUP=lab"];
      const { code, stderr } = await docker("run", "--rm", ...wishes, IMAGE, "true");
      assert.equal(code, 0);
      assert.match(stderr, /^start\.sh: NB_USER NB_GROUP without effect: needs --user root/m);
    });
    await t.step("read-only, what would have to be written is named", async () => {
      const readOnly = ["run", "--rm", "--read-only", "--tmpfs", "/tmp", "--user", "root"];
      assert.equal(await said(...readOnly, IMAGE, "id", "-un"), "jovyan");
      for (const wish of ["NB_UID=1234", "NB_GROUP=lab", "GRANT_SUDO=yes"]) {
        const { code, stderr } = await docker(...readOnly, "-e", wish, IMAGE, "true");
        assert.equal(code, 2, wish);
        assert.match(stderr, /^start\.sh: .+ needs a writable \/etc: without --read-only/m);
      }
    });
  },
);

imageTest("deno completes in an interactive shell", async () => {
  assert.match(await said("run", "--rm", IMAGE, "bash", "-ic", "complete -p deno"), /complete .* deno/);
});

imageTest("a user who may not write to the home gets another one", async () => {
  const home = await said(
    "run",
    "--rm",
    "--user",
    "1234:5678",
    IMAGE,
    "sh",
    "-c",
    'test -w "$HOME" && echo "$HOME"',
  );
  assert.match(home, /^\/tmp\//);
});

imageTest("the experiment's code runs as any user and its signals arrive", async () => {
  const train = ["python", "-m", "src.modelling.digits", "--epochs", "1", "--seed", "23", "--out", "/out"];
  const folder = await mount();
  const options = ["--user", "1234:100", "-v", `${folder}:/out`];
  assert.match(await said("run", "--rm", ...options, IMAGE, ...train), /epoch 1\/1/);
  const name = `images-test-${crypto.randomUUID()}`;
  await said("run", "-d", "--rm", "--name", name, IMAGE, "sleep", "300");
  const started = performance.now();
  await said("stop", "--time", "9", name);
  assert.ok(performance.now() - started < 8000);
});

async function health(name: string): Promise<string> {
  return await said("inspect", "--format", "{{.State.Health.Status}}", name);
}

imageTest("a training container is healthy; one with a Jupyter that does not answer is not", async () => {
  const often = ["--health-interval=1s", "--health-retries=1", "--health-timeout=8s"];
  const training = await said("run", "-d", "--rm", ...often, IMAGE, "sleep", "300");
  const jupyter = await said("run", "-d", "--rm", ...often, "--user", "root", "-e", "NB_UID=1234", IMAGE);
  try {
    const log = async () => (await docker("logs", jupyter)).stderr;
    await until("Jupyter is up", async () => /Use Control-C/.test(await log()), 60);
    await until(
      "both are healthy",
      async () => await health(training) === "healthy" && await health(jupyter) === "healthy",
      30,
    );
    const stop =
      'for dir in /proc/[0-9]*; do grep -qs "jupyter-la[b]" "$dir/cmdline" && kill -STOP "${dir#/proc/}"; done';
    await docker("exec", "--user", "0", jupyter, "bash", "-c", stop);
    await until("Jupyter is unhealthy", async () => await health(jupyter) === "unhealthy", 60);
    assert.equal(await health(training), "healthy");
  } finally {
    await said("rm", "-f", training, jupyter);
  }
});

imageTest("--update pins the base in experiment.lock, and another base is then an error", async () => {
  await build([...cpu, "--update"]);
  const lock = await project.json("experiment.lock");
  const { kind, digest, id } = lock.images[BASE];
  assert.match(kind === "local" ? id : digest, /^sha256:[0-9a-f]{64}$/);
  const other = { kind: "local", id: `sha256:${"0".repeat(64)}` };
  await project.write("experiment.lock", JSON.stringify({ images: { [BASE]: other } }));
  const { code, stderr } = await project.task("build", cpu);
  assert.equal(code, 2);
  assert.match(stderr, /experiment\.lock has local image sha256:0000[^]*deno task build --update/);
  await Deno.remove(project.path("experiment.lock"));
});

/** Each of Docker's builders that this client has. */
async function withEachBuilder(t: Deno.TestContext, body: (env: Record<string, string>) => Promise<void>) {
  const usual = await findBuilder("docker");
  await t.step("the classic builder", () => body({ DOCKER_BUILDKIT: "0" }));
  if (!usual.mounts) console.log("left out: BuildKit, since the docker client has no buildx");
  await t.step({ name: "BuildKit", ignore: !usual.mounts, fn: () => body({}) });
}

imageTest("a step that fails is named, with its log", async (t) => {
  const wheels = await emptyWheelhouse();
  await withEachBuilder(t, async (env) => {
    const args = ["--cpu", "--tag", "images-test:broken", "--wheelhouse", wheels];
    const { code, stderr } = await project.task("build", args, env);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Cannot build images-test:broken: step \d+\/\d+: RUN \/opt\/venv\/bin\/python/);
    assert.match(stderr, /No matching distribution found for torch/);
    assert.match(stderr, /--download-wheels/);
    const log = /log: (\S+)/.exec(stderr)?.[1] ?? "";
    assert.ok(!(await Deno.readTextFile(log)).includes("\x1b"));
    assert.match(await Deno.readTextFile(log), /Installing from \d+ wheels/);
    await Deno.remove(log);
  });
});

/** A wheelhouse that lacks nearly everything: alpha 1.0, beta 2.0 and a torch of a few bytes. */
async function emptyWheelhouse(): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: project.root });
  const { path } = await findPython();
  const maker = join(ROOT, "test/fixtures/environment/make_wheels.py");
  await new Deno.Command(path, { args: [maker, folder], stdout: "null" }).output();
  await Deno.rename(
    join(folder, "torch-2.13.0+cpu-py3-none-any.whl"),
    join(folder, "gamma-1.0-py3-none-any.whl"),
  );
  return folder;
}

imageTest("the GPU image adds what its base lacks and keeps the rest", async () => {
  await project.write("requirements-gpu.txt", "torch>=2.6\nalpha==1.0\n");
  const wheels = await emptyWheelhouse();
  const result = await build(["--base", IMAGE, "--tag", "images-test:gpu", "--wheelhouse", wheels]);
  assert.equal(result.plan.kind, "gpu");
  const versions = 'import alpha, importlib.metadata as m; print(m.version("torch"), m.version("alpha"))';
  assert.equal(await said("run", "--rm", "images-test:gpu", "python", "-c", versions), "2.13.0+cpu 1.0");
  assert.equal(
    await said("run", "--rm", "images-test:gpu", "cat", "/etc/experiment-image"),
    "images-test:gpu",
  );
  await said("image", "rm", "images-test:gpu");
});

imageTest("a GPU image that would replace its base's torch is refused, and torch is named", async (t) => {
  await project.write("requirements-gpu.txt", "torch==2.9.1\n");
  const cause = /torch: the image has 2\.13\.0\+cpu, requirements-gpu\.txt:1 wants torch==2\.9\.1/;
  await withEachBuilder(t, async (env) => {
    const args = ["--base", IMAGE, "--tag", "images-test:gpu"];
    const { code, stderr } = await project.task("build", args, env);
    assert.equal(code, 1, stderr);
    assert.match(stderr, cause);
    await Deno.remove(/log: (\S+)/.exec(stderr)?.[1] ?? "");
  });
});

imageTest("the images of these tests can be removed", async () => {
  await said("image", "rm", IMAGE);
});
