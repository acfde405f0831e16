/** What `deno task publish` makes of a request, refuses, and says; without an engine. */

import assert from "node:assert/strict";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { readExperiment } from "../../tasks/lib/experiment/read.ts";
import { findAuthorsRun } from "../../tasks/lib/publish/authors_run.ts";
import { explainPush, registryOf } from "../../tasks/lib/publish/push.ts";
import { type PublishOptions, readPublishRequest } from "../../tasks/lib/publish/request.ts";
import { readPublishedCommit } from "../../tasks/lib/publish/commit.ts";
import { describePublication, gpusInWords, type Publication } from "../../tasks/lib/publish/texts.ts";
import type { Gpu } from "../../tasks/lib/system/host.ts";
import { git } from "../support/copy.ts";
import { experiment, Project, ROOT, TRAIN } from "../support/project.ts";

const NOTHING: PublishOptions = { push: false, force: false, cpu: false, plan: false };

const SHA = (letter: string) => `sha256:${letter.repeat(64)}`;

Deno.test("readPublishRequest() refuses what can't be published under that name or in that file", async (t) => {
  await using project = await Project.make({ "there.tar": "", "folder.tar/x": "" });
  const tag = "user/name:1.0";
  const cases: [Partial<PublishOptions>, RegExp][] = [
    [{}, /--tag is missing/],
    [{ tag: "No Name:1" }, /--tag must be an image name.*current value is "No Name:1"/],
    [{ tag: "user/name" }, /--tag must end in a version such as "user\/name:1\.0"/],
    [{ tag: "localhost:5000/name" }, /--tag must end in a version/],
    [{ tag: "name:1.0", push: true }, /--push needs a name with an account.*"user\/name:1\.0"/],
    [{ tag, force: true }, /--force needs --archive/],
    [{ tag, limit: "much" }, /--limit must be a size such as 4g, current value is "much"/],
    [{ tag, archive: "x.zip" }, /--archive must end in \.tar, \.tar\.gz or \.tgz/],
    [{ tag, archive: project.path("none/x.tar") }, /there is no folder .*none/],
    [{ tag, archive: project.path("there.tar") }, /there\.tar: it is there already/],
    [{ tag, archive: project.path("folder.tar"), force: true }, /it is there and is no file/],
  ];
  for (const [options, message] of cases) {
    await t.step(String(message), () => {
      assert.throws(() => readPublishRequest({ ...NOTHING, ...options }), { exitCode: 2, message });
    });
  }
});

Deno.test("readPublishRequest() reads sizes in decimal units, as they are shown", () => {
  for (const [limit, bytes] of [[undefined, 1e9], ["250m", 250e6], ["4G", 4e9], ["123", 123]] as const) {
    assert.equal(readPublishRequest({ ...NOTHING, tag: "name:1", limit }).limit, bytes);
  }
});

Deno.test("--force replaces an archive that is there", async () => {
  await using project = await Project.make({ "there.tar": "" });
  const archive = project.path("there.tar");
  assert.equal(readPublishRequest({ ...NOTHING, tag: "name:1", archive, force: true }).archive, archive);
});

/** A project as a repository with one commit. */
async function repository(files: Record<string, string> = {}): Promise<Project> {
  const project = await Project.make({ "experiment.yaml": experiment(), "train.py": TRAIN, ...files });
  await git(project, "init", "-q");
  await git(project, "add", "-A");
  await git(project, "commit", "-qm", "all");
  return project;
}

Deno.test("readPublishedCommit() wants a commit, and a tree that is as the commit says", async (t) => {
  await using project = await repository();
  const refuses = async (message: RegExp, limit = 1e9) => {
    await assert.rejects(readPublishedCommit(project.root, limit), { exitCode: 2, message });
  };
  await t.step("clean: the commit, and the size of the tracked files", async () => {
    const { revision, bytes, untracked } = await readPublishedCommit(project.root, 1e9);
    assert.match(revision, /^[0-9a-f]{40}$/);
    assert.equal(bytes, experiment().length + TRAIN.length);
    assert.deepEqual(untracked, []);
  });
  await t.step("a file that git does not know is named, and no reason to refuse", async () => {
    await project.write("scratch.py", "");
    assert.deepEqual((await readPublishedCommit(project.root, 1e9)).untracked, ["scratch.py"]);
  });
  await t.step("more than the limit: the largest are named", async () => {
    await refuses(/the tracked files take \d+ B, and the limit is 10 B/, 10);
  });
  await t.step("a changed file", async () => {
    await project.write("train.py", "changed");
    await refuses(/1 file differs from the commit/);
  });
  await t.step("a removed and a staged file", async () => {
    await Deno.remove(project.path("train.py"));
    await git(project, "add", "scratch.py");
    await refuses(/2 files differ from the commit/);
  });
  await t.step("no repository", async () => {
    await Deno.remove(project.path(".git"), { recursive: true });
    await refuses(/without a git commit nothing says which code/);
  });
});

