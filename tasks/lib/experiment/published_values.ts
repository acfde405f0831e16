/** Claimed values that are read from what the authors left in the repository, instead of typed copies. */

import { join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { isAllCells, ofCell } from "../sources/cells.ts";
import type { FoundValue } from "../sources/source.ts";
import { AtPath, kindOf, readFrom } from "../sources/sources.ts";
import { contradictions, printedNumbers } from "../values/cells.ts";
import { parseDecimal } from "../values/decimal.ts";
import { numberInCell } from "../values/written_number.ts";
import { countProblem } from "./claim_checks.ts";
import type { Claim, Experiment } from "./experiment.ts";
import { claimOverSeeds, publishedOverSeeds } from "./published_seeds.ts";
import { publishedSource } from "./published_source.ts";
import { runFiles } from "./run_files.ts";

/**
 * The experiment with the values that its claims name files for. A claim on all cells of a notebook becomes one for each
 * cell that printed numbers.
 *
 * @throws Failure(2) for a file or a value that is not there
 */
export async function withPublishedValues(experiment: Experiment): Promise<Experiment> {
  const { root, claims } = experiment;
  const files = runFiles(root);
  const one = async (claim: Claim) =>
    claim.published === undefined ? [claim] : await valuesOf(claim, files, experiment);
  const read = (await Promise.all(claims.map(one))).flat();
  const notebooks = new Set(claims.flatMap(({ published }) => notebookIn(published) ?? []));
  const notes = await Promise.all([...notebooks].map((path) => contradictionsIn(join(root, path), path)));
  return { ...experiment, claims: read, notes: notes.flat() };
}

type Files = ReturnType<typeof runFiles>;

async function valuesOf(claim: Claim, files: Files, experiment: Experiment): Promise<Claim[]> {
  const source = publishedSource(claim.from, claim.published!);
  try {
    if ("problem" in source) throw new Error(source.problem);
    if (claim.over !== undefined) return [claimOverSeeds(claim, await publishedOverSeeds(source, files))];
    if (isAllCells(claim.from)) {
      const cells = printedNumbers(await files.text(source.path));
      const found = cells.flatMap((texts, index) => texts.length === 0 ? [] : { cell: index + 1, texts });
      if (found.length === 0) throw new Error(`${source.path} has no cell that printed a number`);
      return found.map(({ cell, texts }) =>
        withValues(
          { ...claim, name: `${claim.name}, cell ${cell}`, from: ofCell(claim.from, cell) },
          texts.map((text) => ({ value: text, text })),
        )
      );
    }
    const { values } = await readFrom(source, files, "value").catch(async (error) => {
      // One value is looked for first; where there are more, all of them are a curve.
      return await readFrom(source, files, "list").catch(() => {
        throw error;
      });
    });
    return [withValues(claim, values, kindOf(source).isCell)];
  } catch (error) {
    const [path, cause] = error instanceof AtPath ? [`${error.path} `, error.cause] : ["", error];
    const where = `${relative(experiment.root, experiment.file)}:${claim.line}`;
    throw new Failure(
      2,
      `Cannot take the value of the claim "${claim.name}" from ${claim.published}: ${path}${
        (cause as Error).message
      } (${where})`,
    );
  }
}

function withValues(claim: Claim, values: FoundValue[], isCell = false): Claim {
  const texts = values.map(({ text }) =>
    isCell ? withoutUnit(numberInCell(text), claim.unit ?? "%") : withoutUnit(text, claim.unit)
  );
  const areNumbers = !kindOf(claim.from).isHash && texts.every((text) => parseDecimal(text) !== undefined);
  if (values.length > 1 && !areNumbers) {
    const text = texts.find((text) => parseDecimal(text) === undefined);
    throw new Error(`it has ${values.length} values there, and ${JSON.stringify(text)} is no number`);
  }
  for (const text of areNumbers && claim.of !== undefined ? texts : []) {
    const problem = countProblem(text, claim.of!);
    if (problem !== undefined) {
      throw new Error(`it must be the percentage of a count of ${claim.of}: ${problem}`);
    }
  }
  const [{ value, text }, ...others] = values as [FoundValue, ...FoundValue[]];
  if (others.length > 0) return { ...claim, value: texts.map(Number), text: texts };
  return areNumbers && typeof value !== "boolean"
    ? { ...claim, value: Number(texts[0]), text: texts[0]! }
    : { ...claim, value, text };
}

/** A cell or a match may end in the claim's unit. */
function withoutUnit(text: string, unit?: string): string {
  const trimmed = text.trim();
  return unit !== undefined && trimmed.endsWith(unit) ? trimmed.slice(0, -unit.length).trimEnd() : trimmed;
}

function notebookIn(published?: string): string | undefined {
  return /^[^#~]+\.ipynb/i.exec(published ?? "")?.[0];
}

/** Contradictions that are told; the rest is counted. */
const TOLD = 3;

async function contradictionsIn(path: string, shown: string): Promise<string[]> {
  const found = contradictions(await Deno.readTextFile(path));
  if (found.length === 0) return [];
  const lines = found.slice(0, TOLD).map(({ said, printed }) =>
    `\n  ${
      said.isCode ? `a comment in cell ${said.cell}` : `the text after cell ${said.cell}`
    }: ${said.text}` +
    `\n  the output of cell ${printed.cell}: ${printed.text}`
  );
  const more = found.length > TOLD ? `\n  and ${found.length - TOLD} more` : "";
  const times = found.length === 1 ? "one line" : `${found.length} lines`;
  return [
    `${shown}: its outputs contradict its prose in ${times}; the outputs are what is claimed${
      lines.join("")
    }${more}`,
  ];
}
