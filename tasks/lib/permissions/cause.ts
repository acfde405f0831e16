/** Why a file belongs to somebody else: a guess from the owner's ids. */

import { run } from "../system/command.ts";
import { inParallel } from "../system/files.ts";
import { CONTAINER_USER, type Owner } from "./request.ts";

/** Ids that a user's containers may take, from `/etc/subuid`. */
export interface IdRange {
  user: string;
  first: number;
  count: number;
}

/** What the kernel shows for an id that has no name where it is looked at from, e.g. in a rootless container. */
const UNKNOWN_ID = 65534;

/** What the causes are told from, beside the ids. */
export interface Known {
  /** Who asks. */
  you: Owner;
  ranges: IdRange[];
  /** Name of the owner on this machine, if it has one. */
  name?: string;
}

/** The likely cause as a phrase that begins with who owns it, e.g. `root: a container that ran as root, or sudo`. */
export function likelyCause({ uid, gid }: Owner, { you, ranges, name }: Known): string {
  if (uid === you.uid) {
    return gid === you.gid
      ? "you"
      : "you, but a group that you are not in: a container that got your uid only";
  }
  if (uid === 0) return "root: a container that ran as root, or sudo";
  if (uid === CONTAINER_USER.uid && gid === CONTAINER_USER.gid) {
    return "jovyan: the user of GPU-Jupyter containers";
  }
  const range = ranges.find(({ first, count }) => uid >= first && uid < first + count);
  if (range !== undefined) return `a rootless container of ${range.user}, or one with ids of its own`;
  if (uid === UNKNOWN_ID) {
    return "nobody: an id that is not known here, as on a network drive; to a rootless engine, root's, too";
  }
  return name === undefined
    ? "a container's user, or one of another machine: nobody here has that id"
    : `${name}: another user here`;
}

/** Adds the likely cause to each owner. */
export async function explainOwners<T extends Owner>(
  owners: T[],
  you: Owner,
): Promise<(T & { cause: string })[]> {
  if (owners.length === 0) return [];
  const ranges = parseSubuid(await Deno.readTextFile("/etc/subuid").catch(() => ""));
  return await inParallel(owners, async (owner) => {
    const { code, stdout } = await run(["id", "-nu", String(owner.uid)]);
    const name = code === 0 ? stdout.trim() : undefined;
    return { ...owner, cause: likelyCause(owner, { you, ranges, name }) };
  });
}

/** Reads `/etc/subuid`: lines `user:first:count`. */
export function parseSubuid(text: string): IdRange[] {
  return text.split("\n").map((line) => line.split(":")).filter((cells) => cells.length === 3).map(
    ([user = "", first, count]) => ({ user, first: Number(first), count: Number(count) }),
  );
}
