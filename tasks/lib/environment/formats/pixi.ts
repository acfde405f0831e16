/** pixi.toml and pixi.lock: installed by pixi, in a copy, so that it leaves the project as it is. */

import { basename, dirname, join } from "node:path";
import { installArguments } from "../install_arguments.ts";
import { installMore } from "../installer.ts";
import type { EnvironmentFormat } from "../format.ts";
import { type OwnProgram, requireProgram } from "../own_program.ts";
import { Tool } from "../tool.ts";

const PROGRAM: OwnProgram = {
  names: ["pixi"],
  remedy:
    "Install it (https://pixi.prefix.dev/latest/installation/; PyPI and npm have other programs of that " +
    "name), or run in the authors' image: --engine docker",
};

export const PIXI: EnvironmentFormat = {
  name: "pixi.toml",
  files: /^pixi\.(?:lock|toml)$/,
  isLock: true,
  has: ["groups"],
  isConda: true,
  program: PROGRAM,
  lockedBy: ["pixi.lock"],
  goesWith: ["pixi.toml", "pyproject.toml"],
  contents: async (
    { files: [file], place, root, install = [], groups: [environment = "default"] = [], uv },
  ) => {
    const { path: pixi } = requireProgram(PROGRAM, `read ${basename(file ?? "pixi.toml")}`);
    return await Promise.resolve({
      tool: "pixi",
      install: async () => {
        const { directory } = place;
        await Deno.mkdir(directory);
        const names = ["pixi.toml", "pixi.lock", "pyproject.toml"];
        const copied: string[] = [];
        for (const name of names) {
          const copy = Deno.copyFile(join(dirname(file!), name), join(directory, name));
          await copy.then(() => copied.push(name), () => {});
        }
        const manifest = copied.includes("pixi.toml") ? "pixi.toml" : "pyproject.toml";
        const lock = copied.includes("pixi.lock") ? ["--frozen"] : [];
        const tool = Tool.other("pixi", place);
        await tool.must([
          ...[pixi, "install", "--manifest-path", join(directory, manifest)],
          ...["--environment", environment, ...lock],
        ], manifest);
        // Python finds its own files from the name it is started by, so both are needed.
        for (const name of ["bin", "lib"]) {
          await Deno.symlink(join(".pixi/envs", environment, name), join(directory, name));
        }
        const more = installArguments(root, install);
        if (more.length > 0) await installMore(more, uv, place);
        return "pixi";
      },
    });
  },
};
