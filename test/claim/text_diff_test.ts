import assert from "node:assert/strict";
import { diffLines } from "../../tasks/lib/claim/claim_task.ts";

Deno.test("diffLines() shows what goes and what comes, with the lines around it, and where lines are left out", () => {
  const before = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
  const after = before.flatMap((line) =>
    line === "line 3" ? ["new 3"] : line === "line 15" ? [line, "more"] : [line]
  );
  assert.deepEqual(diffLines(`${before.join("\n")}\n`, `${after.join("\n")}\n`), [
    " line 1",
    " line 2",
    "-line 3",
    "+new 3",
    " line 4",
    " line 5",
    " line 6",
    "@@ line 13 @@",
    " line 13",
    " line 14",
    " line 15",
    "+more",
    " line 16",
    " line 17",
    " line 18",
  ]);
});

Deno.test("diffLines() is empty for equal texts", () => assert.deepEqual(diffLines("a\n", "a\n"), []));
