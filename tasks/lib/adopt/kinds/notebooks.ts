/** Notebooks with stored outputs: a step for each, and a claim for each value that it printed. */

import { printedClaims } from "../printed_claims.ts";
import { type PrintedLine, withoutEstimators } from "../printed_values.ts";
import { type Draft, type Found, type StepDraft, stepName, STORES_NOTHING } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { notebookOutputs } from "../../values/text.ts";
import type { PythonFacts } from "../python_facts.ts";
import type { Repository } from "../repository.ts";
import type { Loose } from "../yaml_file.ts";

/** More are a collection, of which nobody repeats all at once. */
const MOST_STEPS = 20;

const MOST_LOOKED_AT = 400;

export const NOTEBOOKS: Kind = {
  name: "notebooks",
  async look(repository, draft) {
    const python = await repository.python();
    const steps: Found<StepDraft>[] = [];
    const versions: [version: string, path: string][] = [];
    for (const path of repository.named(/\.ipynb$/).slice(0, MOST_LOOKED_AT)) {
      const notebook = parsed(repository, path);
      if (notebook === undefined) continue;
      const names = [...draft.kinds.flatMap(({ steps }) => steps), ...steps].map(({ value }) => value.name);
      const python2 = python2In(notebook, python.get(path));
      const step = stepFor(
        path,
        notebook,
        python2,
        stepName(path.split("/").at(-1)!.replace(/\.ipynb$/, ""), names),
      );
      if (step === undefined) continue;
      const isOneOfMany = steps.filter(({ value }) => value.doubt === undefined).length >= MOST_STEPS;
      if (isOneOfMany) step.doubt ??= "one of many";
      const claims = isOneOfMany ? [] : await claimsOf(step, notebook, repository.text(path)!);
      if (claims.length === 0) step.doubt ??= STORES_NOTHING;
      steps.push({ value: step, found: path, certainty: "read" });
      const version = /^3\.\d+/.exec(notebook.metadata?.language_info?.version ?? "")?.[0];
      if (version !== undefined && step.doubt === undefined) versions.push([version, path]);
      draft.claims.push(...claims);
      addParameters(draft, path, python.get(path)?.parameters);
    }
    addPython(draft, versions);
    if (steps.some(({ value }) => value.doubt === undefined)) {
      draft.kinds.push({ kind: "notebooks", tier: "told", steps });
    } else if (steps.length > 0) draft.kinds.push({ kind: "notebooks", tier: "code", steps });
  },
};

function parsed(repository: Repository, path: string): Loose | undefined {
  const text = repository.text(path);
  if (text === undefined) return undefined;
  try {
    const notebook = JSON.parse(text);
    return Array.isArray(notebook?.cells) ? notebook : undefined;
  } catch {
    return undefined; // Python's reader names it, too
  }
}

function stepFor(
  path: string,
  notebook: Loose,
  python2: number | undefined,
  name: string,
): StepDraft | undefined {
  const cells = notebook.cells.filter((cell: Loose) => cell?.cell_type === "code");
  const hasRun = cells.some((cell: Loose) => Array.isArray(cell.outputs) && cell.outputs.length > 0);
  if (cells.length === 0) return undefined;
  const failed = notebook.cells.findIndex((cell: Loose) =>
    Array.isArray(cell?.outputs) && cell.outputs.some((output: Loose) => output?.output_type === "error")
  );
  const source = cells.map((cell: Loose) => [cell.source].flat().join("")).join("\n");
  const language = otherLanguage(notebook);
  const doubt = failed >= 0
    ? `its stored run ended in an error, in cell ${failed + 1}`
    : /\bgoogle\.colab\b|\/content\/drive|\/kaggle\//.test(source)
    ? "it was made for Colab or Kaggle"
    : language !== undefined
    ? `it is of ${language}, which an environment of Python has no kernel for`
    : python2 !== undefined
    ? `it is of Python 2, in cell ${python2}`
    : needsTensorFlow1(source)
    ? "it needs TensorFlow 1, of which there is no build for Python 3.8 or newer"
    : hasRun
    ? undefined
    : STORES_NOTHING;
  return {
    name,
    notebook: path,
    needs: [],
    outputs: [],
    reads: [],
    sources: [path],
    ...(doubt !== undefined && { doubt }),
  };
}

