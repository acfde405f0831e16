/** The manifest of an unpacked tree: the files it holds, as they were when they were written. */

import { Failure } from "../../cli/failure.ts";
import { sha256 } from "../../system/files.ts";
import { readTextIfThere } from "../../system/regular_file.ts";
import { parseRecord } from "../../system/records.ts";
import type { TreeFile, TreeManifest } from "../cache_schema.ts";

export type { TreeManifest };

/** Where the manifest of a tree stands: beside it. */
export function manifestPath(tree: string): string {
  return `${tree}.manifest.json`;
}

export function makeManifest(files: TreeFile[]): TreeManifest {
  const sorted = files.map((file): [string, TreeFile] => [utf8Order(file.path), file])
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([, file]) => file);
  return { format: 1, sha256: treeSha256(sorted), files: sorted };
}

/**
 * SHA-256 over the paths and bytes of a tree, whatever its times. Without this project, in the tree:
 * `find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`
 */
function treeSha256(sorted: TreeFile[]): string {
  return sha256(sorted.map(({ sha256, path }) => `${sha256}  ${path}\n`).join(""));
}

/** A string that sorts as the UTF-8 bytes of the path do: one character for each byte. */
function utf8Order(path: string): string {
  // deno-lint-ignore no-control-regex -- in ASCII both orders are the same
  return /^[\x00-\x7f]*$/.test(path) ? path : String.fromCharCode(...new TextEncoder().encode(path));
}

export async function writeManifest(path: string, manifest: TreeManifest) {
  await Deno.writeTextFile(path, `${JSON.stringify(manifest)}\n`);
}

/** @throws Failure(2) if there is no manifest, or it was damaged. */
export async function readManifest(path: string): Promise<TreeManifest> {
  const text = await readTextIfThere(path, { most: LARGEST_MANIFEST });
  if (text === undefined) throw new Failure(2, `There is no manifest ${path}`);
  const { treeManifestSchema } = await import("../cache_schema.ts");
  const manifest = parseRecord(text, path, treeManifestSchema, "the manifest of a tree");
  if (treeSha256(manifest.files) === manifest.sha256) return manifest;
  throw new Failure(2, `Cannot read the manifest ${path}: it was altered`);
}

/** Of a tree of two million files. */
const LARGEST_MANIFEST = 2 ** 29 - 2 ** 10;
