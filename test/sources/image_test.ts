/** Figures by their pixels. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { encode } from "fast-png";
import { checkSource, parseSource } from "../../tasks/lib/sources/sources.ts";
import { readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";

const PIXELS = new Uint8Array([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);

Deno.test("figures of the same pixels are the same, however their files are written", async () => {
  const run = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(run, "plot"));
    const hashOf = async (name: string, bytes: Uint8Array) => {
      await Deno.writeFile(join(run, "plot", name), bytes);
      const source = parseSource(`plot/${name}#image`);
      assert(!("problem" in source));
      const found = await readSource(source, runFiles(run));
      return found.found && "text" in found ? found.text : "reason" in found ? found.reason : "a list";
    };
    const rgb = { width: 2, height: 2, data: PIXELS, channels: 3 };
    const first = await hashOf("a.png", encode(rgb));
    assert.match(first, /^[\da-f]{64}$/);
    assert.equal(
      await hashOf("b.png", encode({ ...rgb, text: { Software: "Matplotlib 3.9" } }, { zlib: { level: 0 } })),
      first,
    );
    const rgba = new Uint8Array([0, 3, 6, 9].flatMap((at) => [...PIXELS.subarray(at, at + 3), 255]));
    assert.equal(await hashOf("c.png", encode({ ...rgb, data: rgba, channels: 4 })), first);
    const wide = Uint16Array.from(PIXELS, (value) => value * 257);
    assert.equal(await hashOf("d.png", encode({ ...rgb, data: wide, depth: 16 })), first);
    const other = PIXELS.slice();
    other[0]!++;
    assert.notEqual(await hashOf("e.png", encode({ ...rgb, data: other })), first);
    assert.notEqual(await hashOf("f.png", encode({ ...rgb, width: 4, height: 1 })), first);
    assert.match(
      await hashOf("g.png", new TextEncoder().encode("no figure")),
      /^plot\/g\.png is not a PNG file$/,
    );
    assert.match(await hashOf("h.png", encode(rgb).slice(0, 40)), /^plot\/h\.png is a damaged PNG file: /);
  } finally {
    await Deno.remove(run, { recursive: true });
  }
});

Deno.test("a claim on a figure is a hash of its pixels, and the figure a PNG file", () => {
  const source = parseSource("plot/a.png#image");
  assert(!("problem" in source));
  assert.match(checkSource(source, 1)!.problem, /^must be the hash of the pixels/);
  assert.equal(checkSource(source, "0".repeat(64)), undefined);
  const other = parseSource("plot/a.svg#image");
  assert("problem" in other && other.problem.startsWith("must name a PNG file"));
});
