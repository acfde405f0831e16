/** Programs of this machine. */

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

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
    if (!statSync(path).isFile()) return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
