/** The record of a run: what was asked, on what machine, what ran, and what came out. */

import { join } from "node:path";
import type { Code } from "./code.ts";
import { Failure } from "./failure.ts";
import { type Entry, listFiles, sha256File, writeJson } from "./files.ts";
import type { Host } from "./host.ts";
import type { Need, Plan } from "./plan.ts";

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
  attempts: Attempt[];
  experiment: { name: string; title?: string; sha256: string };
  engine: Plan["engine"];
  host: Host;
  environment: { python?: string; lockSha256?: string; gpus: string };
  parameters: Plan["parameters"];
  changed: string[];
  code: Code;
  /** Environment variables that numerics depend on; never others. */
  variables: Record<string, string>;
  steps: Record<string, StepEvidence>;
}

export interface Attempt {
  started: string;
  ended?: string;
  status: RunStatus;
  host: string;
  pid: number;
  /** Why it ended early, or what changed since the attempt before. */
  because?: string;
}

export interface StepEvidence {
  status: StepStatus;
  argv: string[];
  command: string[];
  /** SHA-256 over all that determines the step's result; equal means that it need not run again. */
  fingerprint: string;
  needs: Record<string, Need & { sha256: string }>;
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

export function recordVariables(added: Record<string, string>): Record<string, string> {
  const all = VARIABLES.map((name) => [name, added[name] ?? Deno.env.get(name)] as const);
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
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
    throw new Failure(2, `${directory} is no run folder: it holds no ${FILE}`);
  });
  const evidence = parseJson(text, path) as Evidence;
  if (typeof evidence.schema !== "number" || typeof evidence.steps !== "object") {
    throw new Failure(2, `${path} is no evidence of a run: it has no schema and steps`);
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
  const outputs: Output[] = [];
  for (const entry of entries) {
    outputs.push(
      entry.link === undefined ? { ...entry, sha256: await sha256File(join(folder, entry.path)) } : entry,
    );
  }
  return outputs;
}

/** What was altered since it was recorded, e.g. `train/metrics.json: other bytes than recorded`. */
export async function findAlterations(directory: string, evidence: Evidence): Promise<string[]> {
  const altered: string[] = [];
  for (const [name, step] of Object.entries(evidence.steps)) {
    for (const output of step.outputs ?? []) {
      if (output.sha256 === undefined) continue;
      const path = join(directory, name, output.path);
      const found = await sha256File(path).catch(() => undefined);
      if (found === undefined) altered.push(`${name}/${output.path}: recorded, and not there any more`);
      else if (found !== output.sha256) altered.push(`${name}/${output.path}: other bytes than recorded`);
    }
  }
  return altered;
}
