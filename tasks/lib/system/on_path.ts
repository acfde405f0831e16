/** Programs of this machine. */

import { delimiter, join } from "node:path";
import { nodeFs } from "./node.ts";

/** The file that a shell would start for a program's name: the first regular one on PATH that this user may execute. */
export function findOnPath(program: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

export function isOnPath(program: string): boolean {
  return findOnPath(program) !== undefined;
}

/** A file that this user may execute. */
export function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    if (!isFile || (mode! & 0o111) === 0) return false;
    // Where not all may, the system says whether this user is among those who do.
    if ((mode! & 0o111) !== 0o111) nodeFs().accessSync(path, nodeFs().constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
