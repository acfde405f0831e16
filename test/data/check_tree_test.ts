import assert from "node:assert/strict";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { checkTree } from "../../tasks/lib/data/tree/check_tree.ts";
import { writeTreeFile } from "../../tasks/lib/data/tree/tree_file.ts";
import {
  makeManifest,
  manifestPath,
  readManifest,
  type TreeManifest,
  writeManifest,
} from "../../tasks/lib/data/tree/tree_manifest.ts";
import { ended, Project } from "../support/project.ts";

const FILES = { "b/ü": "ü", "b/1": "one", "a": "a", "b.txt": "text", "😀": "", "\uff5e": "" };

/** A tree as unpacking writes it. */
async function makeTree(place: Project, files: Record<string, string> = FILES): Promise<TreeManifest> {
  await Deno.mkdir(place.path("tree/b"), { recursive: true });
  const content = Object.entries(files).map(([path, text]) =>
    [path, new TextEncoder().encode(text)] as const
  );
  return makeManifest(content.map(([path, bytes]) => writeTreeFile(place.path("tree"), path, bytes, false)));
}

const SAME = { missing: [], altered: [], surplus: [] };

Deno.test("checkTree() finds each change, at a glance and by hashing", async (t) => {
  const cases: [string, (tree: string) => Promise<void>, object][] = [
    ["nothing changed", async () => {}, {}],
    ["touched", (tree) => Deno.utime(`${tree}/a`, new Date(), new Date(0)), {}],
    ["written again", (tree) => Deno.writeTextFile(`${tree}/a`, "a"), {}],
    ["as many other bytes", (tree) => Deno.writeTextFile(`${tree}/a`, "A"), { altered: ["a"] }],
    ["more bytes", (tree) => Deno.writeTextFile(`${tree}/b/1`, "one more"), { altered: ["b/1"] }],
    ["emptied by a power cut", (tree) => Deno.truncate(`${tree}/b.txt`), { altered: ["b.txt"] }],
    ["removed", (tree) => Deno.remove(`${tree}/b/ü`), { missing: ["b/ü"] }],
    ["a folder removed", (tree) => Deno.remove(`${tree}/b`, { recursive: true }), {
      missing: ["b/1", "b/ü"],
    }],
    ["all removed", (tree) => Deno.remove(tree, { recursive: true }), { missing: Object.keys(FILES).sort() }],
    ["added", (tree) => Deno.writeTextFile(`${tree}/b/2`, ""), { surplus: ["b/2"] }],
    ["replaced by a link to the same", async (tree) => {
      await Deno.rename(`${tree}/a`, `${tree}/../a`);
      await Deno.symlink("../a", `${tree}/a`);
    }, { altered: ["a"] }],
    ["a folder by a link", async (tree) => {
      await Deno.rename(`${tree}/b`, `${tree}/../b`);
      await Deno.symlink("../b", `${tree}/b`);
    }, { missing: ["b/1", "b/ü"], surplus: ["b"] }],
  ];
  for (const [name, change, found] of cases) {
    for (const hash of [false, true]) {
      await t.step(`${name}, ${hash ? "hashed" : "at a glance"}`, async () => {
        await using place = await Project.make({});
        const manifest = await makeTree(place);
        for (const { path } of manifest.files) await Deno.chmod(place.path("tree", path), 0o644);
        await change(place.path("tree"));
        assert.deepEqual(await checkTree(manifest, place.path("tree"), { hash }), { ...SAME, ...found });
      });
    }
  }
});

Deno.test("checkTree() hashes many files in workers, and finds what looks the same", async () => {
  await using place = await Project.make({});
  const many = Object.fromEntries(Array.from({ length: 4100 }, (_, i) => [`${i}`, `${i}`]));
  const manifest = await makeTree(place, many);
  const path = place.path("tree/7");
  const { mtime } = await Deno.stat(path);
  await Deno.chmod(path, 0o644);
  await Deno.writeTextFile(path, "8");
  await Deno.utime(path, mtime!, mtime!);
  const found = await checkTree(manifest, place.path("tree"), { hash: true });
  assert.deepEqual(found, { ...SAME, altered: ["7"] });
});

Deno.test("a tree is named by its paths and bytes, not by its times or its place", async () => {
  await using one = await Project.make({});
  await using other = await Project.make({});
  await using third = await Project.make({});
  const manifest = await makeTree(one);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(
    (await makeTree(other, Object.fromEntries(Object.entries(FILES).reverse()))).sha256,
    manifest.sha256,
  );
  assert.notEqual((await makeTree(third, { ...FILES, a: "b" })).sha256, manifest.sha256);
});

Deno.test("the name of a tree is what find, sort and sha256sum make of it", async () => {
  await using place = await Project.make({});
  const { sha256 } = await makeTree(place);
  const script = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";
  const { stdout } = await ended(
    new Deno.Command("sh", {
      args: ["-c", script],
      cwd: place.path("tree"),
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  assert.equal(stdout, `${sha256}  -\n`);
});

Deno.test("a manifest is read as it was written, and refused if it was altered", async (t) => {
  await using place = await Project.make({});
  const manifest = await makeTree(place);
  const path = manifestPath(place.path("tree"));
  await writeManifest(path, manifest);
  assert.deepEqual(await readManifest(path), manifest);
  const text = await Deno.readTextFile(path);
  for (
    const [name, other, message] of [
      ["cut", text.slice(0, 100), /JSON/],
      ["another name", text.replace("b.txt", "c.txt"), /it was altered/],
      ["another format", text.replace('"format":1', '"format":2'), /format must be 1/],
      ["something else", "null", /the file must be an object/],
    ] as const
  ) {
    await t.step(name, async () => {
      await Deno.writeTextFile(path, other);
      await assert.rejects(readManifest(path), (error) => {
        assert.ok(error instanceof Failure && error.exitCode === 2);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
