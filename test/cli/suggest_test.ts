import assert from "node:assert/strict";
import { didYouMean, editDistance, suggest } from "../../tasks/lib/cli/suggest.ts";

Deno.test("editDistance() counts insertions, deletions, substitutions and swaps of neighbours", async (t) => {
  const cases: [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["epochs", "epochs", 0],
    ["epoch", "epochs", 1],
    ["epocsh", "epochs", 1],
    ["epchos", "epochs", 2],
    ["epocks", "epochs", 1],
    ["kitten", "sitting", 3],
    ["ab", "ba", 1],
  ];
  for (const [a, b, distance] of cases) {
    await t.step(`${a} → ${b}`, () => {
      assert.equal(editDistance(a, b), distance);
      assert.equal(editDistance(b, a), distance);
    });
  }
});

Deno.test("suggest() finds what was meant, and nothing where that is not clear", async (t) => {
  const choices = ["epochs", "seed", "engine", "plan", "notebook", "learning-rate"];
  const cases: [string, string | undefined][] = [
    ["epoch", "epochs"],
    ["eopchs", "epochs"],
    ["EPOCHS", "epochs"],
    ["sed", "seed"],
    ["learning_rate", "learning-rate"],
    ["note", "notebook"],
    ["learn", "learning-rate"],
    ["x", undefined],
    ["", undefined],
    ["banana", undefined],
    ["e", undefined],
  ];
  for (const [word, expected] of cases) {
    await t.step(word || "nothing", () => assert.equal(suggest(word, choices), expected));
  }
});

Deno.test("suggest() takes the nearest of several", () => {
  assert.equal(suggest("trian", ["train2", "train"]), "train");
  assert.equal(suggest("trai", ["drain", "train"]), "train");
});

Deno.test("didYouMean() is empty where there is no suggestion", () => {
  assert.equal(didYouMean("trian", ["train"]), ', did you mean "train"?');
  assert.equal(didYouMean("banana", ["train"]), "");
  assert.equal(didYouMean("banana", []), "");
});
