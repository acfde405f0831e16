/** What stands where the claims of a run say that their values are. */

import type { Claim, Experiment } from "../experiment/experiment.ts";
import type { StepEvidence } from "../record/evidence.ts";
import { publishedPath } from "../record/run_folder.ts";
import type { RunFiles } from "../sources/source.ts";
import { formatSource, kindOf } from "../sources/sources.ts";
import { type Observation, readSource, runFiles } from "./read_value.ts";

/** Of the evidence: which files each step left. */
type Left = { steps: Record<string, Pick<StepEvidence, "outputs" | "untouched">> };

/** Reads the claimed values; only files that the step left count, not what was put beside them later. */
export async function observe(
  { claims }: Pick<Experiment, "claims">,
  directory: string,
  evidence: Left,
  files = runFiles(directory),
): Promise<Map<string, Observation>> {
  const pairs = claims.map(async (claim): Promise<[string, Observation]> => {
    const { name, from, value } = claim;
    const observation = await readSource(from, files, Array.isArray(value) ? "list" : "value");
    const { path = from.path } = observation.found ? observation : {};
    const distance = await distanceOf(claim, observation, files, directory);
    const inStep = path.slice(from.step.length + 1);
    if (evidence.steps[from.step]?.untouched?.includes(inStep)) {
      const reason = `${inStep} was there before and was not written: it is not computed in this run`;
      return [name, { found: false, looked: formatSource(from), reason }];
    }
    if (!observation.found || wasRecorded(path, from.step, evidence)) {
      return [name, distance === undefined ? observation : { ...observation, distance } as Observation];
    }
    return [name, {
      found: false,
      looked: formatSource(from),
      reason: `${path} was not made by the run`,
    }];
  });
  return new Map(await Promise.all(pairs));
}

/** How far a figure is from the published one, where that matters. */
async function distanceOf(
  { from, text, tolerance }: Claim,
  observation: Observation,
  files: RunFiles,
  directory: string,
): Promise<number | string | undefined> {
  const kind = kindOf(from);
  const isOther = observation.found && "text" in observation && observation.text !== text;
  if (kind.distance === undefined || tolerance.length === 0 || !isOther) return undefined;
  const reference = { path: publishedPath(directory, String(text)), value: String(text) };
  const path = observation.path ?? from.path;
  return await kind.distance({ ...from, path }, files, reference).catch((error) =>
    `it can't be compared with the published figure: ${(error as Error).message}`
  );
}

function wasRecorded(file: string, step: string, evidence: Left): boolean {
  if (!file.startsWith(`${step}/`)) return true; // the log is the runner's own
  const outputs = evidence.steps[step]?.outputs ?? [];
  return outputs.some(({ path }) => `${step}/${path}` === file);
}
