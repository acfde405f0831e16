/**
 * A real Apptainer for a Debian whose release has no package of it: the program of Debian's development tree, started in
 * that tree with this machine's folders in their places. Works for root and for users, as one without setuid does.
 */

import $ from "dax";
import { join } from "node:path";

/** Where `apptainer_wrapper.sh` finds it. */
const TREE = "/opt/apptainer-tree";

const PROGRAM = "/usr/local/bin/apptainer";

/** Puts it on PATH; does nothing where one is there already. */
export async function installApptainer(): Promise<void> {
  if ((await $`apptainer --version`.quiet().noThrow()).code === 0) return;
  if (!await $.path(TREE).join("ready").exists()) await makeTree();
  await shareFolders();
  // As it is where udev is at work: SIF files are mounted through it.
  await $`chmod 666 /dev/fuse`.quiet().noThrow();
  await $`install --mode=755 ${join(import.meta.dirname!, "apptainer_wrapper.sh")} ${PROGRAM}`;
  const { code, stderr } = await $`apptainer --version`.stdout("null").stderr("piped").noThrow();
  if (code !== 0) throw new Error(stderr.trim());
}

/** Places for this machine's folders, also for those that are new since the tree was made. */
async function shareFolders() {
  for await (const { name, isDirectory } of Deno.readDir("/")) {
    if (isDirectory) await Deno.mkdir(join(TREE, name), { recursive: true });
  }
}

async function makeTree() {
  await $`rm -rf ${TREE}`;
  // The dates of what a mirror holds of that tree may have run out.
  const option = '--aptopt=Acquire::Check-Valid-Until "false"';
  const packages = "--include=apptainer,squashfuse,ca-certificates";
  const { code, stderr } = await $`mmdebstrap --quiet --variant=minbase ${option} ${packages} sid ${TREE}`
    .stderr("piped").noThrow();
  if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1));
  for (const name of ["hosts", "resolv.conf", "passwd", "group"]) await touch(join(TREE, "etc", name));
  await Deno.chmod(TREE, 0o755);
  await touch(join(TREE, "ready"));
}

/** Dax has a `touch` of its own, which takes an absolute path for one below the working folder. */
async function touch(path: string) {
  await Deno.writeFile(path, new Uint8Array(), { append: true });
}
