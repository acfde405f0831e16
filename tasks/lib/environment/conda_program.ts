/** The programs that make environments of conda packages. */

import { Failure } from "../cli/failure.ts";
import { findOnPath } from "../system/on_path.ts";
import { installArguments } from "./install_arguments.ts";
import { installMore } from "./installer.ts";
import type { Contents, ContentsRequest } from "./format.ts";
import { Tool } from "./tool.ts";

export interface CondaProgram {
  name: "micromamba" | "mamba" | "conda";
  path: string;
}

/** @throws Failure(3) with the way to get one, if there is none */
export function condaProgram(what: string): CondaProgram {
  for (const name of ["micromamba", "mamba", "conda"] as const) {
    const path = findOnPath(name);
    if (path !== undefined) return { name, path };
  }
  throw new Failure(3, `Cannot read ${what}: none of micromamba, mamba and conda is on PATH`, {
    remedy:
      "Install micromamba (https://mamba.readthedocs.io/en/latest/installation/micromamba-installation.html), " +
      "or run in the authors' image: --engine docker",
  });
}

/** @param args what makes it, without its place */
export async function createWith(
  { name, path }: CondaProgram,
  args: string[],
  { place, root, install = [], uv }: ContentsRequest,
): Promise<Contents> {
  return await Promise.resolve({
    tool: name,
    install: async () => {
      const tool = Tool.other(name, place);
      await tool.must([path, ...args, "--prefix", place.directory, "--yes"], args.at(-1));
      const more = installArguments(root, install);
      if (more.length > 0) await installMore(more, uv, place);
      return name;
    },
  });
}
