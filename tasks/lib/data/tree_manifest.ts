/** The manifest of an unpacked tree: which files it holds, and whether they are still what was unpacked. */

/** A file of a tree, as it was when it was written. */
export interface TreeFile {
  /** Relative to the tree, with `/`. */
  path: string;
  bytes: number;
  sha256: string;
  /** Last change of the bytes and of the inode, in nanoseconds since 1970. */
  mtimeNs: bigint;
  ctimeNs: bigint;
}

export interface TreeManifest {
  /** Sorted by path, in the order of its UTF-8 bytes. */
  files: TreeFile[];
}

/** How a tree differs from its manifest: paths, sorted. All empty if it does not. */
export interface TreeCheck {
  missing: string[];
  altered: string[];
  surplus: string[];
}

/** The manifest of `TREE` is the file `TREE.manifest`. */
export function manifestPath(tree: string): string {
  return `${tree}.manifest`;
}

/** @throws Failure(2) if there is no manifest, or it can't be read. */
export function readManifest(_path: string): Promise<TreeManifest> {
  return Promise.reject(new Error("not written yet"));
}

/** SHA-256 over the paths and bytes of a tree, not its times: what names a data set in evidence. */
export function treeSha256(_manifest: TreeManifest): string {
  throw new Error("not written yet");
}

/**
 * Compares a tree with its manifest.
 *
 * @param options.hash Hash every file; otherwise only those whose size or times are others than recorded.
 */
export function checkTree(
  _manifest: TreeManifest,
  _tree: string,
  _options: { hash: boolean },
): Promise<TreeCheck> {
  return Promise.reject(new Error("not written yet"));
}
