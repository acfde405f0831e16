/** The record of a run: what was asked, on what machine, what ran, and what came out. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Need, Plan, PlannedImage } from "../plan/plan.ts";
import { type Entry, inParallel, listFiles, sha256, sha256File, writeJson } from "../system/files.ts";
import type { Host } from "../system/host.ts";
import type { Code } from "./code.ts";

export const EVIDENCE_SCHEMA = 1;

/** `running` in a record whose runner is gone means that it was killed. */
export type RunStatus = "planned" | "running" | "done" | "failed" | "interrupted";

export type StepStatus = RunStatus | "reused" | "not run";

export interface Evidence {
  schema: number;
  run: string;
  task: string;
  status: RunStatus;
  /** ISO 8601, UTC, as every time here. */
  created: string;
  ended?: string;
  experiment: { name: string; title?: string };
  /** SHA-256 of plan.json, which holds the claims that the run is judged by. */
  planSha256: string;
  engine: Plan["engine"];
  parameters: Plan["parameters"];
  /** What is not as the authors declared it. */
  changed: string[];
  /** Nothing but the values of declared parameters was changed. */
  onlyParameters: boolean;
  /** A run that was taken up again has more than one; each step says in which it ran. */
  attempts: Attempt[];
  steps: Record<string, StepEvidence>;
}

/** Under which conditions the steps of an attempt ran, and how it ended. */
export interface Attempt {
  started: string;
  ended?: string;
  status: RunStatus;
  pid: number;
  /** Why it ended early. */
  because?: string;
  /** What differs from the attempt before. */
  differs?: string[];
  host: Host;
  environment: {
    python: string;
    pythonVersion?: string;
    lockSha256?: string;
    gpus: string;
    /** What the steps' containers were made from. */
    image?: PlannedImage;
  };
  /** Environment variables that numerics depend on; never others. */
  variables: Record<string, string>;
  code: Code;
}

export interface StepEvidence {
  status: StepStatus;
  argv: string[];
  command: string[];
  /** Index of the attempt it ran in. */
  attempt: number;
  /** SHA-256 over all that determines the step's result; equal means that it need not run again. Empty: never equal. */
  fingerprint: string;
  /** Hashes of the files in `inputs:` by path; a step without it reads all of the attempt's code. */
  inputs?: Record<string, string>;
  /** Source files that were edited while the run was under way, so that what ran is not what was recorded at first. */
  edited?: string[];
  needs: Record<string, Need & { sha256: string }>;
  /** Data that were fetched, as they were when the run was planned; absent where the step reads none. */
  data?: Record<string, UsedData>;
  started?: string;
  ended?: string;
  seconds?: number;
  exitCode?: number;
  signal?: string;
  /** What went wrong, in a sentence. */
  problem?: string;
  /** Run whose outputs were copied instead of running the step again. */
  reusedFrom?: string;
  outputs?: Output[];
  /** What the step itself recorded: resources, package versions, framework settings. */
  recorded?: Record<string, unknown>;
}

export interface UsedData {
  /** What the step was told, absolute. */
  path: string;
  /** Of the file or archive. */
  sha256: string;
  /** Over paths and bytes of what the archive was unpacked to. */
  treeSha256?: string;
  /** Of the file or archive. */
  bytes?: number;
  /** Address or path that it is from. */
  source?: string;
}

export interface Output extends Entry {
  /** SHA-256 of the bytes; a link has none. */
  sha256?: string;
}

/** Variables that may explain a different result; nothing else of the environment is recorded. */
const VARIABLES = [
  "CUDA_VISIBLE_DEVICES",
  "CUBLAS_WORKSPACE_CONFIG",
  "NVIDIA_TF32_OVERRIDE",
  "OMP_NUM_THREADS",
  "MKL_NUM_THREADS",
  "MKL_ENABLE_INSTRUCTIONS",
  "MKL_CBWR",
  "OPENBLAS_NUM_THREADS",
  "OPENBLAS_CORETYPE",
  "ATEN_CPU_CAPABILITY",
  "ONEDNN_MAX_CPU_ISA",
  "DNNL_MAX_CPU_ISA",
  "PYTHONHASHSEED",
  "TF_DETERMINISTIC_OPS",
  "TF_ENABLE_ONEDNN_OPTS",
  "XLA_FLAGS",
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
  "LANG",
  "TZ",
];

