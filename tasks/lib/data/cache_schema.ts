/** What is recorded of fetched data, beside them. */

import * as z from "zod/mini";

const stampSchema = z.object({
  bytes: z.number(),
  /** Last change of the bytes, in milliseconds since 1970. */
  modified: z.number(),
  /** Last change of the inode, in milliseconds since 1970, by whole seconds. */
  changed: z.number(),
  /** Another one after a file was replaced. */
  inode: z.number(),
});

/** Name of a file that lies in the entry itself. */
const nameSchema = z.string().check(
  z.refine((name) => !/[/\0]/.test(name) && !["", ".", ".."].includes(name), { error: "a file's name" }),
);

/** Written into an entry before it gets its name, so that every entry with a name is whole. */
export const entrySchema = z.extend(stampSchema, {
  format: z.literal(1),
  /** Of the file or archive, as the stamp is. */
  sha256: z.string(),
  /** Where that is what it is known by. */
  md5: z.optional(z.string()),
  /** Name of the file or archive in the entry. */
  file: nameSchema,
  /** Address or path that it is from; not known where a download ended and its process was killed just then. */
  source: z.optional(z.string()),
  /** UTC, ISO 8601. */
  fetched: z.string(),
});

/** A file of a tree, as it was when it was written. */
export interface TreeFile extends Stamp {
  /** Relative to the tree, with `/`. */
  path: string;
  sha256: string;
}

/** By hand: each run looks at the manifest of its data, and a schema takes 0.1 s for 27,000 files. */
function isTreeFile(file: Partial<TreeFile> | null): boolean {
  return typeof file?.path === "string" && typeof file.sha256 === "string" &&
    typeof file.bytes === "number" &&
    typeof file.modified === "number" && typeof file.changed === "number" && typeof file.inode === "number";
}

export const treeManifestSchema = z.object({
  format: z.literal(1),
  /** What names this tree in evidence; see `treeSha256`. */
  sha256: z.string(),
  /** Sorted by path, in the order of its UTF-8 bytes. */
  files: z.custom<TreeFile[]>((files) => Array.isArray(files) && files.every(isTreeFile), {
    error: "a list of files with path, sha256, bytes, modified, changed and inode",
  }),
});

/** The beginning of a file that is being downloaded: where its bytes come from. */
export const originSchema = z.object({
  /** Address of the mirror, as it may be shown. */
  url: z.string(),
  etag: z.optional(z.string()),
  lastModified: z.optional(z.string()),
  /** Size of the whole file. */
  total: z.optional(z.number()),
});

export type Stamp = z.infer<typeof stampSchema>;

export type EntryRecord = z.infer<typeof entrySchema>;

export type TreeManifest = z.infer<typeof treeManifestSchema>;

export type Origin = z.infer<typeof originSchema>;
