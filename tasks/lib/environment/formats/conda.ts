/** environment.yml: made by micromamba, mamba or conda; where none of them is here, by py-rattler, which pip has. */

import { findOnPath } from "../../system/on_path.ts";
import { CONDA_PROGRAMS, createWith } from "../conda_program.ts";
import type { EnvironmentFormat } from "../format.ts";

export const CONDA: EnvironmentFormat = {
  name: "environment.yml",
  files: /^(?!.*-lock\.)(?:environment|conda|env)[^/]*\.ya?ml$/,
  isLock: false,
  isConda: true,
  lockedBy: ["conda-lock.yml"],
  contents: async (request) => {
    const program = CONDA_PROGRAMS.names.map((name) => ({ name, path: findOnPath(name) }))
      .find((one): one is { name: string; path: string } => one.path !== undefined);
    if (program === undefined) return await (await import("../conda_packages.ts")).condaPackages(request);
    const verb = program.name === "micromamba" ? ["create"] : ["env", "create"];
    return await createWith(program, [...verb, "--file", request.files[0]!], request);
  },
};
