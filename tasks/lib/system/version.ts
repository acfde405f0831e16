/** Comparing versions. */

/**
 * Compares dotted numbers; a missing part counts as 0. Negative if `left` is older.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.ok(compareVersions("2.9", "2.10") < 0);
 * ```
 */
export function compareVersions(left: string, right: string): number {
  const a = left.split(".").map((part) => parseInt(part, 10) || 0);
  const b = right.split(".").map((part) => parseInt(part, 10) || 0);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
