/** The programs that make environments of conda packages. */

import { installArguments } from "./install_arguments.ts";
import { installMore } from "./installer.ts";
import type { Contents, ContentsRequest } from "./format.ts";
import type { OwnProgram } from "./own_program.ts";
import { Tool } from "./tool.ts";

export const CONDA_PROGRAMS: OwnProgram = {
  names: ["micromamba", "mamba", "conda"],
  remedy:
    "Install micromamba (https://mamba.readthedocs.io/en/latest/installation/micromamba-installation.html), " +
    "or run in the authors' image: --engine docker",
};

/** @param args what makes it, without its place */
export async function createWith(
  { name, path }: { name: string; path: string },
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
