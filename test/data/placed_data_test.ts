/** Data that nobody may hand on, that a step downloads by itself, and pointers in their place. */

import assert from "node:assert/strict";
import { inspectPlaced } from "../../tasks/lib/data/placed.ts";
import { DataProject, digest } from "../support/data_project.ts";

const LABELS = new TextEncoder().encode("forest,river\n");

const READ = `
import os, sys
for folder, _, names in sorted(os.walk(sys.argv[1])):
    for name in sorted(names):
        print("read", open(os.path.join(folder, name)).read().strip())
if os.path.isfile(sys.argv[1]):
    print("read", open(sys.argv[1]).read().strip())
`;

function yaml(data: string): string {
  return `name: test
data:
  asked: ${data}
steps:
  look: { run: [python, look.py, "{data.asked}"] }
claims:
  - { name: read, from: 'look~/^read (.*)/[0]', value: "forest,river" }
`;
}

const POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "ab".repeat(32) + "\nsize 9000\n";

/** As the documentation says that the hash of a folder is made. */
async function treeHash(folder: string): Promise<string> {
  const script = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";
  const { stdout } = await new Deno.Command("bash", { args: ["-c", script], cwd: folder }).output();
  return new TextDecoder().decode(stdout).split(" ")[0]!;
}

Deno.test("data that have to be asked for stop a run with the way to get them, before anything runs", async (t) => {
  const sha256 = digest("sha256", LABELS);
  const how = "ask at example.org/terms, then put it here";
  await using project = await DataProject.make(
    {},
    () => yaml(`{ to: data/labels.csv, how: "${how}", sha256: "${sha256}" }`),
    { "look.py": READ },
  );
  const { project: files } = project;
  await t.step("a plan says what is to be done", async () => {
    const { code, stdout } = await project.task("reproduce", "--plan", "--engine", "host");
    assert.equal(code, 0);
    assert.ok(stdout.includes(`data: asked must be put at data/labels.csv first (${how})`), stdout);
  });
  await t.step("a run stops", async () => {
    const { code, stderr } = await project.task("reproduce", "--engine", "host");
    assert.equal(code, 3);
    assert.ok(stderr.includes(`not here (sha256:${sha256} is expected): ${how}`), stderr);
    assert.match(stderr, /It belongs at data\/labels\.csv/);
    await assert.rejects(Deno.stat(files.path("runs")), Deno.errors.NotFound);
  });
  await t.step("a pointer in its place is named", async () => {
    await files.write("data/labels.csv", POINTER);
    const { code, stderr } = await project.task("reproduce", "--engine", "host");
    assert.equal(code, 3);
    assert.match(stderr, /data\/labels\.csv is a Git LFS pointer, not the file itself/);
    assert.match(stderr, /git lfs pull/);
  });
  await t.step("other bytes are refused, and stay", async () => {
    await files.write("data/labels.csv", "something else");
    const { code, stderr } = await project.task("reproduce", "--engine", "host");
    assert.equal(code, 2);
    assert.match(stderr, /a file is there that is not these data/);
    assert.equal(await Deno.readTextFile(files.path("data/labels.csv")), "something else");
  });
  await t.step("what was put there is used and recorded", async () => {
    await Deno.writeFile(files.path("data/labels.csv"), LABELS);
    const { code, stderr } = await project.task("reproduce", "--engine", "host");
    assert.equal(code, 0, stderr);
    const { steps } = await files.evidence();
    assert.equal(steps.look.data.asked.sha256, sha256);
  });
});

