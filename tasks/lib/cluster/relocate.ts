/** Paths of this machine in what another one is told, and the other way round; pure. */

/** A folder here, and the same one there. */
export type Moved = readonly [from: string, to: string];

/**
 * A value with all paths in its texts as they are on the other machine: the folders themselves, and what is below them.
 *
 * @param value anything that JSON can say
 */
export function relocate<T>(value: T, moved: readonly Moved[]): T {
  const targets = new Map(moved);
  const folders = [...targets.keys()].sort((a, b) => b.length - a.length).map((path) => RegExp.escape(path));
  // Not in the middle of a name: /home/me/project-2 is not below /home/me/project.
  const pattern = new RegExp(`(?<![\\w.~-])(?:${folders.join("|")})(?![\\w.~-])`, "g");
  const change = (one: unknown): unknown => {
    if (typeof one === "string") return one.replace(pattern, (folder) => targets.get(folder)!);
    if (Array.isArray(one)) return one.map(change);
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, change(inner)]));
  };
  return change(value) as T;
}
