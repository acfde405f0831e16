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
