/** "Did you mean …?" for names that users type. */

/**
 * The choice that is nearest to `word`, if it is near enough to be meant: at most a third of the
 * letters mistyped (none of one letter, one of two to four), or `word` is the beginning of exactly one choice.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(suggest("epoch", ["epochs", "seed"]), "epochs");
 * assert.equal(suggest("batch", ["epochs", "seed"]), undefined);
 * ```
 */
export function suggest(word: string, choices: Iterable<string>): string | undefined {
  const all = [...choices];
  let nearest: { choice: string; distance: number } | undefined;
  for (const choice of all) {
    const limit = Math.floor((Math.max(word.length, choice.length) + 1) / 3);
    if (Math.abs(word.length - choice.length) > limit) continue;
    const distance = editDistance(word.toLowerCase(), choice.toLowerCase());
    if (distance <= limit && distance < (nearest?.distance ?? Infinity)) nearest = { choice, distance };
  }
  if (nearest) return nearest.choice;
  const longer = all.filter((choice) => word.length >= 2 && choice.startsWith(word));
  return longer.length === 1 ? longer[0] : undefined;
}

/** `, did you mean "epochs"?`, or nothing where no choice is near. */
export function didYouMean(word: string, choices: Iterable<string>): string {
  const choice = suggest(word, choices);
  return choice === undefined ? "" : `, did you mean "${choice}"?`;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment distance). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substitution, last[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
