/** Scripts that can be started: those with `__main__`, or that stand at the top and work. */

import { type Found, type StepDraft, stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import type { PythonFacts } from "../python_facts.ts";

const NO_STEP =
  /(?:^|\/)(?:setup|conftest|versioneer|manage|noxfile|fabfile|conf|config|utils?|test_[^/]*|[^/]*_test|__init__|app|hubconf|(?:build|make|gen|generate|update)_?(?:readme|docs?|toc|index))\.py$|(?:^|\/)(?:tests?|docs?|examples?|third_party|vendor|scripts?\/dev)\//;

/** In the order in which research goes, where neither files nor a README tell. */
const USUAL = [
  /download|fetch/,
  /prep|preprocess|make_data|dataset/,
  /train|fit|main|run/,
  /eval|test|infer|predict/,
  /plot|figure|report/,
];

/** More is a guess for none. */
const MOST_STEPS = 4;

export const SCRIPTS: Kind = {
  name: "scripts",
  async look(repository, draft) {
    const python = await repository.python();
    const imported = importedModules(python);
    const scripts = [...python].filter(([path, facts]) =>
      path.endsWith(".py") && !NO_STEP.test(path) && isScript(path, facts, imported)
    ).map(([path]) => path).sort((a, b) => depth(a) - depth(b) || rank(a) - rank(b) || (a < b ? -1 : 1));
    const steps: Found<StepDraft>[] = [];
    // A collection of scripts that nobody says the order of: those with a usual name, or the first.
    const isManyAlike = scripts.length > MOST_STEPS;
    for (const path of scripts) {
      const facts = python.get(path)!;
      const words = argumentsOf(facts);
      const missing = [
        ...(facts.options ?? []).filter(({ required }) => required).map(({ flags }) => flags[0]),
        ...words.filter((word) => word.startsWith("<")),
      ];
      const doubt = serves(facts)
        ? "it serves, and does not end"
        : missing.length > 0
        ? `it wants ${missing.join(", ")}`
        : isManyAlike && !(steps.every(({ value }) => value.doubt) ? true : isUsual(path)) ||
            steps.length >= MOST_STEPS || (steps.length > 0 && depth(path) > depth(scripts[0]!))
        ? "one of several scripts"
        : undefined;
      const name = stepName(
        path.replace(/\/__main__\.py$|\.py$/, "").split("/").at(-1)!,
        steps.map(({ value }) => value.name),
      );
      const call = inPackage(path, repository.files) ? ["python", "-m", moduleOf(path)] : ["python", path];
      const run = [...call, ...words];
      steps.push({
        value: {
          name,
          run,
          needs: [],
          outputs: [],
          reads: [],
          sources: [path],
          ...(doubt !== undefined && { doubt }),
        },
        found: `${path}:${facts.main ?? 1}`,
        certainty: "guessed",
      });
    }
    if (steps.length > 0) draft.kinds.push({ kind: "scripts", tier: "code", steps });
  },
};

/** Frameworks of which a program waits for requests. */
const SERVERS =
  /^(?:flask|fastapi|uvicorn|streamlit|gradio|dash|bottle|sanic|django|aiohttp\.web|http\.server)$/;

function serves({ imports = {} }: PythonFacts): boolean {
  return Object.keys(imports).some((module) => SERVERS.test(module) || SERVERS.test(module.split(".")[0]!));
}

function isUsual(path: string): boolean {
  return USUAL.some((pattern) => pattern.test(path.split("/").at(-1)!));
}

function isScript(
  path: string,
  { main, acts, writes, options }: PythonFacts,
  imported: Set<string>,
): boolean {
  if (main !== undefined) return true;
  const module = path.replace(/\/__main__\.py$|\.py$/, "").split("/").at(-1)!;
  if (/^(?:train|main|run|experiment)/.test(module) && !imported.has(module)) return acts !== undefined;
  return !path.includes("/") && !imported.has(module) &&
    (writes !== undefined || options !== undefined || acts !== undefined ||
      USUAL.some((one) => one.test(module)));
}

/** What stands behind the script's name: where it writes is the step's own folder, and all else is to be filled in. */
function argumentsOf({ arguments: positions = {} }: PythonFacts): string[] {
  const last = Math.max(0, ...Object.keys(positions).map(Number));
  return Array.from({ length: last }, (_, index) => {
    const name = positions[index + 1] || `argument ${index + 1}`;
    return /out|save|result|dest|target/i.test(name) ? "{out}" : `<${name}>`;
  });
}

function importedModules(python: Map<string, PythonFacts>): Set<string> {
  const all = [...python.values()].flatMap(({ imports = {} }) => Object.keys(imports));
  return new Set(all.map((module) => module.replace(/^\.+/, "").split(".")[0]!));
}

function depth(path: string): number {
  return path.split("/").length;
}

function rank(path: string): number {
  const index = USUAL.findIndex((pattern) => pattern.test(path));
  return index < 0 ? USUAL.length : index;
}

/** Within a package of the repository, whose modules import each other by its name. */
function inPackage(path: string, files: readonly string[]): boolean {
  const folder = path.split("/").slice(0, -1).join("/");
  return folder !== "" && !folder.startsWith("src/") && files.includes(`${folder}/__init__.py`);
}

function moduleOf(path: string): string {
  return path.replace(/\/__main__\.py$|\.py$/, "").replaceAll("/", ".");
}
