/** What a report shows beside the verdict, read from the run folder and from `published/`. */

import { basename, dirname, join } from "node:path";
import { findExperiment } from "../experiment/find.ts";
import { insideProblem } from "../values/relative_path.ts";
import { type Evidence, readEvidence } from "../record/evidence.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { callerFolder } from "../system/project_root.ts";
import { Folder, readRegular } from "../system/regular_file.ts";
import type { Judged } from "../verdict/judge.ts";
import { type Curve, curvesInCsv, curvesInJson } from "./curves.ts";
import { type Prediction, predictionsInJson } from "./predictions.ts";

/** What a step left that can be drawn. */
export interface StepData {
  name: string;
  /** File that the curves are from, relative to the step's folder. */
  curvesFile?: string;
  curves: Curve[];
  predictions?: Prediction[];
  image?: Image;
}

/** A picture that a step left, small enough to be put into the page. */
export interface Image {
  path: string;
  mediaType: string;
  base64: string;
}

export interface ReportData {
  judged: Judged;
  evidence: Evidence;
  directory: string;
  steps: StepData[];
  /** The authors' own run, if it is at hand. */
  published?: { evidence: Evidence; steps: StepData[] };
}

/** Where a step leaves its curves; the first that holds some is drawn. */
export const CURVE_FILES = ["metrics.json", "history.csv"] as const;

/** Bytes of a file of results that are read for a report. */
const LARGEST_TEXT = 64e6;

/** Bytes of a picture that a page of at most 1 MB can hold. */
const LARGEST_IMAGE = 400e3;

/** Reads all that can be shown; a file that is not there, or not what its name says, is not shown. */
export async function gatherReportData(
  { directory, evidence }: FoundRun,
  judged: Judged,
): Promise<ReportData> {
  const published = await findPublished(judged.plan.experiment.file, evidence);
  return {
    judged,
    evidence,
    directory,
    steps: await readSteps(directory, evidence),
    published: published && {
      evidence: published.evidence,
      steps: await readSteps(published.directory, published.evidence),
    },
  };
}

/** `published/` stands beside experiment.yaml; for a run of another machine, beside the caller's of that name. */
async function findPublished(
  file: string,
  { experiment }: Evidence,
): Promise<{ directory: string; evidence: Evidence } | undefined> {
  const own = await findExperiment(undefined, callerFolder()).catch(() => undefined);
  const named = await findExperiment(experiment.name, callerFolder()).catch(() => undefined);
  for (const candidate of [file, named, own]) {
    if (candidate === undefined) continue;
    const directory = join(dirname(candidate), "published");
    const evidence = await readEvidence(directory).catch(() => undefined);
    if (evidence?.experiment?.name === experiment.name) return { directory, evidence };
  }
}

/** What of each step can be drawn. */
export async function readSteps(directory: string, evidence: Evidence): Promise<StepData[]> {
  return await Promise.all(
    Object.entries(evidence.steps).map(async ([name, { outputs = [] }]) => {
      const paths = outputs.filter(({ link }) => link === undefined).map(({ path }) => path);
      return await readStep(directory, name, paths);
    }),
  );
}

/** @param paths of the step's recorded outputs: what was put beside them later is not shown */
async function readStep(directory: string, name: string, paths: string[]): Promise<StepData> {
  const read = async (path: string, limit: number) =>
    paths.includes(path) ? await readInside(directory, `${name}/${path}`, limit) : undefined;
  const text = async <T>(path: string, parse: (text: string) => T): Promise<T | undefined> => {
    const bytes = await read(path, LARGEST_TEXT);
    try {
      return bytes && parse(new TextDecoder().decode(bytes));
    } catch {
      return undefined; // not what its name says
    }
  };
  const [metrics = [], history = [], predictions] = await Promise.all([
    text(CURVE_FILES[0], curvesInJson),
    text(CURVE_FILES[1], curvesInCsv),
    text("predictions.json", predictionsInJson),
  ]);
  const [curvesFile, curves] = metrics.length > 0 ? [CURVE_FILES[0], metrics] : [CURVE_FILES[1], history];
  const png = paths.find((path) => basename(path) === "predictions.png");
  const image = png && toImage(png, await read(png, LARGEST_IMAGE));
  return { name, ...(curves.length > 0 && { curvesFile }), curves, predictions, image: image || undefined };
}

/** A file's bytes, if it lies inside the folder (links followed) and is not too large. */
async function readInside(directory: string, path: string, limit: number): Promise<Uint8Array | undefined> {
  if (insideProblem(path) !== undefined) return undefined;
  try {
    return await readRegular(join(directory, path), { within: new Folder(directory), most: limit });
  } catch {
    return undefined;
  }
}

const PNG = [0x89, 0x50, 0x4e, 0x47];

function toImage(path: string, bytes: Uint8Array | undefined): Image | undefined {
  if (bytes === undefined || !PNG.every((byte, index) => bytes[index] === byte)) return undefined;
  return { path, mediaType: "image/png", base64: bytes.toBase64() };
}
