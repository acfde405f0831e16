/** What `deno task build` makes of a request, without an engine; and with clients that answer as engines do. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { explainEngine } from "../../tasks/lib/container/client.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import type { Experiment } from "../../tasks/lib/experiment/experiment.ts";
import { nextCommand } from "../../tasks/lib/image/build.ts";
import { publicAddress, stageContext } from "../../tasks/lib/image/build_context.ts";
import { BuildOutput } from "../../tasks/lib/image/build_output.ts";
import {
  baseImage,
  buildCommand,
  type BuildOptions,
  byDigest,
  type Pin,
  planBuild,
  readRequest,
  type Request,
} from "../../tasks/lib/image/build_plan.ts";
import { type ImagePackages, listPackages, planPackages } from "../../tasks/lib/image/packages.ts";
import { readExperiment } from "../../tasks/lib/experiment/read.ts";
import { IMAGE } from "../../tasks/lib/system/product.ts";
import { parsePackages } from "../../tasks/lib/image/deno_packages.ts";
import { checkPin, pinOf } from "../../tasks/lib/image/image_lock.ts";
import { chainId, identityOf, readImage } from "../../tasks/lib/container/client.ts";
import { contentOf, type ImageIdentity, isSameImage } from "../../tasks/lib/experiment/image_identity.ts";
import { sha256 } from "../../tasks/lib/system/files.ts";
import { downloadCommand, downloadFiles, platforms } from "../../tasks/lib/image/wheels.ts";
import { withMounts } from "../../tasks/lib/image/builder.ts";
import { ended, experiment, Project, ROOT } from "../support/project.ts";

const FIXTURES = join(import.meta.dirname!, "..", "fixtures/build");

const NOTHING: BuildOptions = { cpu: false, "download-wheels": false, update: false, plan: false };

const GPU_JUPYTER = "cschranz/gpu-jupyter:v1.10_cuda-12.9_ubuntu-24.04";

const DIGITS = parseExperiment(
  `name: digits\ntitle: Digits\nenvironment: { image: "${GPU_JUPYTER}", requirements: requirements.txt }\n` +
    "steps: { train: { run: [python, train.py] } }\n",
  "/project/experiment.yaml",
  "/project",
);

const SHA = (letter: string) => `sha256:${letter.repeat(64)}`;

function asked(options: Partial<BuildOptions>): Request & { action: "build" } {
  const request = readRequest({ ...NOTHING, ...options });
  assert.equal(request.action, "build");
  return request as Request & { action: "build" };
}

Deno.test("readRequest() refuses options that contradict each other", async (t) => {
  const cases: [Partial<BuildOptions>, RegExp][] = [
    [{ cpu: true, variant: "slim" }, /--variant chooses a GPU-Jupyter image.*--cpu/],
    [{ base: "x", variant: "slim" }, /--variant chooses a GPU-Jupyter image.*--base/],
    [{ "download-wheels": true, tag: "x" }, /--download-wheels builds nothing: remove --tag/],
    [{ tag: "No Name" }, /--tag must be an image name.*current value is "No Name"/],
    [{ tag: "-x" }, /--tag must be an image name/],
  ];
  for (const [options, message] of cases) {
    await t.step(String(message), () => {
      assert.throws(() => readRequest({ ...NOTHING, ...options }), { exitCode: 2, message });
    });
  }
});

Deno.test("readRequest() takes image names with registry, port and tag", () => {
  for (const tag of ["x", "user/name:1.0", "registry.example:5000/user/name:v1_2", "digits-resnet:cpu"]) {
    assert.equal(asked({ tag }).tag, tag);
  }
});

Deno.test("baseImage() takes what was asked for, else the experiment's image in its variant, else Debian", async (t) => {
  const cases: [Partial<BuildOptions>, string][] = [
    [{}, GPU_JUPYTER],
    [{ variant: "full" }, GPU_JUPYTER],
    [{ variant: "slim" }, `${GPU_JUPYTER}_slim`],
    [{ variant: "python-only" }, `${GPU_JUPYTER}_python-only`],
    [{ base: "own:1" }, "own:1"],
    [{ cpu: true }, "debian:bookworm-slim"],
    [{ cpu: true, base: "own:1" }, "own:1"],
  ];
  for (const [options, image] of cases) {
    await t.step(image, () => assert.equal(baseImage(asked(options), DIGITS), image));
  }
});

Deno.test("baseImage() refuses a variant of an image that has none", () => {
  const own = { ...DIGITS, environment: { ...DIGITS.environment, image: "own:1" } };
  assert.throws(
    () => baseImage(asked({ variant: "slim" }), own),
    /--variant needs a GPU-Jupyter tag.*"own:1"/,
  );
});

const WITHOUT_TORCH = '[project]\nname = "x"\nversion = "1"\ndependencies = ["numpy>=1.20"]\n';

Deno.test("planPackages() takes every format, and says in one line what an image can't be made from", async (t) => {
  const lock = "# python: 3.12 to 3.14\nalpha==1.0\n";
  const cases: [
    what: string,
    kind: "cpu" | "gpu",
    environment: string,
    files: Record<string, string>,
    expected: Partial<ImagePackages> | RegExp,
  ][] = [
    ["own lock", "cpu", "requirements: requirements.txt", {
      "requirements.txt": "",
      "requirements-cpu.lock": "",
    }, {
      files: ["requirements-cpu.lock"],
      by: "copy",
    }],
    ["own lock for newer Pythons", "cpu", "requirements: r.txt", { "r.txt": "alpha", "r.lock": lock }, {
      files: ["r.lock"],
      python: "3.12",
    }],
    ["no lock", "cpu", "requirements: requirements.txt", { "requirements.txt": "" }, { by: "resolution" }],
    ["several", "cpu", "requirements: [a.txt, src/requirements.txt]", {
      "a.txt": "",
      "src/requirements.txt": "-e ./lib\n",
    }, { files: ["a.txt", "src/requirements.txt"], by: "resolution", local: ["-e", "./src/lib"] }],
    ["nothing named", "cpu", "", { "uv.lock": "" }, { files: ["uv.lock"], by: "lock" }],
    ["nothing there", "cpu", "", {}, /image of "test": it names no requirements/],
    [
      "pyproject",
      "cpu",
      'requirements: pyproject.toml\n  python: "3.9"',
      { "pyproject.toml": WITHOUT_TORCH },
      {
        by: "resolution",
        python: "3.9",
      },
    ],
    ["install alone", "cpu", "install: [-e, .]", { "setup.py": "setup()" }, {
      files: [],
      local: ["-e", "."],
    }],
    ["poetry", "cpu", "requirements: poetry.lock", { "poetry.lock": "" }, { by: "lock" }],
    [
      "conda",
      "cpu",
      "requirements: environment.yml",
      { "environment.yml": "" },
      /environment\.yml is made of conda's/,
    ],
    ["pixi", "gpu", "requirements: pixi.lock", { "pixi.lock": "" }, /pixi\.lock is made of conda's/],
    ["Pipfile", "cpu", "requirements: Pipfile", { "Pipfile": "" }, /Pipfile has no Pipfile\.lock/],
    ["for a GPU, its own", "gpu", "requirements: requirements.txt", {
      "requirements.txt": "",
      "requirements-gpu.txt": "",
    }, { files: ["requirements-gpu.txt"], by: "copy" }],
    ["for a GPU, ranges", "gpu", "requirements: [a.txt, pyproject.toml]", {
      "a.txt": "",
      "pyproject.toml": WITHOUT_TORCH,
    }, { files: ["a.txt", "pyproject.toml"], by: "ranges" }],
    [
      "for a GPU, setup.py",
      "gpu",
      "requirements: setup.py",
      { "setup.py": "setup()" },
      /what setup\.py asks for/,
    ],
  ];
  for (const [what, kind, environment, files, expected] of cases) {
    await t.step(`${what}, ${kind}`, async () => {
      await using project = await Project.make({
        "experiment.yaml": experiment(environment === "" ? "" : `environment:\n  ${environment}\n`),
        ...files,
      });
      const planned = planPackages(kind, await readExperiment(project.root, project.root));
      if (expected instanceof RegExp) await assert.rejects(planned, { exitCode: 2, message: expected });
      else assert.deepEqual({ ...await planned, ...expected }, await planned);
    });
  }
});

Deno.test("listPackages() lists what requirements files and a pyproject.toml ask for, as one", async () => {
  await using project = await Project.make({
    "experiment.yaml": experiment("environment: { requirements: [a.txt, pyproject.toml], groups: [more] }\n"),
    "a.txt": "-r b/c.txt\n-e .\nalpha==1\n",
    "b/c.txt": "beta # why\n",
    "pyproject.toml": WITHOUT_TORCH +
      '[dependency-groups]\nmore = ["delta", { include-group = "most" }]\nmost = ["eps"]\n',
  });
  const read = await readExperiment(project.root, project.root);
  const { text, local } = await listPackages(await planPackages("gpu", read), "gpu", read, () => {});
  assert.equal(text, "beta # why\nalpha==1\nnumpy>=1.20\ndelta\neps\n");
  assert.deepEqual(local, ["-e", "./."]);
});

Deno.test("buildCommand() is what the golden file says", async (t) => {
  const provenance = {
    revision: "0123456789abcdef0123456789abcdef01234567",
    source: "https://git.example/group/project",
    created: "2026-11-23T16:05:12Z",
    licenses: "Apache-2.0",
  };
  const cases = {
    cpu: planBuild(asked({ cpu: true }), DIGITS, {
      engine: "podman",
      base: "debian:bookworm-slim",
      pin: { kind: "local", id: SHA("a"), layers: SHA("f") },
      product: ".experiment",
      packages: { files: ["requirements-cpu.lock"], by: "copy", local: [] },
      packagesSha256: "e".repeat(64),
      wheelhouse: "/wheels",
      provenance,
    }),
    gpu: planBuild(asked({ tag: "registry.example:5000/user/digits:1.0" }), DIGITS, {
      engine: "docker",
      base: GPU_JUPYTER,
      pin: { kind: "registry", digest: SHA("b") },
      product: ".",
      packages: { files: ["a.txt", "b.txt"], by: "ranges", local: [] },
      packagesSha256: "e".repeat(64),
      provenance: {},
    }),
  };
  for (const [name, plan] of Object.entries(cases)) {
    await t.step(name, async () => {
      const expected = JSON.parse(await Deno.readTextFile(join(FIXTURES, `${name}.json`)));
      assert.deepEqual(buildCommand(plan, "/context"), expected);
    });
  }
});

Deno.test("byDigest() keeps a registry's port and drops the tag", () => {
  assert.equal(byDigest("registry.example:5000/a/b:1.0", SHA("a")), `registry.example:5000/a/b@${SHA("a")}`);
  assert.equal(byDigest("registry.example:5000/a/b", SHA("a")), `registry.example:5000/a/b@${SHA("a")}`);
});

Deno.test("publicAddress() is an address without a token, and never a path of the machine", async (t) => {
  const cases: [origin: string, address: string | undefined][] = [
    ["https://me:s3cret@git.example/a/b", "https://git.example/a/b"],
    ["ssh://git@git.example:22/a/b", "ssh://git.example:22/a/b"],
    ["git@git.example:a/b", "git@git.example:a/b"],
    ["git://git.example/a", "git://git.example/a"],
    ["/home/ada/paper", undefined],
    ["../paper.git", undefined],
    ["~/paper", undefined],
    ["file:///home/ada/paper", undefined],
    ["C:/Users/ada/paper", undefined],
    ["/home/a@b:c/paper", undefined],
    ["", undefined],
  ];
  for (const [origin, address] of cases) {
    await t.step(origin || "none", () => assert.equal(publicAddress(origin), address));
  }
});

Deno.test("pinOf() is the digest of the image's own registry, or what every engine knows of one made here", () => {
  const digests = [`elsewhere.example/debian@${SHA("c")}`, `debian@${SHA("b")}`];
  const info = { id: SHA("a"), layers: SHA("f"), digests, manifests: digests };
  const registry = { kind: "registry", digest: SHA("b"), layers: SHA("f") };
  const local = { kind: "local", id: SHA("a"), layers: SHA("f") };
  assert.deepEqual(pinOf("docker.io/library/debian:bookworm-slim", info), registry);
  assert.deepEqual(pinOf("debian", { ...info, digests: [], manifests: [] }), local);
  // Engines that give every image a digest tell nothing by it, unless it has just been pulled.
  assert.deepEqual(pinOf("debian", { ...info, digests: [] }), local);
  assert.deepEqual(pinOf("debian", { ...info, digests: [] }, true), registry);
});

Deno.test("checkPin() says which digest is locked and which is here", async (t) => {
  const manifests = [`debian@${SHA("b")}`];
  const info = { id: SHA("a"), layers: SHA("f"), digests: manifests, manifests };
  const cases: [name: string, pin: Pin, here: typeof info, same: boolean][] = [
    ["the digest", { kind: "registry", digest: SHA("b") }, info, true],
    [
      "the digest, as an engine's own",
      { kind: "registry", digest: SHA("b") },
      { ...info, digests: [] },
      true,
    ],
    [
      "of an image that came as a file, the layers",
      { kind: "registry", digest: SHA("b"), layers: SHA("f") },
      { ...info, digests: [], manifests: [] },
      true,
    ],
    ["another digest", { kind: "registry", digest: SHA("c") }, info, false],
    ["the id", { kind: "local", id: SHA("a") }, info, true],
    ["the layers, on another engine", { kind: "local", id: SHA("e"), layers: SHA("f") }, info, true],
    ["other layers", { kind: "local", id: SHA("a"), layers: SHA("e") }, info, false],
  ];
  for (const [name, pin, here, same] of cases) {
    await t.step(name, () => {
      if (same) checkPin("debian:bookworm-slim", pin, here);
      else assert.throws(() => checkPin("debian:bookworm-slim", pin, here), { exitCode: 2 });
    });
  }
  assert.throws(() => checkPin("debian:bookworm-slim", { kind: "registry", digest: SHA("c") }, info), {
    message: `Cannot build on debian:bookworm-slim: experiment.lock has digest ${SHA("c")}, here is digest ${
      SHA("b")
    }`,
  });
});

Deno.test("chainId() is the OCI image specification's: one layer is itself, more are hashed in turn", async () => {
  assert.equal(await chainId([]), undefined);
  assert.equal(await chainId([SHA("a")]), SHA("a"));
  assert.equal(
    await chainId([SHA("a"), SHA("b"), SHA("c")]),
    `sha256:${sha256(`sha256:${sha256(`${SHA("a")} ${SHA("b")}`)} ${SHA("c")}`)}`,
  );
});

Deno.test("readImage() tells what each engine's names for an image are", async (t) => {
  const RootFS = { Layers: [SHA("f")] };
  const cases: [
    name: string,
    engine: "docker" | "podman",
    asked: string,
    inspected: unknown,
    expected: unknown,
  ][] = [
    [
      "Docker's older store, pulled",
      "docker",
      "debian",
      { Id: SHA("a"), RepoDigests: [`debian@${SHA("b")}`] },
      { id: SHA("a"), config: SHA("a"), layers: SHA("f"), digest: SHA("b") },
    ],
    [
      "Docker's older store, loaded",
      "docker",
      "debian",
      { Id: SHA("a"), RepoDigests: [] },
      { id: SHA("a"), config: SHA("a"), layers: SHA("f"), digest: undefined },
    ],
    [
      "Docker's containerd store, whatever it came from",
      "docker",
      "debian",
      { Id: SHA("b"), RepoDigests: [`debian@${SHA("b")}`] },
      { id: SHA("b"), config: undefined, layers: SHA("f"), digest: undefined },
    ],
    [
      "that, asked for by its digest",
      "docker",
      `debian@${SHA("b")}`,
      { Id: SHA("b"), RepoDigests: [`debian@${SHA("b")}`] },
      { id: SHA("b"), config: undefined, layers: SHA("f"), digest: SHA("b") },
    ],
    [
      "Podman, which gives every image a digest",
      "podman",
      "debian",
      { Id: "a".repeat(64), RepoDigests: [`localhost/debian@${SHA("b")}`] },
      { id: SHA("a"), config: SHA("a"), layers: SHA("f"), digest: undefined },
    ],
  ];
  for (const [name, engine, asked, inspected, expected] of cases) {
    await t.step(name, async () => {
      const image = await readImage(engine, asked, { RootFS, ...inspected as object });
      const { settings, ...others } = identityOf(image);
      assert.match(settings!, /^sha256:[0-9a-f]{64}$/);
      assert.deepEqual(others, expected);
    });
  }
});

Deno.test("an image's settings are the same however an engine writes what is empty, and other variables are others", async () => {
  const of = async (Config?: Record<string, unknown>) =>
    (await readImage("docker", "x:1", { Id: SHA("a"), RepoDigests: [], Size: 1, Config, RootFS: {} }))
      .settings;
  const empty = await of({ Env: null, Entrypoint: null, User: "", WorkingDir: "" });
  assert.equal(await of({}), empty);
  assert.equal(await of({ Entrypoint: [], WorkingDir: "/" }), empty);
  assert.notEqual(await of({ Env: ["A=1"] }), empty);
  assert.notEqual(await of({ Env: ["A=1"] }), await of({ Env: ["A=2"] }));
});

Deno.test("isSameImage() compares what identifies the content on any engine", async (t) => {
  const older = { id: SHA("a"), config: SHA("a"), layers: SHA("f") };
  const newer = { id: SHA("b"), layers: SHA("f") };
  const cases: [name: string, a: ImageIdentity, b: ImageIdentity, expected: boolean | undefined][] = [
    ["itself", older, older, true],
    ["on Docker's two stores", older, newer, true],
    ["other layers, the same id by chance of a record", { ...newer, layers: SHA("0") }, newer, false],
    ["the same layers, another configuration", older, { ...older, id: SHA("c"), config: SHA("c") }, false],
    ["a registry's digest that the newer store shows as its id", { digest: SHA("b") }, newer, true],
    ["a registry's digest, and one that nobody can compare with it", { digest: SHA("d") }, newer, undefined],
    [
      "the same layers, another variable",
      { ...newer, settings: SHA("1") },
      { ...newer, settings: SHA("2") },
      false,
    ],
    ["the same layers and variables", { ...older, config: undefined, settings: SHA("1") }, {
      ...newer,
      settings: SHA("1"),
    }, true],
    ["a record from before settings were recorded", { ...newer, settings: SHA("1") }, newer, true],
    ["two digests", { digest: SHA("d") }, { digest: SHA("e") }, false],
    ["old records, by their ids", { id: SHA("a") }, { id: SHA("a") }, true],
    ["nothing known", {}, older, undefined],
  ];
  for (const [name, a, b, expected] of cases) {
    await t.step(name, () => {
      assert.equal(isSameImage(a, b), expected);
      assert.equal(isSameImage(b, a), expected);
    });
  }
});

Deno.test("nextCommand() is how the experiment is run in the image that was built", () => {
  const [train, fit] = ["train", "fit"].map((name) => ({ steps: { [name]: {} } }) as unknown as Experiment);
  assert.equal(nextCommand(train!, { engine: "docker" }), "deno task train --engine docker");
  assert.equal(
    nextCommand(fit!, { engine: "podman" }, "my paper", "lab/x:1"),
    "deno task reproduce 'my paper' --engine podman --image lab/x:1",
  );
});

Deno.test("contentOf() is the same for the same image with another id, and no other's", () => {
  const [config, layers] = [`sha256:${"c".repeat(64)}`, `sha256:${"d".repeat(64)}`];
  assert.equal(contentOf({ id: "sha256:1", layers }), contentOf({ id: "sha256:2", layers }));
  assert.equal(contentOf({ id: config, config, layers }), config);
  assert.notEqual(contentOf({ id: "sha256:1", layers }), contentOf({ id: "sha256:1", layers: config }));
  // As in the records from before there were layers in them, and of SIF files.
  assert.equal(contentOf({ id: "sha256:1" }), "sha256:1");
});

Deno.test("explainEngine() tells a stopped engine from a closed socket", async (t) => {
  const cases: [string, RegExp, RegExp][] = [
    [
      "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
      /no engine answers/,
      /Start it/,
    ],
    [
      "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
      /may not talk to the engine/,
      /usermod -aG docker/,
    ],
    ["something new", /something new/, /docker version/],
  ];
  for (const [stderr, message, remedy] of cases) {
    await t.step(stderr.slice(0, 30), () => {
      const failure = explainEngine("docker", stderr);
      assert.equal(failure.exitCode, 3);
      assert.match(failure.message, message);
      assert.match(failure.details.remedy ?? "", remedy);
    });
  }
});

Deno.test("BuildOutput names the step that failed, with what it said, of any builder", async (t) => {
  const mixed = [
    "#12 [packages 8/25] RUN --mount=type=cache,target=/var/cache/wheels,sharing=locked   pip  install x",
    "#12 1.234 torch: the image has 2.9.1",
    "#9 [source 2/3] COPY . /source/",
    "#9 0.100 what another step says",
    "#9 DONE 0.2s",
    "",
    "#12 [packages 8/25] RUN --mount=type=cache,target=/var/cache/wheels,sharing=locked   pip  install x",
    "#12 1.235 requirements-gpu.txt wants 2.6",
    "#12 ERROR: executor failed running [/bin/sh -c pip  install x]: exit code: 1",
    "------",
    " > [packages 8/25] RUN --mount=type=cache,target=/var/cache/wheels,sharing=locked   pip  install x:",
  ];
  const said = ["torch: the image has 2.9.1", "requirements-gpu.txt wants 2.6"];
  const cases = {
    classic: [
      "Step 7/25 : RUN true",
      "no",
      "Step 8/25 : RUN pip  install x",
      " ---> Running in 0123",
      ...said,
    ],
    podman: ["[1/2] STEP 8/25: RUN pip  install x", ...said, 'Error: building at STEP "RUN pip"'],
    "BuildKit of Engine 20.10": [
      ...mixed,
      "------",
      "executor failed running [/bin/sh -c pip  install x]: exit code: 1",
    ],
    "BuildKit by buildx": [
      ...mixed,
      ...said.map((line, index) => `1.23${4 + index} ${line}`),
      "------",
      "Dockerfile:24",
      "--------------------",
      "  24 | >>> RUN pip  install x",
      "--------------------",
      'ERROR: failed to build: failed to solve: process "/bin/sh -c pip  install x" did not complete',
    ],
  };
  for (const [name, lines] of Object.entries(cases)) {
    await t.step(name, async () => {
      const log = await Deno.makeTempFile();
      const output = new BuildOutput(log, () => {});
      lines.forEach((line) => output.line(line));
      output.close();
      const failure = output.failure("digits:cpu", 1);
      assert.equal(failure.message, "Cannot build digits:cpu: step 8/25: RUN pip install x");
      const own = failure.details.problems?.map(({ message }) => message).filter((line) =>
        !/^Error/.test(line)
      );
      assert.deepEqual(own, said);
      assert.equal(failure.details.log, log);
      await Deno.remove(log);
    });
  }
});

Deno.test("BuildOutput keeps what pip calls an error, in the classic builder's colours too, and has the remedy for it", async () => {
  const log = await Deno.makeTempFile();
  const output = new BuildOutput(log, () => {});
  output.line("Step 8/25 : RUN pip install torch");
  output.line("\x1b[91mERROR: No matching distribution found for torch==2.13.0");
  output.close();
  const { details } = output.failure("digits:cpu", 1);
  assert.deepEqual(details.problems, [{
    message: "ERROR: No matching distribution found for torch==2.13.0",
  }]);
  assert.match(details.remedy!, /--download-wheels/);
  await Deno.remove(log);
});

Deno.test("BuildOutput says of packages that are in the base that nothing was got, and nothing of a step from an earlier build", async (t) => {
  const cases: [string, string[], BuildOutput["packages"]][] = [
    ["from a wheelhouse", ["Processing /packages/six-1.17.0-py2.py3-none-any.whl"], "installed"],
    [
      "BuildKit",
      ["#9 1.5 Requirement already satisfied: six==1.17.0", "#9 1.6 Collecting numpy==2.3.0"],
      "installed",
    ],
    ["all there", ["Requirement already satisfied: six==1.17.0 in /opt/conda/lib"], "in the base"],
    ["an earlier build's", ["#9 CACHED", " ---> Using cache"], undefined],
  ];
  for (const [name, lines, packages] of cases) {
    await t.step(name, async () => {
      const log = await Deno.makeTempFile();
      const output = new BuildOutput(log, () => {});
      for (const line of lines) output.line(line);
      output.close();
      assert.equal(output.packages, packages);
      await Deno.remove(log);
    });
  }
});

Deno.test("downloadFiles() keeps packages with hashes apart, and platforms() go no further than Debian 12", () => {
  const files = downloadFiles([
    { name: "a", version: "1", marker: "", hashes: ["sha256:1", "sha256:2"] },
    { name: "torch", version: "2.13.0+cpu", marker: "", hashes: [] },
  ]);
  assert.deepEqual(files, {
    hashed: "a==1 --hash=sha256:1 --hash=sha256:2\n",
    unhashed: "torch==2.13.0+cpu\n",
  });
  assert.equal(platforms("aarch64")[0], "manylinux_2_36_aarch64");
  assert.ok(
    downloadCommand("python", "f", "d", { architecture: "x86_64", version: "3.11" }).includes(
      "manylinux2014_x86_64",
    ),
  );
});

async function git(project: Project, ...args: string[]) {
  const argv = ["-c", "user.name=a", "-c", "user.email=a@example.org", ...args];
  const { code, stderr } = await ended(
    new Deno.Command("git", { args: argv, cwd: project.root, stdout: "piped", stderr: "piped" }).spawn(),
  );
  assert.equal(code, 0, stderr);
}

Deno.test("stageContext() copies what git tracks and nothing else", async () => {
  await using project = await Project.make({
    "a.py": "1",
    "sub/b.py": "2",
    ".env": "secret",
    "sub/key": "secret",
  });
  await git(project, "init", "-q");
  await git(project, "add", "a.py", "sub/b.py");
  const folder = await Deno.makeTempDir();
  await stageContext({ root: project.root, folder, required: ["a.py"] });
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    ".experiment",
    "a.py",
    "sub",
  ]);
  assert.deepEqual([...Deno.readDirSync(join(folder, "sub"))].map(({ name }) => name), ["b.py"]);
  await assert.rejects(stageContext({ root: project.root, folder, required: [".env"] }), {
    exitCode: 2,
    message: /git does not track \.env/,
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("stageContext() adds what the tasks import, as the cache of a Deno that has no mirror", async () => {
  const folder = await Deno.makeTempDir();
  await stageContext({ root: ROOT, folder, required: ["deno.lock"] });
  const cache = join(folder, "wheelhouse/deno/npm");
  const registries = [...Deno.readDirSync(cache)].map(({ name }) => name);
  const zod = join(cache, registries[0]!, "zod");
  const [version] = [...Deno.readDirSync(zod)];
  assert.equal((await Deno.readTextFile(join(zod, version!.name, "package.json"))).includes('"zod"'), true);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("parsePackages() puts what came from a mirror where a Deno without one looks for it", () => {
  const info = (folder: string) => {
    const packages = ["zod/4.6.7", "@std/path/1.0.0"].map((
      path,
    ) => [path, { localPath: `${folder}/${path}` }]);
    return JSON.stringify({ npmPackages: Object.fromEntries(packages) });
  };
  const found = parsePackages(
    info("/cache/npm/mirror.example/api"),
    info("/scratch/npm/usual.example"),
    "/scratch",
  );
  assert.deepEqual(found, [
    { folder: "/cache/npm/mirror.example/api/zod/4.6.7", place: "npm/usual.example/zod/4.6.7" },
    { folder: "/cache/npm/mirror.example/api/@std/path/1.0.0", place: "npm/usual.example/@std/path/1.0.0" },
  ]);
  assert.deepEqual(parsePackages("{}", "{}", "/scratch"), []);
});

const FILES = {
  "experiment.yaml": experiment(),
  "requirements.txt": "",
  "requirements-cpu.lock": "",
};

/** A `docker` that fails as the real one does. */
async function fakeDocker(project: Project, message: string): Promise<Record<string, string>> {
  await project.write("bin/docker", `#!/bin/sh\necho '${message}' >&2\nexit 1\n`);
  await Deno.chmod(project.path("bin/docker"), 0o755);
  return { PATH: `${project.path("bin")}:${Deno.env.get("PATH")}` };
}