Deno.test("readPublishedCommit() refuses a submodule, whose files would be missing", async () => {
  await using project = await repository();
  await using inner = await repository();
  await git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.root, "inner");
  await git(project, "commit", "-qm", "with a submodule");
  await assert.rejects(readPublishedCommit(project.root, 1e9), {
    exitCode: 2,
    message: /inner is a git submodule/,
  });
});

Deno.test("findAuthorsRun() takes the published run of this project", async () => {
  const run = await findAuthorsRun(await readExperiment(undefined, ROOT));
  assert.equal(run?.folder, "published");
  assert.deepEqual(run?.claims, { held: 3, of: 3 });
});

const CLAIM = `claims:
  - { name: accuracy, from: "train/metrics.json#/accuracy/-1", value: 99.44 }
`;

Deno.test("findAuthorsRun() takes the newest whole reproduction where nothing is published", async (t) => {
  await using project = await Project.make({
    "experiment.yaml": `${experiment()}parameters: { epochs: 1 }\n${CLAIM}`,
    "train.py": TRAIN,
  });
  const found = async () => await findAuthorsRun(await readExperiment(undefined, project.root));
  await t.step("none", async () => assert.equal(await found(), undefined));
  assert.equal((await project.task("reproduce")).code, 0);
  const whole = await project.run();
  assert.equal((await project.task("reproduce", ["--epochs", "2"])).code, 0);
  assert.equal((await project.task("train")).code, 0);
  await t.step("neither one with changed parameters nor a single step", async () => {
    const run = await found();
    assert.equal(project.path(run!.folder), whole);
    assert.deepEqual(run!.claims, { held: 1, of: 1 });
  });
  await t.step("a verdict on other evidence does not count", async () => {
    const path = `${whole}/verdict.json`;
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace(/"evidenceSha256": "./, "$&0"));
    assert.equal((await found())!.claims, undefined);
  });
});

const DIGITS = (environment = "{}") =>
  parseExperiment(
    `environment: ${environment}\n${experiment(CLAIM)}`,
    "/project/experiment.yaml",
    "/project",
  );

const PUBLICATION: Publication = {
  tag: "user/name:1.0",
  identity: { id: SHA("1"), config: SHA("1"), layers: SHA("2"), digest: SHA("3") },
  kind: "cpu",
  base: { image: "debian:bookworm-slim", pin: { kind: "registry", digest: SHA("b") } },
  source: { revision: "c0ffee", source: "https://example.org/user/name", licenses: "Apache-2.0" },
};

Deno.test("the line for the paper names the image by digest, or loads the archive first", async (t) => {
  const archive = { path: "/home/a b/name-1.0.tar.gz", bytes: 1, sha256: "a".repeat(64) };
  const gpu = { ...PUBLICATION, kind: "gpu" } as const;
  const inFolder = parseExperiment(experiment(), "/project/experiments/more/experiment.yaml", "/project");
  const cases: [string, Publication, ReturnType<typeof DIGITS>, string][] = [
    ["only here", PUBLICATION, DIGITS(), "docker run --rm user/name:1.0 reproduce"],
    [
      "pushed",
      { ...PUBLICATION, digest: SHA("d"), archive },
      DIGITS(),
      `docker run --rm user/name@${SHA("d")} reproduce`,
    ],
    [
      "archived",
      { ...PUBLICATION, archive },
      DIGITS(),
      "docker load --input name-1.0.tar.gz && docker run --rm user/name:1.0 reproduce",
    ],
    ["no GPU asked for", gpu, DIGITS(), "docker run --rm user/name:1.0 reproduce"],
    [
      "a GPU if there is one",
      gpu,
      DIGITS("{ gpus: optional, shm_size: 8g }"),
      "docker run --rm --gpus all --shm-size 8g user/name:1.0 reproduce",
    ],
    ["device ids", gpu, DIGITS("{ gpus: [0, 2] }"), "docker run --rm --gpus 2 user/name:1.0 reproduce"],
    [
      "a GPU, in the CPU image",
      PUBLICATION,
      DIGITS("{ gpus: optional }"),
      "docker run --rm user/name:1.0 reproduce",
    ],
    [
      "another experiment of the project",
      PUBLICATION,
      inFolder,
      "docker run --rm user/name:1.0 reproduce more",
    ],
  ];
  for (const [name, publication, about, line] of cases) {
    await t.step(name, () => {
      const { paper, jupyter } = describePublication(publication, about);
      assert.equal(paper, `The experiment can be reproduced with: ${line}`);
      assert.match(jupyter, /--publish 127\.0\.0\.1:8888:8888 user\/name[@:][\w.:]+$/);
    });
  }
});

Deno.test("the statement says where code and image are and what the authors ran on", async () => {
  const run = await findAuthorsRun(await readExperiment(undefined, ROOT));
  const { statement, hardware } = describePublication({ ...PUBLICATION, digest: SHA("d"), run }, DIGITS());
  const { host } = run!.evidence.attempts[0]!;
  assert.ok(hardware!.startsWith(`${host.cpu}, ${host.cores} cores, `));
  assert.ok(hardware!.endsWith("without a GPU"));
  for (
    const part of [
      "commit c0ffee of https://example.org/user/name, licence Apache-2.0",
      `the container image user/name@${SHA("d")} (configuration ${SHA("1")}), built on debian@${SHA("b")}.`,
      `The command \`docker run --rm user/name@${
        SHA("d")
      } reproduce\` runs the experiment and compares its ` +
      "results with the published value; its exit code is 0 only if it holds.",
      `In our own run of 2026-11-23 (of commit ${
        run!.evidence.attempts[0]!.code.commit
      }), 3 of 3 held on ${hardware}.`,
    ]
  ) assert.ok(statement.includes(part), `${part}\n${statement}`);
});

Deno.test("without a run the statement leaves the hardware out", () => {
  const { statement, hardware } = describePublication(PUBLICATION, DIGITS());
  assert.equal(hardware, undefined);
  assert.doesNotMatch(statement, /our own run/);
});

Deno.test("gpusInWords() counts the cards that the steps saw", async (t) => {
  const card = (name: string, uuid: string): Gpu => ({ name, memory: 81559, driver: "575.57", uuid });
  const cards = [card("NVIDIA H100", "GPU-a"), card("NVIDIA H100", "GPU-b"), card("NVIDIA A40", "GPU-c")];
  const cases: [Gpu[], string, string][] = [
    [[], "none here, so the steps run on the CPU", "without a GPU"],
    [cards, "none asked for", "without a GPU"],
    [cards.slice(0, 2), "0: NVIDIA H100, 1: NVIDIA H100", "2 × NVIDIA H100 (driver 575.57)"],
    [
      cards,
      "0, GPU-c of 0: NVIDIA H100, 1: …",
      "1 × NVIDIA H100 (driver 575.57) and 1 × NVIDIA A40 (driver 575.57)",
    ],
  ];
  for (const [gpus, said, words] of cases) {
    await t.step(words, () => assert.equal(gpusInWords(gpus, said), words));
  }
});

Deno.test("registryOf() tells a registry from an account", () => {
  for (
    const [tag, registry] of [
      ["user/name:1", undefined],
      ["name:1", undefined],
      ["ghcr.io/user/name:1", "ghcr.io"],
      ["localhost/name:1", "localhost"],
      ["127.0.0.1:5000/name:1", "127.0.0.1:5000"],
    ] as const
  ) assert.equal(registryOf(tag), registry);
});

Deno.test("explainPush() says what a registry's refusal means and what to do", async (t) => {
  const cases: [said: string, tag: string, message: RegExp, remedy: RegExp][] = [
    [
      "denied: requested access to the resource is denied",
      "user/name:1",
      /Docker Hub does not let you push there/,
      /^docker login, with an account that may write to user\/name:1/,
    ],
    [
      "unauthorized: authentication required",
      "ghcr.io/user/name:1",
      /ghcr\.io does not let you push there/,
      /^docker login ghcr\.io/,
    ],
    [
      'Get "https://r.example/v2/": x509: certificate signed by unknown authority',
      "r.example/name:1",
      /r\.example can't be trusted/,
      /certs\.d\/r\.example\/ca\.crt/,
    ],
    [
      'Get "https://r.example:5000/v2/": http: server gave HTTP response to HTTPS client',
      "r.example:5000/name:1",
      /can't be trusted/,
      /insecure-registries/,
    ],
    [
      'Get "https://r.example/v2/": dial tcp: lookup r.example: no such host',
      "r.example/name:1",
      /r\.example does not answer/,
      /Check the name r\.example/,
    ],
    ["toomanyrequests: You have reached your pull rate limit", "user/name:1", /fewer requests/, /Wait/],
    [
      "blob upload invalid",
      "user/name:1",
      /did not take it \(blob upload invalid\)/,
      /docker push user\/name:1/,
    ],
  ];
  for (const [said, tag, message, remedy] of cases) {
    await t.step(said, () => {
      const failure = explainPush(tag, said);
      assert.equal(failure.exitCode, 3);
      assert.match(failure.message, message);
      assert.match(failure.details.remedy!, remedy);
    });
  }
});

Deno.test("explainPush() repeats no password that a message holds", () => {
  const { message } = explainPush("r.example/name:1", 'Get "https://me:hunter2@r.example/v2/": refused');
  assert.doesNotMatch(message, /hunter2/);
});
