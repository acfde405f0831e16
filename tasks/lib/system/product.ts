/**
 * Where the product's own files are: in its repository, or in a package that lies somewhere else, where there is no
 * project of its own around them.
 */

import { join } from "node:path";

/** The folder that holds `tasks/` and `deno.json`; a project is found by `projectRoot()`. */
export const ROOT = join(import.meta.dirname!, "..", "..", "..");

/** The product's own Python, started inside the environment. */
export const INSIDE = join(ROOT, "tasks", "inside");

/** Dockerfiles of the images, and what they put into them. */
export const IMAGE = join(INSIDE, "image");

export interface Release {
  version: string;
  /** Address of its repository, where a workflow of that repository built it. */
  homepage?: string;
}

/** Which release this is. */
export function release(): Release {
  return JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json")));
}

/**
 * Where a page of the documentation is read: at the repository's address, which a release has in its deno.json, else in
 * the file that lies beside the tasks.
 *
 * @param page relative to the root, e.g. `docs/audit.md#r101`
 */
export function documentation(page: string, { homepage, version }: Release = release()): string {
  const [path, anchor] = page.split("#");
  const address = homepage === undefined
    ? new URL(`../../../${path}`, import.meta.url).href
    : `${homepage}/blob/v${version}/${path}`;
  return anchor === undefined ? address : `${address}#${anchor}`;
}