Deno.test("build without a program that builds is exit 3 with the remedy", async () => {
  await using project = await Project.make(FILES);
  await Deno.mkdir(project.path("bin"));
  await Deno.symlink(Deno.execPath(), project.path("bin/deno"));
  const { code, stderr } = await project.task("build", ["--cpu"], { PATH: project.path("bin") });
  assert.equal(code, 3, stderr);
  assert.match(stderr, /there is no docker or podman on PATH[^]*Install Docker Engine or Podman/);
});

Deno.test("build with a stopped engine or a closed socket is exit 3 with the remedy", async (t) => {
  await using project = await Project.make(FILES);
  const cases: [string, RegExp][] = [
    [
      "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
      /no engine answers[^]*Start it/,
    ],
    [
      "permission denied while trying to connect to the Docker daemon socket",
      /may not talk[^]*usermod -aG docker/,
    ],
  ];
  for (const [message, expected] of cases) {
    await t.step(message, async () => {
      const { code, stderr } = await project.task(
        "build",
        ["--cpu", "--engine", "docker"],
        await fakeDocker(project, message),
      );
      assert.equal(code, 3, stderr);
      assert.match(stderr, expected);
    });
  }
});

Deno.test("build --plan runs nothing and prints one line for a shell", async () => {
  await using project = await Project.make(FILES);
  const { code, stdout } = await project.task("build", ["--cpu", "--plan"], { PATH: Deno.env.get("PATH")! });
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^docker build --file \S+\/cpu\.Dockerfile --tag test:cpu --build-arg BASE_IMAGE=debian/,
  );
});

