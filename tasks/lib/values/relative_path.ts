/** Paths that users write into experiment.yaml: relative, with forward slashes, and staying where they belong. */

/**
 * Why a path is not a plain relative path to something inside its folder; undefined if it is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(insideProblem("data/images"), undefined);
 * assert.equal(insideProblem("../other"), 'holds "..", which leaves the folder');
 * ```
 */
export function insideProblem(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.includes("\0")) return "holds a NUL character";
  if (path.includes("\\")) return `holds a backslash, folders are separated by "/"`;
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return "is absolute";
  if (path.startsWith("~")) return `begins with "~", which is not expanded`;
  const parts = path.split("/");
  if (parts.includes("..")) return `holds "..", which leaves the folder`;
  if (parts.includes(".") || parts.includes("")) return `holds an empty part or "."`;
  return undefined;
}

/** Drops what changes nothing: a leading `./` and a trailing slash. */
export function tidyPath(path: string): string {
  return path.replace(/^(?:\.\/+)+/, "").replace(/(?<=[^/])\/+$/, "");
}
