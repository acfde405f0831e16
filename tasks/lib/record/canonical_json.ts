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
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  // A receipt may have 10,000 members: no list of pieces is made of each.
  if (Array.isArray(value)) {
    let text = "[";
    for (const [index, item] of value.entries()) text += (index > 0 ? "," : "") + (canonicalJson(item) ?? "");
    return `${text}]`;
  }
  let text = "{";
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    text += `${text.length > 1 ? "," : ""}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `${text}}`;
}
