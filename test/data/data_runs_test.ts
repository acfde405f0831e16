/** Runs whose steps read data: fetched where they are missing, recorded by hash, and the same wherever they are kept. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { exists } from "../../tasks/lib/system/files.ts";
import { DataProject, digest, flipByte, zipOf } from "../support/data_project.ts";
import { IMAGE, missingDocker, otherUser, startAs } from "../support/engines.ts";
import { ended } from "../support/project.ts";

const IMAGES = await zipOf({ "Forest/Forest_1.jpg": "a forest", "River/River_1.jpg": "a river" });

const LABELS = new TextEncoder().encode("forest,river\n");

const SERVED = { "images.zip": IMAGES, "labels.csv": LABELS };

/** Reads the images, counts its runs in the cache, and says whether it could write to the data. */
const TRAIN = `
import json, os, sys
option = lambda name: sys.argv[sys.argv.index(name) + 1]
images, cache = option("--images"), option("--cache")
texts = sorted(open(os.path.join(folder, name)).read() for folder, _, names in os.walk(images) for name in names)
times = len(os.listdir(cache))
open(os.path.join(cache, str(times)), "w").close()
try:
    open(os.path.join(images, "Forest", "new.jpg"), "w").close()
    wrote = True
except OSError:
    wrote = False
json.dump({"texts": texts, "times": times, "wrote": wrote}, open(option("--out") + "/metrics.json", "w"))
`;

function yaml(url: (name: string) => string): string {
  return `name: test
data:
  images:
    urls: [${url("images.zip")}]
    md5: "${digest("md5", IMAGES)}"
    size: ${IMAGES.length}
    unpack: zip
    to: data/images
  labels:
    urls: [${url("labels.csv")}]
    sha256: "${digest("sha256", LABELS)}"
    to: data/labels.csv
steps:
  train:
    run: [python, train.py, --images, "{data.images}", --cache, "{cache}", --out, "{out}"]
    inputs: [train.py]
  labels:
    run: [python, -c, "import sys; print(open(sys.argv[1]).read())", "{data.labels}"]
claims:
  - { name: a river, from: "train/metrics.json#/texts/-1", value: a river }
`;
}

async function make(): Promise<DataProject> {
  return await DataProject.make(SERVED, yaml, { "train.py": TRAIN });
}

Deno.test("reproduce fetches what its steps read, runs them with it, and records it", async (t) => {
  await using project = await make();
  await t.step("a plan fetches nothing and says what would be fetched", async () => {
    const { code, stdout } = await project.task("reproduce", "--plan", "--engine", "host");
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^data: images will be fetched first from http:.*images\.zip, \d+ B, md5:.*, to data\/images$/m,
    );
    assert.deepEqual(project.server.requests, []);
  });
  await t.step("only what the chosen step reads", async () => {
    const { code, stderr } = await project.task("step", "labels", "--engine", "host");
    assert.equal(code, 0, stderr);
    assert.deepEqual(project.server.requests, ["/labels.csv"]);
  });
  await t.step("the rest", async () => {
    const { code, stdout, stderr } = await project.task("reproduce", "--engine", "host");
    assert.equal(code, 0, stderr);
    assert.deepEqual(project.server.requests, ["/labels.csv", "/images.zip"]);
    assert.match(stderr, /^images: unpacked, 2 files$/m);
    assert.match(
      stdout,
      new RegExp(`^data: images in data/images, sha256:${digest("sha256", IMAGES)}$`, "m"),
    );
    const { steps, attempts } = await project.project.evidence();
    assert.deepEqual(Object.keys(steps.train.data), ["images"]);
    assert.equal(steps.train.data.images.sha256, digest("sha256", IMAGES));
    assert.match(steps.train.data.images.treeSha256, /^[0-9a-f]{64}$/);
    assert.equal(steps.train.data.images.source, project.server.url("images.zip"));
    assert.deepEqual(steps.labels.data.labels.sha256, digest("sha256", LABELS));
    assert.ok(!Object.keys(attempts[0].code.files).some((path) => path.startsWith("data/")));
    assert.ok(!Object.keys(attempts[0].code.files).some((path) => path.startsWith(".cache/")));
  });
  await t.step("the run verifies", async () => {
    assert.equal((await project.task("verify")).code, 0);
  });
  await t.step("the page shows the hashes, and the crate names the data by address and hash", async () => {
    assert.equal((await project.task("report")).code, 0);
    const page = await Deno.readTextFile(join(await project.project.run(), "report.html"));
    assert.match(page, new RegExp(`Data images, SHA-256.*${digest("sha256", IMAGES)}`, "s"));
    const crate = JSON.parse(
      await Deno.readTextFile(join(await project.project.run(), "ro-crate-metadata.json")),
    );
    const data = crate["@graph"].find((entity: Record<string, string>) => entity["@id"] === "#data-images");
    assert.equal(data.url, project.server.url("images.zip"));
    assert.equal(data.sha256, digest("sha256", IMAGES));
    const step = crate["@graph"].find((entity: Record<string, string>) => entity["@id"] === "#step-train");
    assert.match(step.description, /--images images --cache \.cache\/test --out train$/);
  });
  await t.step("what steps keep in {cache} is there the next time, and git does not see it", async () => {
    const { times } = JSON.parse(
      await Deno.readTextFile(join(await project.project.run(), "train/metrics.json")),
    );
    assert.equal(times, 0);
    assert.equal(await Deno.readTextFile(project.project.path(".cache/.gitignore")), "*\n");
  });
});

