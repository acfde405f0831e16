/** What requirements files include: an environment depends on these as on the files that are named. */

import { dirname, resolve } from "node:path";

/** `-r other.txt`, `--requirement=other.txt`, and the same of constraints [pip: requirements file format]. */
const INCLUDE = /^\s*(?:-[rc]\s*|--(?:requirement|constraint)(?:\s+|=))([^\s#][^#]*?)\s*(?:\s#.*)?$/gm;

/**
 * The files that these include, and those that they include in turn, each once and without the first ones.
 *
 * @param files absolute paths of any format; only lists of requirements include others
 * @param isAlsoConstraints false if what only constrains versions does not count
 */
export async function includedFiles(files: readonly string[], isAlsoConstraints = true): Promise<string[]> {
  const seen = new Set(files);
  const waiting = [...files];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const text = /\.(?:txt|in)$/i.test(file) ? await Deno.readTextFile(file).catch(() => "") : "";
    for (const [whole, name] of text.matchAll(INCLUDE)) {
      if (!isAlsoConstraints && /^\s*(?:-c|--constraint)/.test(whole)) continue;
      const path = resolve(dirname(file), name!);
      if (/^[a-z][a-z+]+:\/\//i.test(name!) || seen.has(path)) continue;
      seen.add(path);
      waiting.push(path);
    }
  }
  return [...seen].slice(files.length);
}