Deno.test("build --wheelhouse on an empty folder is exit 2 and says how to fill it", async () => {
  await using project = await Project.make(FILES);
  const { code, stderr } = await project.task("build", ["--cpu", "--wheelhouse", "none"]);
  assert.equal(code, 2);
  assert.match(stderr, /it holds no wheels[^]*--download-wheels --wheelhouse none/);
});

Deno.test("withMounts() mounts what the comments ask for, in both Dockerfiles", async (t) => {
  for (const name of ["gpu.Dockerfile", "cpu.Dockerfile"]) {
    await t.step(name, async () => {
      await using project = await Project.make({
        [name]: await Deno.readTextFile(join(IMAGE, name)),
      });
      const before = await Deno.readTextFile(project.path(name));
      assert.doesNotMatch(before, /--mount/, "the classic builder refuses it");
      await withMounts(project.path(name));
      const after = await Deno.readTextFile(project.path(name));
      assert.match(after, /^RUN --mount=type=cache,target=\/var\/cache\/wheels,sharing=locked /m);
      assert.match(
        after,
        /^RUN --mount=type=bind,target=\/context mkdir \/source && tar .* --no-same-owner$/m,
      );
      assert.doesNotMatch(after, /^COPY \. /m);
      assert.equal(after.match(/--mount/g)!.length, 2);
    });
  }
});