Deno.test("a folder that the user put there is known by the hash of its files", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "placed-" });
  await Deno.mkdir(`${folder}/a`);
  await Deno.mkdir(`${folder}/b`);
  await Deno.writeTextFile(`${folder}/a/1.txt`, "forest,river\n");
  await Deno.writeTextFile(`${folder}/b/ä.txt`, "a lake\n");
  const sha256 = await treeHash(folder);
  await using project = await DataProject.make(
    {},
    () => yaml(`{ to: data/images, how: "ask for it", sha256: "${sha256}" }`),
    { "look.py": READ, "data/images/a/1.txt": "forest,river\n" },
  );
  const { project: files } = project;
  await t.step("one that lacks a file is refused with both hashes, and stays", async () => {
    const { code, stderr } = await project.task("reproduce", "--engine", "host");
    assert.equal(code, 2);
    assert.match(
      stderr,
      /a folder is there that is not these data: its files have sha256:[0-9a-f]{64}, expected/,
    );
  });
  await t.step("the right one is used where it is", async () => {
    await files.write("data/images/b/ä.txt", "a lake\n");
    const { code, stderr } = await project.task("reproduce", "--engine", "host");
    assert.equal(code, 0, stderr);
    const { steps, attempts } = await files.evidence();
    assert.deepEqual([steps.look.data.asked.sha256, steps.look.data.asked.treeSha256], [sha256, sha256]);
    assert.deepEqual(Object.keys(attempts[0].code.files), ["experiment.yaml", "look.py"]);
    assert.match((await project.task("data", "list")).stdout, /asked\s+here\s+20 B\s+data\/images/);
    assert.equal((await project.task("data", "verify")).code, 0);
    assert.equal((await project.task("verify")).code, 0);
    assert.equal((await project.task("report")).code, 0);
  });
  await t.step("a changed file is noticed by the next run", async () => {
    await files.write("data/images/a/1.txt", "forest,lake!\n");
    assert.equal((await project.task("reproduce", "--engine", "host")).code, 2);
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what a step downloads by itself into a declared place is hashed after it and recorded", async (t) => {
  const script = `
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
if "nothing" not in sys.argv:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.csv").write_text("forest,river\\n")
print("read forest,river")
`;
  const folder = await Deno.makeTempDir({ prefix: "placed-" });
  await Deno.writeFile(`${folder}/labels.csv`, LABELS);
  const sha256 = await treeHash(folder);
  await Deno.remove(folder, { recursive: true });
  await using project = await DataProject.make({}, () => yaml("{ to: data/own }"), { "look.py": script });
  const { project: files } = project;
  await t.step("without a hash it is only recorded", async () => {
    const { code, stderr } = await project.task("reproduce", "--engine", "host");
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /Edited while/);
    const { steps, attempts } = await files.evidence();
    assert.deepEqual(steps.look.data.asked, {
      path: files.path("data/own"),
      sha256,
      treeSha256: sha256,
      bytes: LABELS.length,
      source: "downloaded by the step",
    });
    assert.deepEqual(Object.keys(attempts[0].code.files), ["experiment.yaml", "look.py"]);
    assert.equal((await project.task("verify")).code, 0);
    assert.equal((await project.task("report")).code, 0);
  });
  await t.step("a copied step keeps what was recorded", async () => {
    const { stderr, stdout } = await project.task("reproduce", "--engine", "host", "--reuse");
    assert.match(stdout, /look, unchanged: copied/, stderr);
    assert.equal((await files.evidence()).steps.look.data.asked.sha256, sha256);
  });
  await t.step("with a hash, other bytes fail the step", async () => {
    await files.write("experiment.yaml", yaml(`{ to: data/own, sha256: "${sha256.slice(0, 12)}" }`));
    assert.equal((await project.task("reproduce", "--engine", "host")).code, 0);
    await files.write("look.py", script.replace("forest,river\\n", "forest\\n"));
    assert.equal((await project.task("reproduce", "--engine", "host")).code, 1);
    assert.match(
      (await files.evidence()).steps.look.problem,
      /what it downloaded to .*data\/own has sha256:[0-9a-f]{64}, expected is sha256:/,
    );
  });
  await t.step("nothing at the place fails it, too", async () => {
    await Deno.remove(files.path("data"), { recursive: true });
    await files.write("look.py", script.replace('"nothing" not in sys.argv', "False"));
    assert.equal((await project.task("reproduce", "--engine", "host")).code, 1);
    assert.match((await files.evidence()).steps.look.problem, /did not download asked to/);
  });
});

Deno.test("a server that sends a pointer of Git LFS has sent another file, and that is said", async () => {
  await using project = await DataProject.make(
    { "model.bin": new TextEncoder().encode(POINTER) },
    (url) => yaml(`{ to: data/model.bin, urls: ["${url("model.bin")}"], sha256: "${"ab".repeat(32)}" }`),
  );
  const { code, stderr } = await project.task("data");
  assert.equal(code, 2);
  assert.match(stderr, /model\.bin: sent a Git LFS pointer in place of the file/);
});

Deno.test("what data must say: an origin with its hash, or neither", async (t) => {
  const cases: [string, RegExp][] = [
    [
      '{ to: data/x, urls: ["https://example.org/x"], how: ask, sha256: "ab12cd34" }',
      /one of urls, how and from, it has urls and how/,
    ],
    ["{ to: data/x, how: ask }", /must have sha256 or md5/],
    ["{ to: data/x, unpack: zip }", /must have urls, how or from, since it has unpack/],
    ["{ to: data/x, how: '' }", /data\.asked\.how must be how these data are had/],
  ];
  for (const [data, message] of cases) {
    await t.step(data, async () => {
      await using project = await DataProject.make({}, () => yaml(data), { "look.py": READ });
      const { code, stderr } = await project.task("data", "list");
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }
});

Deno.test("inspectPlaced() reads a file once as long as its size and times are the same", async () => {
  const folder = await Deno.makeTempDir({ prefix: "placed-" });
  const before = Deno.env.get("XDG_CACHE_HOME");
  Deno.env.set("XDG_CACHE_HOME", `${folder}/cache`);
  try {
    const path = `${folder}/x.bin`;
    await Deno.writeTextFile(path, "one");
    const first = await inspectPlaced(path, { hash: false });
    assert.deepEqual(first, {
      sha256: digest("sha256", new TextEncoder().encode("one")),
      bytes: 3,
      isFolder: false,
    });
    const [kept] = [...Deno.readDirSync(`${folder}/cache/experiment-data/.places`)];
    const manifest = await Deno.readTextFile(`${folder}/cache/experiment-data/.places/${kept!.name}`);
    assert.equal(JSON.parse(manifest).files[0].sha256, first!.sha256);
    await Deno.writeTextFile(path, "two!");
    assert.notEqual((await inspectPlaced(path, { hash: false }))!.sha256, first!.sha256);
    assert.equal(await inspectPlaced(`${folder}/nothing`, { hash: false }), undefined);
  } finally {
    if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
    else Deno.env.set("XDG_CACHE_HOME", before);
    await Deno.remove(folder, { recursive: true });
  }
});
