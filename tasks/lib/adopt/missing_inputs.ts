/** Files that steps read and that are not here: the script that writes them comes before, or a note says that none does. */

import { dirname, join, normalize } from "node:path/posix";
import type { Draft, Found, StepDraft } from "./draft.ts";
import type { PythonFacts } from "./python_facts.ts";
import type { Repository } from "./repository.ts";

/** More are one cause. */
const MOST_NOTES = 5;

/** Scripts that write what is missing, each before the steps, as a guess. */
export function writersOfMissing(
  repository: Repository,
  steps: Found<StepDraft>[],
  { kinds }: Draft,
  python: Map<string, PythonFacts>,
): Found<StepDraft>[] {
  const chosen = new Set(steps.flatMap(({ value }) => value.sources));
  const others = kinds.flatMap(({ steps }) => steps).filter(({ value }) =>
    value.notebook === undefined && !value.sources.some((path) => chosen.has(path)) &&
    !/^it wants|place to fill in/.test(value.doubt ?? "")
  );
  const found = new Map<string, Found<StepDraft>>();
  for (const path of missingOf(repository, steps, python)) {
    const writer = others.find(({ value }) => writesOf(value, python).some((one) => overlap(one, path)));
    if (writer !== undefined) found.set(writer.value.sources[0] ?? writer.value.name, writer);
  }
  return [...found.values()].map((step) => ({
    ...step,
    value: { ...step.value, needs: [], doubt: undefined },
    found: `${step.found}, which writes what is not here`,
    certainty: "guessed",
  }));
}

/** @param steps with their outputs */
export function missingNotes(
  repository: Repository,
  steps: Found<StepDraft>[],
  python: Map<string, PythonFacts>,
): string[] {
  const missing = [...missingOf(repository, steps, python)].filter((path) =>
    !steps.some(({ value }) => value.outputs.some((output) => overlap(output, path)))
  );
  const notes = missing.slice(0, MOST_NOTES).map((path) => {
    const reader = steps.find(({ value }) => readsOf(value, python).includes(path))!.value;
    const pointer = [path, dirname(path)].map((one) => `${one}.dvc`).find((one) => repository.has(one));
    return `"${reader.name}" reads ${path}, which is not here, and no step is seen to write it${
      pointer === undefined ? "" : `: ${pointer} says where it is, and dvc pull gets it`
    }`;
  });
  const pointed = repository.named(/\.dvc$/).map((path) => path.replace(/\.dvc$/, "")).filter((path) =>
    !isThere(join(repository.root, path)) && !missing.some((one) => overlap(one, path)) &&
    !steps.some(({ value }) => value.outputs.some((output) => overlap(output, path)))
  );
  const [first] = pointed;
  if (first !== undefined) {
    const others = pointed.length === 1 ? "" : `, and ${pointed.length - 1} more,`;
    notes.push(`${first}${others} is not here: ${first}.dvc says where it is, and dvc pull gets it`);
  }
  const more = missing.length - MOST_NOTES;
  return more > 0 ? [...notes, `… and ${more} more files that are read are not here`] : notes;
}

function missingOf(
  repository: Repository,
  steps: Found<StepDraft>[],
  python: Map<string, PythonFacts>,
): Set<string> {
  const read = steps.flatMap(({ value }) => readsOf(value, python));
  return new Set(read.filter((path) => !isThere(join(repository.root, path))));
}

/** Files of the repository, as far as they are written in the source. */
function readsOf(step: StepDraft, python: Map<string, PythonFacts>): string[] {
  const paths = step.notebook === undefined
    ? step.reads
    : (python.get(step.notebook)?.reads ?? []).map(({ path }) => join(dirname(step.notebook!), path));
  return paths.map((path) => normalize(path)).filter(isPlain);
}

function writesOf(step: StepDraft, python: Map<string, PythonFacts>): string[] {
  const own = (python.get(step.sources[0] ?? "")?.writes ?? []).map(({ path }) => join(step.cwd ?? "", path));
  return [...step.outputs, ...own].map((path) => normalize(path)).filter(isPlain);
}

function isPlain(path: string): boolean {
  return !/^(?:\.\.?(?:\/|$)|\/|~)|[a-z]+:|[*?{}[\]<>$%]/.test(path);
}

function overlap(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