/** @param inherited the steps get this process's own variables, too: they do unless they run in a container. */
export function recordVariables(added: Record<string, string>, inherited = true): Record<string, string> {
  const all = VARIABLES.map((name) =>
    [name, added[name] ?? (inherited ? Deno.env.get(name) : undefined)] as const
  );
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** This process's variables that a container gets, too; paths of this machine would mean nothing there. */
export function variablesForContainers(): Record<string, string> {
  const { LD_PRELOAD: _, LD_LIBRARY_PATH: _path, LANG: _lang, ...others } = recordVariables({});
  return others;
}

const FILE = "evidence.json";

export function evidencePath(directory: string): string {
  return join(directory, FILE);
}

export async function writeEvidence(directory: string, evidence: Evidence): Promise<void> {
  await writeJson(evidencePath(directory), evidence);
}

/** @throws Failure(2) if the folder holds no evidence, or evidence that this version cannot read. */
export async function readEvidence(directory: string): Promise<Evidence> {
  const path = evidencePath(directory);
  const text = await Deno.readTextFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    throw new Failure(2, `${directory} is not a run folder: it holds no ${FILE}`);
  });
  const evidence = parseJson(text, path) as Evidence;
  if (typeof evidence?.schema !== "number") {
    throw new Failure(2, `${path} is not the evidence of a run: it has no schema`);
  }
  if (evidence.schema > EVIDENCE_SCHEMA) {
    throw new Failure(
      2,
      `${path} was written by a newer version (schema ${evidence.schema}, known ${EVIDENCE_SCHEMA})`,
      {
        remedy: "Update this project, then try again",
      },
    );
  }
  if (typeof evidence.steps !== "object" || evidence.steps === null || !Array.isArray(evidence.attempts)) {
    throw new Failure(2, `${path} is not the evidence of a run: it has no attempts and steps`);
  }
  return evidence;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(2, `${path} is not JSON: ${(error as Error).message}`);
  }
}

/** Every file below a step's folder with its hash; the step's own record is not an output. */
export async function recordOutputs(folder: string): Promise<Output[]> {
  const entries = await listFiles(folder, (path) => path === "step.json" || path.startsWith(".step.json"));
  return await inParallel(
    entries,
    async (entry) =>
      entry.link === undefined ? { ...entry, sha256: await sha256File(join(folder, entry.path)) } : entry,
  );
}

/** One hash for all outputs of a step. */
export function hashOutputs(outputs: Output[]): string {
  return sha256(JSON.stringify(outputs.map(({ path, sha256, link }) => [path, sha256 ?? link])));
}

/** What of a step's outputs was altered since, e.g. `train/metrics.json: other bytes than recorded`. */
export async function findAlteredOutputs(
  folder: string,
  name: string,
  step: StepEvidence,
): Promise<string[]> {
  const altered = await inParallel(
    step.outputs ?? [],
    (output) => findAlteration(join(folder, output.path), `${name}/${output.path}`, output),
  );
  return altered.filter((what) => what !== undefined);
}

/**
 * What is another about a file than was recorded, if anything.
 *
 * @param shown how the file is called in what is returned
 */
export async function findAlteration(
  path: string,
  shown: string,
  { sha256, link }: Pick<Output, "sha256" | "link">,
): Promise<string | undefined> {
  if (link !== undefined) {
    const found = await Deno.readLink(path).catch(() => undefined);
    return found === link ? undefined : `${shown}: another link than recorded`;
  }
  const found = await sha256File(path).catch(() => undefined);
  if (found === undefined) return `${shown}: recorded, and not there any more`;
  return found === sha256 ? undefined : `${shown}: other bytes than recorded`;
}
