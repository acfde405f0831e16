/** Whom the project is to belong to. */

import { run } from "../system/command.ts";

export interface Owner {
  uid: number;
  gid: number;
}

export interface Caller extends Owner {
  /** All groups that the caller is in. */
  groups: number[];
  /** This process has root's rights; by sudo, the caller is another. */
  isRoot: boolean;
}

export interface Request extends Owner {
  /** Absolute path of the project, without links. */
  root: string;
  /** Further groups that are right for a file: those the user is in, since they may be there on purpose. */
  groups: number[];
  /** Ids are those in a container, and not this machine's. */
  toContainer: boolean;
  /** The group is to have rights too. */
  group: boolean;
  /** Repair also where nearly everything is somebody else's. */
  all: boolean;
}

/** `jovyan:users` of the images that GPU-Jupyter is made from. */
export const CONTAINER_USER: Owner = { uid: 1000, gid: 100 };

export function planRequest(
  root: string,
  { uid, gid, groups }: Caller,
  options: { "to-container": boolean; group: boolean; all: boolean },
): Request {
  const toContainer = options["to-container"];
  const owner = toContainer ? { ...CONTAINER_USER, groups: [] } : { uid, gid, groups };
  // To the containers' user everything goes, whose it ever was.
  return { root, ...owner, toContainer, group: options.group, all: options.all || toContainer };
}

/** Who asks: behind sudo, the user who typed it. */
export async function readCaller(): Promise<Caller> {
  const isRoot = Deno.uid() === 0;
  const sudo = isRoot ? sudoCaller(Deno.env.toObject()) : undefined;
  const { code, stdout } = await run(["id", "-G", ...(sudo ? [sudo.name] : [])]);
  const groups = code === 0 ? stdout.trim().split(" ").map(Number) : [];
  const { uid, gid } = sudo ?? { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  return { uid, gid, groups: groups.filter((group) => group !== gid), isRoot };
}

/** What sudo says of the user who called it. */
export function sudoCaller(env: Record<string, string>): (Owner & { name: string }) | undefined {
  const { SUDO_UID = "", SUDO_GID = "", SUDO_USER = "" } = env;
  if (!/^\d+$/.test(SUDO_UID) || !/^\d+$/.test(SUDO_GID)) return undefined;
  return { uid: Number(SUDO_UID), gid: Number(SUDO_GID), name: SUDO_USER || SUDO_UID };
}
