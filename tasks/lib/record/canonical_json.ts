/** JSON of which a hash or a signature can be made. */

/**
 * JSON in which equal values have equal bytes (RFC 8785): sorted keys, no white space, nothing that is undefined.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(canonicalJson({ b: [1, 2], a: undefined, A: "x" }), '{"A":"x","b":[1,2]}');
 * ```
 */
export function canonicalJson(value: unknown): string {
  // The engine's own is several times quicker.
  if (isLarge(value) && isCanonical(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

function isLarge(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.keys(value).length > 100;
}

/** Whether its keys are sorted already, at every level, and nothing in it is undefined. */
function isCanonical(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value !== undefined;
  if (Array.isArray(value)) return value.every(isCanonical);
  let last: string | undefined;
  for (const key of Object.keys(value)) {
    if (last !== undefined && key < last) return false;
    last = key;
    if (!isCanonical((value as Record<string, unknown>)[key])) return false;
  }
  return true;
}
