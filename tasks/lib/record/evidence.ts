/** The record of a run: what was asked, on what machine, what ran, and what came out. */

import { basename, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { ENGINE_NAMES, type EngineName } from "../experiment/engine_name.ts";
import { exists, inParallel, listFiles, sha256, sha256File, writeJson } from "../system/files.ts";
import { checkRegular, Folder, IrregularFile, readTextIfThere } from "../system/regular_file.ts";
import { checkRecord, parseJson, refuseLong } from "../system/records.ts";
import type { Evidence, Output, StepEvidence } from "./evidence_schema.ts";

export type {
  Attempt,
  Evidence,
  Output,
  Recorded,
  RunStatus,
  StepEvidence,
  StepStatus,
  UsedData,
} from "./evidence_schema.ts";

/** Version of evidence.json. */
export const EVIDENCE_SCHEMA = 1;

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

/** Writes evidence.json in one move: who reads it meanwhile has the old one or the new one, never half of one. */
export async function writeEvidence(directory: string, evidence: Evidence): Promise<void> {
  await writeJson(evidencePath(directory), evidence);
}

/** @throws Failure(2) if the folder holds no evidence, or evidence that this version cannot read; with the field. */
export async function readEvidence(directory: string): Promise<Evidence> {
  const path = evidencePath(directory);
  const text = await readTextIfThere(path, { within: new Folder(directory) });
  if (text === undefined) {
    const isSweep = await exists(join(directory, "sweep.json"));
    throw new Failure(2, `${directory} is not a run folder: it holds no ${FILE}`, {
      ...(isSweep && {
        remedy: `It is a sweep: deno task sweep --show --id ${
          basename(directory)
        } checks it; each folder in it is a run`,
      }),
    });
  }
  const value = parseJson(text, path) as Partial<Evidence> | null;
  if (typeof value?.schema === "number" && value.schema > EVIDENCE_SCHEMA) {
    throw new Failure(
      2,
      `${path} was written by a newer version (schema ${value.schema}, known ${EVIDENCE_SCHEMA})`,
      { remedy: "Update this project, then try again" },
    );
  }
  refuseLong({ steps: value?.steps, attempts: value?.attempts }, path, "the evidence of a run");
  const { evidenceSchema } = await import("./evidence_schema.ts");
  return checkRecord(value, path, evidenceSchema, "the evidence of a run");
}

/**
 * The engine of a run; undefined where there is no evidence that can be read. It is not checked further: to load the
 * schema of all evidence takes as long as all else that a plan does with earlier runs.
 */
export async function engineOfRun(directory: string): Promise<EngineName | undefined> {
  try {
    const path = evidencePath(directory);
    const text = await readTextIfThere(path, { within: new Folder(directory) });
    const { schema, engine } = parseJson(text ?? "{}", path) as Partial<Evidence>;
    return schema === EVIDENCE_SCHEMA ? ENGINE_NAMES.find((name) => name === engine?.name) : undefined;
  } catch {
    return undefined;
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
  const within = new Folder(folder);
  const altered = await inParallel(
    step.outputs ?? [],
    (output) => findAlteration(join(folder, output.path), `${name}/${output.path}`, output, within),
  );
  return altered.filter((what) => what !== undefined);
}

/**
 * What is another about a file than was recorded, if anything.
 *
 * @param shown how the file is called in what is returned
 * @param within the folder that it must be in; what a link leads to elsewhere is never read
 */
export async function findAlteration(
  path: string,
  shown: string,
  { sha256, link, bytes }: Partial<Pick<Output, "sha256" | "link" | "bytes">>,
  within: Folder,
): Promise<string | undefined> {
  if (link !== undefined) {
    const found = await Deno.readLink(path).catch(() => undefined);
    return found === link ? undefined : `${shown}: another link than recorded`;
  }
  try {
    const size = checkRegular(path, { within });
    const isSame = size === (bytes ?? size) && await sha256File(path, size) === sha256;
    return isSame ? undefined : `${shown}: other bytes than recorded`;
  } catch (error) {
    const why = error instanceof IrregularFile ? `now it ${error.problem}` : "not there any more";
    return `${shown}: recorded, and ${why}`;
  }
}
