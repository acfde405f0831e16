import assert from "node:assert/strict";
import { ArchivePaths, pathProblem } from "../../tasks/lib/data/archive/archive_path.ts";

Deno.test("pathProblem() has nothing against names that are unusual and safe", async (t) => {
  for (const path of ["a", "a b/ü.jpg", "~x", ".hidden", "..a", "a..b/c", "ab:c", "-x", "$(x)", "日本/😀"]) {
    await t.step(path, () => assert.equal(pathProblem(path), undefined));
  }
});

Deno.test("ArchivePaths lists each folder once, behind the one that it lies in", () => {
  const paths = new ArchivePaths();
  assert.equal(paths.addFolder("./"), "");
  assert.equal(paths.addFile("./a/b/c"), "a/b/c");
  assert.equal(paths.addFile("d/e"), "d/e");
  assert.equal(paths.addFolder("a/b/"), "a/b");
  assert.equal(paths.addFile("a/b/f"), "a/b/f");
  assert.deepEqual(paths.folders, ["a", "a/b", "d"]);
  assert.equal(paths.count, 6);
});

Deno.test("ArchivePaths takes for the same what macOS and Windows take for the same", async (t) => {
  for (
    const [one, other] of [["ß", "SS"], ["σ", "ς"], ["\u212a", "k"], ["é", "E\u0301"], [
      "a/x",
      "A/y",
    ]] as const
  ) {
    await t.step(`${one} and ${other}`, () => {
      const paths = new ArchivePaths();
      paths.addFile(one);
      assert.throws(() => paths.addFile(other), /differs from ".*" only by letter case or Unicode form/);
    });
  }
});

Deno.test("ArchivePaths holds no more characters of paths than it is allowed, those of folders included", () => {
  const paths = new ArchivePaths(10);
  paths.addFile("ab/cde");
  assert.throws(() => paths.addFile("abc"), /the paths in it have more than 10 characters together/);
});
