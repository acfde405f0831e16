/** Programs that own a format of environment files, such as poetry and pixi: only they read it, or make it. */

import { Failure } from "../cli/failure.ts";
import { findOnPath } from "../system/on_path.ts";

/** Such a program, or several that do the same. */
export interface OwnProgram {
  /** In the order of preference. */
  names: readonly string[];
  /** The way to get one. */
  remedy: string;
}

/**
 * The program that owns a format.
 *
 * @param doing e.g. "read environment.yml"
 * @throws Failure(3) with the way to get it, if it is not on PATH
 */
export function requireProgram({ names, remedy }: OwnProgram, doing: string): { name: string; path: string } {
  for (const name of names) {
    const path = findOnPath(name);
    if (path !== undefined) return { name, path };
  }
  throw new Failure(3, `Cannot ${doing}: ${missing(names)}`, { remedy });
}

/** "pixi is not on PATH", "none of micromamba, mamba and conda is on PATH". */
export function missing(names: readonly string[]): string {
  return names.length === 1
    ? `${names[0]} is not on PATH`
    : `none of ${names.slice(0, -1).join(", ")} and ${names.at(-1)} is on PATH`;
}
