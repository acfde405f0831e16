/** What the steps on this machine need beside their environment, looked for before the first of them begins. */

import { delimiter, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { run } from "../system/command.ts";
import { isExecutable } from "../system/on_path.ts";
import { programsOf, shellText } from "./shell_programs.ts";

/** How programs that steps often need are had. */
const REMEDIES: Record<string, string> = {
  R: "Install R: apt install r-base-core, or brew install r",
  Rscript: "Install R: apt install r-base-core, or brew install r",
  conda:
    "Install micromamba or conda, or name environment.yml in environment.requirements instead of calling it",
  jupyter: "Add jupyter to the requirements, or make the notebook a step: notebook: analysis.ipynb",
  julia: "Install Julia: juliaup",
  make: "Install make: apt install make",
};

/**
 * Looks for the program of each step that runs as a process of this machine, and for what executes notebooks.
 *
 * @param python interpreter of the environment
 * @throws Failure(3) that names the first that is missing, with the way to get it
 */
export async function checkPrograms({ steps, environment }: Plan, python: string): Promise<void> {
  const needed = steps.filter(({ optional }) => !optional);
  for (const step of needed) checkProgram(step, python);
  const notebook = needed.find(({ argv }) => argv[1]?.endsWith("/execute_notebook.py"));
  if (notebook !== undefined) await checkNotebooks(notebook, python, environment.requirements);
}

function checkProgram({ name, argv, env }: PlannedStep, python: string) {
  if (["PATH", "BASH_ENV", "ENV"].some((variable) => env[variable] !== undefined)) return;
  const folders = [dirname(python), ...(Deno.env.get("PATH") ?? "").split(delimiter)];
  const isThere = (program: string) =>
    // The environment's interpreter runs these; a path may be that of a file which an earlier step makes.
    ["python", "python3"].includes(program) || program.includes("/") ||
    folders.some((folder) => folder !== "" && isExecutable(join(folder, program)));
  const [program = ""] = argv;
  const script = shellText(argv);
  const inside = script === undefined ? [] : programsOf(script.text, script.options);
  const missing = [program, ...inside].find((one) => !isThere(one));
  if (missing === undefined) return;
  const where = missing === program ? "" : ", which its shell calls,";
  throw new Failure(3, `Cannot run "${name}": ${missing}${where} is not in the environment and not on PATH`, {
    remedy: REMEDIES[missing] ?? "Install it, add it to the requirements, or put its folder on PATH",
  });
}

/** What executes notebooks, and makes pages of them. */
const NOTEBOOKS = ["nbclient", "nbconvert"];

async function checkNotebooks({ name }: PlannedStep, python: string, requirements?: string) {
  // To look is much faster than to start an interpreter, and mostly they are there.
  if (areInstalled(NOTEBOOKS, python)) return;
  const code = `import importlib.util as u; print(*(m for m in '${
    NOTEBOOKS.join(" ")
  }'.split() if u.find_spec(m) is None))`;
  const { code: ended, stdout } = await run([python, "-c", code], { timeoutMs: 20_000 });
  const missing = stdout.trim().split(/\s+/).filter(Boolean);
  if (ended !== 0 || missing.length === 0) return;
  throw new Failure(
    3,
    `Cannot run "${name}": a notebook needs ${missing.join(" and ")}, and ${python} lacks it`,
    {
      remedy: requirements === undefined
        ? "Name requirements that have ipykernel, nbclient and nbconvert: environment.requirements, or environment.install: [ipykernel, nbclient, nbconvert]"
        : `Add ipykernel, nbclient and nbconvert to ${requirements}, or environment.install: [ipykernel, nbclient, nbconvert]`,
    },
  );
}

/** Whether packages lie in the virtual environment of an interpreter; there are other places, which only it knows. */
function areInstalled(packages: string[], python: string): boolean {
  const lib = join(dirname(dirname(python)), "lib");
  try {
    const versions = [...Deno.readDirSync(lib)].filter(({ name }) => /^python3\.\d+$/.test(name));
    const folders = versions.map(({ name }) => join(lib, name, "site-packages"));
    return packages.every((one) => folders.some((folder) => isThere(join(folder, one, "__init__.py"))));
  } catch {
    return false;
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
