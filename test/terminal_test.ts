import assert from "node:assert/strict";
import { bytes, columns, duration, Terminal, wrap } from "../tasks/lib/terminal.ts";

Deno.test("columns() aligns cells and leaves no space at the end", () => {
  assert.deepEqual(columns([["a", "bb"], ["ccc", "d"]]), ["a    bb", "ccc  d"]);
});

Deno.test("wrap() breaks at spaces and never inside a word", () => {
  assert.deepEqual(wrap("aa bb cccccccc d", 5), ["aa bb", "cccccccc", "d"]);
});

Deno.test("duration() and bytes() say it as a person would", async (t) => {
  for (
    const [seconds, text] of [[0.44, "0.4 s"], [12, "12 s"], [59.7, "60 s"], [185, "3 min 05 s"], [
      7380,
      "2 h 03 min",
    ]]
  ) {
    await t.step(String(text), () => assert.equal(duration(seconds as number), text));
  }
  for (const [count, text] of [[0, "0 B"], [999, "999 B"], [1400, "1.4 kB"], [1.4e9, "1.4 GB"]]) {
    await t.step(String(text), () => assert.equal(bytes(count as number), text));
  }
});

Deno.test("paint() leaves text plain where standard output is no terminal", () => {
  if (!Deno.stdout.isTerminal()) assert.equal(new Terminal().paint("x", "red"), "x");
});
