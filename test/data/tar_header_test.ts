import assert from "node:assert/strict";
import { BLOCK, isHeader, parsePax } from "../../tasks/lib/data/archive/tar_header.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("parsePax() reads path and size, and passes over the rest", () => {
  const records = "13 path=ü/x\n14 size=12345\n30 mtime=1795573882.134000000\n";
  assert.deepEqual(parsePax(bytes(records)), { path: "ü/x", bytes: 12345 });
});

Deno.test("parsePax() refuses records that are damaged, or of sparse files", async (t) => {
  for (
    const text of ["x", "99 path=a\n", "0 path=a\n", "-9 path=a\n", "10 path=a", "9 pathaa\n", "10 size=-1\n"]
  ) {
    await t.step(JSON.stringify(text), () => assert.throws(() => parsePax(bytes(text)), /can't be read/));
  }
  assert.throws(() => parsePax(bytes("22 GNU.sparse.major=1\n")), /sparse/);
});

Deno.test("isHeader() takes no page and no zeros for a tar archive", () => {
  assert.equal(isHeader(bytes("<!doctype html>".padEnd(BLOCK))), false);
  assert.equal(isHeader(bytes("short")), false);
});