Deno.test("a step is reused although the data are kept elsewhere, and not when they are others", async (t) => {
  await using project = await make();
  assert.equal((await project.task("train", "--engine", "host")).code, 0);
  await t.step("another cache", async () => {
    const elsewhere = join(project.cache, "elsewhere");
    const env = { ...project.env, XDG_CACHE_HOME: elsewhere };
    const { code, stdout } = await ended(
      project.project.start("train", ["--engine", "host", "--reuse"], env),
    );
    assert.equal(code, 0);
    assert.match(stdout, /unchanged: copied from/);
    assert.ok((await Deno.readLink(project.project.path("data/images"))).startsWith(elsewhere));
  });
  await t.step("other data", async () => {
    const others = await zipOf({ "Sea/Sea_1.jpg": "a sea" });
    project.server.files["images.zip"] = others;
    await project.project.write(
      "experiment.yaml",
      yaml((name) => project.server.url(name)).replace(/md5: ".*"/, `sha256: "${digest("sha256", others)}"`)
        .replace(/size: .*/, ""),
    );
    const { stdout } = await project.task("train", "--engine", "host", "--reuse");
    assert.doesNotMatch(stdout, /unchanged/);
    assert.equal((await project.project.evidence()).steps.train.data.images.sha256, digest("sha256", others));
  });
});

Deno.test("a run finds a byte that was changed, names it, and makes it good", async () => {
  await using project = await make();
  assert.equal((await project.task("data")).code, 0);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await flipByte(project.entry(IMAGES, "tree/River/River_1.jpg"));
  const { code, stderr } = await project.task("train", "--engine", "host", "--offline");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^images: tree\/River\/River_1\.jpg: other bytes than were unpacked$/m);
  const metrics = join(await project.project.run(), "train/metrics.json");
  assert.deepEqual(JSON.parse(await Deno.readTextFile(metrics)).texts, ["a forest", "a river"]);
});

Deno.test("a run without its data ends before it begins, with the data task's exit code", async (t) => {
  await using project = await make();
  await t.step("offline", async () => {
    const { code, stderr } = await project.task("train", "--engine", "host", "--offline");
    assert.equal(code, 3);
    assert.match(stderr, /Cannot get the data "images" offline/);
    assert.match(stderr, /Cannot run without the data "images"/);
    assert.equal(await exists(project.project.path("runs")), false);
    assert.deepEqual(project.server.requests, []);
  });
  await t.step("with --json, one object that says why", async () => {
    const { code, stdout } = await project.task("train", "--engine", "host", "--offline", "--json");
    assert.equal(code, 3);
    const { error } = JSON.parse(stdout);
    assert.match(error.message, /Cannot run without the data "images": Cannot get the data "images" offline/);
    assert.match(error.remedy, /--from images\.zip/);
  });
  await t.step("other bytes", async () => {
    project.server.files["images.zip"] = LABELS;
    const { code } = await project.task("train", "--engine", "host");
    assert.equal(code, 2);
  });
});

Deno.test("clean removes what steps keep in {cache}, and neither the data nor a .cache of the user's", async (t) => {
  await using project = await make();
  assert.equal((await project.task("train", "--engine", "host")).code, 0);
  await t.step("ours", async () => {
    const { code, stdout } = await project.task("clean");
    assert.equal(code, 0);
    assert.match(stdout, /\.cache$/m);
    assert.equal(await exists(project.project.path(".cache")), false);
    assert.ok(await exists(project.entry(IMAGES, "tree")));
  });
  await t.step("the user's", async () => {
    await project.project.write(".cache/mine/file", "mine");
    await project.task("clean");
    assert.ok(await exists(project.project.path(".cache/mine/file")));
  });
});

const missing = await missingDocker();

if (missing !== undefined) console.log(`ignored: data in containers, since ${missing}`);

Deno.test({
  name: "in Docker a step reads the data at the same path, and can't write to them",
  ignore: missing !== undefined,
  async fn() {
    await using project = await make();
    const { code, stderr } = await project.task("reproduce", "--engine", "docker", "--image", IMAGE);
    assert.equal(code, 0, stderr);
    const run = await project.project.run();
    const { texts, wrote } = JSON.parse(await Deno.readTextFile(join(run, "train/metrics.json")));
    assert.deepEqual([texts, wrote], [["a forest", "a river"], false]);
    const { container } = JSON.parse(await Deno.readTextFile(join(run, "plan.json")));
    const folder = dirname(await Deno.readLink(project.project.path("data/images")));
    assert.deepEqual(
      container.mounts.find(({ source }: { source: string }) => source === folder),
      { source: folder, target: folder, readOnly: true },
    );
  },
});

if (Deno.uid() !== 0) console.log("ignored: a project of another user, since the tests do not run as root");

Deno.test({
  name: "in a project that can't be written, steps read the data in the cache",
  ignore: Deno.uid() !== 0,
  async fn() {
    await using project = await make();
    const user = await otherUser([]);
    const env = { XDG_CACHE_HOME: join(user.env.HOME!, "cache") };
    const runs = join(user.env.HOME!, "runs");
    const args = ["labels", "--engine", "host", "--runs", runs];
    await Deno.chmod(project.project.root, 0o755);
    const { code, stdout, stderr } = await ended(startAs(user, project.project, "step", args, env));
    assert.equal(code, 0, stderr);
    assert.match(stderr, /labels: no link at data\/labels\.csv, which can't be written; it is read in/);
    assert.match(stdout, new RegExp(`^data: labels in ${env.XDG_CACHE_HOME}/experiment-data/`, "m"));
    assert.match(stdout, /forest,river/);
    const unpinned = await ended(startAs(user, project.project, "data", ["--only", "images"], env));
    assert.equal(unpinned.code, 0, unpinned.stderr);
    assert.match(
      unpinned.stdout,
      /images: its SHA-256, [0-9a-f]{64}, is not pinned, since experiment\.lock can't/,
    );
  },
});
