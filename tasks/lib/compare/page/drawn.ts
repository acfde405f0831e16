/** What the page of a comparison shows beside the comparison: whole curves, pictures of samples, recorded verdicts. */

import { dirname, join } from "node:path";
import { readExperiment } from "../../experiment/read.ts";
import type { Evidence } from "../../record/evidence.ts";
import type { FoundRun } from "../../record/run_folder.ts";
import { type Check, readVerdict } from "../../record/verdict.ts";
import { readSteps, type StepData } from "../../report/report_data.ts";
import { callerFolder } from "../../system/project_root.ts";
import { Folder, readRegular } from "../../system/regular_file.ts";
import { insideProblem } from "../../values/relative_path.ts";
import type { Comparison } from "../compare_runs.ts";

/** How much of a large comparison a page shows; `--json` has all. */
export interface Limits {
  /** Rows of a table. */
  rows: number;
  /** Characters of a text from the records. */
  text: number;
  pictures: boolean;
}

export interface Drawn {
  a: DrawnSide;
  b: DrawnSide;
  /** Pictures as `data:` addresses, by {@link pictureKey}. */
  pictures: Map<string, string>;
}

/** What is drawn of one run. */
export interface DrawnSide {
  evidence: Evidence;
  steps: StepData[];
  /** As they were recorded; none for a run that was not judged. */
  checks: readonly Check[];
}

/** Bytes of a picture, and of all pictures, that a page has place for. */
const LARGEST_PICTURE = 200e3;

const MOST_BYTES = 500e3;

/** Reads both run folders again; a picture that is missing or too large is left out. */
export async function gatherDrawn(comparison: Comparison, a: FoundRun, b: FoundRun): Promise<Drawn> {
  const [sideA, sideB, pictures] = await Promise.all([
    drawSide(a),
    drawSide(b),
    readPictures(comparison, [a.directory, b.directory]),
  ]);
  return { a: sideA, b: sideB, pictures };
}

async function drawSide({ directory, evidence }: FoundRun): Promise<DrawnSide> {
  const [steps, verdict] = await Promise.all([readSteps(directory, evidence), readVerdict(directory)]);
  return { evidence, steps, checks: verdict?.checks ?? [] };
}

/** A table names its pictures from where it lies. */
export function pictureKey(file: string, picture: string): string {
  return `${file} ${picture}`;
}

async function readPictures(comparison: Comparison, runs: string[]): Promise<Map<string, string>> {
  const wanted = comparison.files.differing.flatMap(({ path, detail }) =>
    detail.kind !== "values"
      ? []
      : detail.deviations.flatMap(({ flipped = [] }) =>
        flipped.flatMap(({ picture }) =>
          picture === undefined ? [] : [{ path, picture, key: pictureKey(path, picture) }]
        )
      )
  );
  const found = new Map<string, string>();
  if (wanted.length === 0) return found;
  const own = await ownFolders(comparison.b.experiment);
  let bytes = 0;
  for (const { path, picture, key } of wanted) {
    if (found.has(key) || bytes > MOST_BYTES) continue;
    const beside = runs.flatMap((run) => [join(run, dirname(path)), join(run, path.split("/")[0]!)]);
    const image = await readPicture([...beside, ...own], picture);
    if (image === undefined) continue;
    bytes += image.length;
    found.set(key, image);
  }
  return found;
}

/** The caller's own project and its data; what a run folder names elsewhere on this machine is not looked at. */
async function ownFolders(name: string): Promise<string[]> {
  const experiment = await readExperiment(name, callerFolder()).catch(() => undefined);
  if (experiment === undefined) return [];
  const { root, data } = experiment;
  return [root, ...Object.values(data).map(({ to }) => join(root, to))];
}

async function readPicture(folders: readonly string[], picture: string): Promise<string | undefined> {
  if (insideProblem(picture) !== undefined) return undefined;
  for (const folder of folders) {
    try {
      const reading = { within: new Folder(folder), most: LARGEST_PICTURE };
      const bytes = await readRegular(join(folder, picture), reading);
      const type = mediaTypeOf(bytes);
      if (type !== undefined) return `data:${type};base64,${bytes.toBase64()}`;
    } catch {
      // not here
    }
  }
}

/** By their first bytes: what a file is called does not make it a picture. */
const BEGINNINGS: [mediaType: string, pattern: RegExp][] = [
  ["image/png", /^\x89PNG\r\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/gif", /^GIF8[79]a/],
  ["image/webp", /^RIFF....WEBP/s],
  ["image/bmp", /^BM/],
];

function mediaTypeOf(bytes: Uint8Array): string | undefined {
  const beginning = String.fromCharCode(...bytes.subarray(0, 12));
  return BEGINNINGS.find(([, pattern]) => pattern.test(beginning))?.[0];
}
