/**
 * What bench/unpack.py measures.
 *
 * Arguments: unpack ARCHIVE zip|tar TARGET, check TREE, or hash TREE
 */

import { unpack } from "../tasks/lib/data/archive/unpack.ts";
import { checkTree } from "../tasks/lib/data/tree/check_tree.ts";
import { manifestPath, readManifest } from "../tasks/lib/data/tree/tree_manifest.ts";

const [what, place, kind, target] = Deno.args as [string, string, "zip" | "tar", string];

if (what === "unpack") await unpack(place, kind, target);
else {
  const found = await checkTree(await readManifest(manifestPath(place)), place, { hash: what === "hash" });
  if (Object.values(found).flat().length > 0) throw new Error(`${place} was altered`);
}
