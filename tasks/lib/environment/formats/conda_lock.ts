/** conda-lock.yml, which micromamba reads, and lists of addresses that begin with @EXPLICIT, which conda reads, too. */

import { Failure } from "../../cli/failure.ts";
import { CONDA_PROGRAMS, createWith } from "../conda_program.ts";
import type { EnvironmentFormat } from "../format.ts";
import { requireProgram } from "../own_program.ts";

export const CONDA_LOCK: EnvironmentFormat = {
  name: "conda-lock.yml",
  files: /^(?:.*-lock\.ya?ml|conda-(?:linux|osx)-\w+\.lock)$/,
  isLock: true,
  isConda: true,
  program: CONDA_PROGRAMS,
  goesWith: ["environment.yml"],
  contents: async (request) => {
    const file = request.files[0]!;
    const program = requireProgram(CONDA_PROGRAMS, "read conda-lock.yml");
    if (program.name !== "micromamba" && /\.ya?ml$/.test(file)) {
      throw new Failure(
        3,
        `Cannot read conda-lock.yml: it takes micromamba, and only ${program.name} is on PATH`,
        {
          remedy: "Install it: conda install -n base -c conda-forge micromamba",
        },
      );
    }
    return await createWith(program, ["create", "--file", file], request);
  },
};
