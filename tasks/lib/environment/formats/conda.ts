/** environment.yml: made by micromamba, mamba or conda. */

import { CONDA_PROGRAMS, createWith } from "../conda_program.ts";
import { type EnvironmentFormat, requireProgram } from "../format.ts";

export const CONDA: EnvironmentFormat = {
  name: "environment.yml",
  files: /^(?!.*-lock\.)(?:environment|conda|env)[^/]*\.ya?ml$/,
  isLock: false,
  isConda: true,
  program: CONDA_PROGRAMS,
  lockedBy: ["conda-lock.yml"],
  contents: async (request) => {
    const program = requireProgram(CONDA_PROGRAMS, "read environment.yml");
    const verb = program.name === "micromamba" ? ["create"] : ["env", "create"];
    return await createWith(program, [...verb, "--file", request.files[0]!], request);
  },
};