/** The first cell that only Python 2 can read. */
function python2In(notebook: Loose, { python2, unparsed }: PythonFacts = {}): number | undefined {
  return python2 ?? (isPython2(notebook) ? unparsed : undefined);
}

/** By its kernel: editors write the version 2.7.6 into notebooks of any Python. */
function isPython2({ metadata }: Loose): boolean {
  const kernel = String(metadata?.kernelspec?.name ?? "");
  return /^python2/.test(kernel) || (kernel === "" && /^2\./.test(metadata?.language_info?.version ?? ""));
}

/** e.g. "R" */
function otherLanguage({ metadata }: Loose): string | undefined {
  const language = metadata?.kernelspec?.language ?? metadata?.language_info?.name;
  return typeof language !== "string" || /python|^$/i.test(language) ? undefined : language;
}

/** Names that TensorFlow 2 has no longer. */
function needsTensorFlow1(source: string): boolean {
  return /\btf\.(?:placeholder|Session|InteractiveSession|contrib)\b|\btensorflow\.contrib\b/.test(source) &&
    !/\bcompat\.v1\b/.test(source);
}

async function claimsOf({ name, notebook: path }: StepDraft, notebook: Loose, text: string) {
  const file = path!.split("/").at(-1)!;
  const sources = notebook.cells.map((cell: Loose) => [cell?.source].flat().join(""));
  const isSeeded = SEEDED.test(sources.join("\n"));
  const lines = notebook.cells.flatMap((cell: Loose, index: number) =>
    linesOf(cell, `${path}, cell ${index + 1}`, isSeeded)
  );
  return await printedClaims(lines, `${name}/${file}`, text);
}

/** A look at the first rows of a table. */
const LOOK = /\.(?:head|tail|sample|info|describe)\([^()]*\)\s*;?$/;

/** What is printed is the machine and its packages. */
const TELLS_OF_MACHINE = /^\s*%(?:watermark|version_information|sysinfo)\b/m;

/** What comes with a data set of scikit-learn's: text that somebody wrote, with numbers of the data and years of papers. */
const DESCRIBES_DATA = /\.DESCR\b|\[["']DESCR["']\]/;

const SEEDED =
  /\bseed\s*\(|\bseed\s*=\s*\d|\b(?:default_rng|RandomState|Generator)\(\s*\w|\brandom_state\s*=/;

/** What draws a number: unseeded, its value is another each time. */
const DRAWS = /\brandom\.\w+\(|\brng\.\w+\(|(?<![.\w])(?:rand|randn|randint)\(/;

function linesOf(cell: Loose, found: string, isSeeded: boolean): PrintedLine[] {
  if (cell?.cell_type !== "code" || !Array.isArray(cell.outputs)) return [];
  const source = [cell.source].flat().join("").trim().split("\n").at(-1)!.trim();
  const whole = [cell.source].flat().join("");
  if (LOOK.test(source) || TELLS_OF_MACHINE.test(whole) || DESCRIBES_DATA.test(whole)) return [];
  return cell.outputs.flatMap((output: Loose) => {
    if (output?.output_type === "error" || output?.name === "stderr") return [];
    const isValue = output?.output_type === "execute_result" && (isSeeded || !DRAWS.test(source));
    const text = notebookOutputs(JSON.stringify({ cells: [{ outputs: [output] }] }));
    return withoutEstimators(text).split("\n").map((line) => ({
      text: line,
      found,
      ...(isValue && source.length <= 100 && { source }),
    }));
  });
}

function addParameters(
  draft: Draft,
  path: string,
  parameters: Record<string, { value: string | number | boolean; cell?: number }> = {},
) {
  for (const [name, { value, cell }] of Object.entries(parameters)) {
    if (draft.parameters.some((one) => one.value.name === name)) continue;
    draft.parameters.push({ value: { name, value }, found: `${path}, cell ${cell}`, certainty: "stated" });
  }
}

/** The Python that most of them were run with. */
function addPython(draft: Draft, versions: [version: string, path: string][]) {
  const counted = new Map<string, { count: number; path: string }>();
  for (const [version, path] of versions) {
    counted.set(version, {
      count: (counted.get(version)?.count ?? 0) + 1,
      path: counted.get(version)?.path ?? path,
    });
  }
  const [most] = [...counted].sort((a, b) => b[1].count - a[1].count);
  if (most) {
    draft.pythons.push({ value: most[0], found: `${most[1].path}, language_info`, certainty: "guessed" });
  }
}
