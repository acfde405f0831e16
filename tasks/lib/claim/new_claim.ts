/** A claim that is not in experiment.yaml yet, from what a run has at its source. */

import { Failure } from "../cli/failure.ts";
import { didYouMean } from "../cli/suggest.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { SOURCE_KINDS } from "../sources/kinds.ts";
import type { ClaimSource } from "../sources/source.ts";
import { checkSource, kindOf, parseSource } from "../sources/sources.ts";
import { shellQuote } from "../system/command.ts";
import { readRegularText } from "../system/regular_file.ts";
import { readSource, runFiles } from "../verdict/read_value.ts";
import { claimedText, valuesOf } from "./values.ts";
import type { NewMapping, NewValue } from "./yaml_edit.ts";

export interface NewClaim {
  from: string;
  name?: string;
  /** A whole number, as text. */
  of?: string;
  unit?: string;
}

/** @throws Failure(2) if nothing that can be claimed is there */
export async function newClaim(
  { from, name, of, unit }: NewClaim,
  run: FoundRun,
  steps: string[],
): Promise<NewMapping> {
  const source = parseSource(from);
  if ("problem" in source) throw new Failure(2, `--add ${source.problem}, current value is "${from}"`);
  if (!steps.includes(source.step)) {
    const hint = didYouMean(source.step, steps) || `, the steps are ${steps.join(", ")}`;
    throw new Failure(2, `--add must begin with a step, "${source.step}" is not a step${hint}`);
  }
  const count = of === undefined ? undefined : Number(of);
  if (count !== undefined && !(Number.isSafeInteger(count) && count > 0)) {
    throw new Failure(2, `--of must be a positive whole number, current value is "${of}"`);
  }
  return {
    name: name ?? from,
    from,
    value: await valueAt(source, run, { unit, of: count }),
    unit,
    of: count,
  };
}

async function valueAt(
  from: ClaimSource,
  { directory, id }: FoundRun,
  claim: { unit?: string; of?: number },
): Promise<NewValue> {
  const files = runFiles(directory);
  const kind = kindOf(from);
  // A list is looked for where one value can't be claimed, or is not there.
  const one = checkSource(from, 0)?.field === "from" ? undefined : await readSource(from, files);
  const observation = one?.found ? one : await readSource(from, files, "list");
  const values = valuesOf(observation.found ? observation : one ?? observation);
  if (typeof values === "string") throw new Failure(2, `${id} has nothing to claim there: ${values}`);
  const texts = values.map((found) => {
    // A cell or match is a number if it reads as one.
    const types = kind.isText ? [0, ""] : [found.value];
    const tried = types.map((value) => claimedText(found, { from, value, ...claim }) ?? found.text);
    const claimed = tried.find((text) => !isProblem(text)) ?? tried[0]!;
    if (isProblem(claimed)) throw new Failure(2, `Cannot claim ${found.text} of ${id}: ${claimed.problem}`);
    return claimed;
  });
  return "list" in observation ? texts : texts[0]!;
}

function isProblem(text: ReturnType<typeof claimedText>): text is { problem: string } {
  return typeof text === "object" && "problem" in text;
}

/** What to say to an experiment without claims: what there is to claim. */
export async function nothingClaimed({ directory, evidence }: FoundRun): Promise<string> {
  const files = Object.entries(evidence.steps).flatMap(([step, { outputs = [] }]) =>
    outputs.filter(({ bytes }) => bytes < LARGEST_READ).map(({ path }) => `${step}/${path}`)
  );
  const found = await Promise.all(files.map(async (path) => await sourcesIn(path, `${directory}/${path}`)));
  const sources = found.flat();
  if (sources.length === 0) return "The experiment makes no claims yet, --add FROM adds one";
  const shown = sources.slice(0, 10).map((source) => `\n  --add ${shellQuote([source])}`).join("");
  const more = sources.length > 10 ? `\n  and ${sources.length - 10} more` : "";
  return `The experiment makes no claims yet. What this run has to claim:${shown}${more}`;
}

/** Bytes; what is looked through for values is small. */
const LARGEST_READ = 1_000_000;

/** As they are written in experiment.yaml. */
async function sourcesIn(path: string, file: string): Promise<string[]> {
  try {
    const text = () => readRegularText(file);
    const places = await Promise.all(SOURCE_KINDS.map((kind) => kind.suggest?.(path, text) ?? []));
    return places.flat().map((place) => path + place);
  } catch {
    return []; // it is shown as a help, and is no result of its own
  }
}
