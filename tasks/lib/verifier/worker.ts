/** The page's worker: it judges the run folder that was dropped with the code that `deno task verify` runs. */

import { type Dropped, DroppedFiles, RUN } from "./dropped_files.ts";
import { checkSshSignature, type SignatureFinding } from "./ssh_signature.ts";
import type { Check } from "../record/verdict.ts";
import { prepare } from "./sha256.ts";
import { readZip } from "./zip_blobs.ts";

/** What the page sends: files with their paths, or one zip. */
export interface Question {
  files: [path: string, file: Blob][];
}

/** What the page gets, at last. */
export type Answer =
  | { kind: "progress"; done: number; of: number }
  | { kind: "problem"; message: string }
  | { kind: "finding"; finding: Finding };

export interface Finding {
  experiment: string;
  run: string;
  status: string;
  ended?: string;
  commit?: string;
  /** As `deno task verify` judges it. */
  holds: boolean;
  checks: Check[];
  /** What a reviewer would ask about, e.g. `The step train opened published/metrics.json, …`. */
  remarks: string[];
  /** What is not as it was when the run ended. */
  altered: string[];
  /** Claims whose verdict is another than the recorded one, each with both. */
  otherVerdicts: string[];
  /** Links that a browser does not see in a folder: nobody looked at them. */
  unseenLinks: string[];
  signature: SignatureFinding;
  files: number;
  bytes: number;
  seconds: number;
}

/** A zip is not unpacked into more than so many times its size, and this (bytes): it would be made to fill the memory. */
const MOST_TIMES = 200;
const ALWAYS_ALLOWED = 1e9;

const scope = globalThis as unknown as {
  onmessage: (event: { data: Question }) => void;
  postMessage: (answer: Answer) => void;
  Deno: unknown;
};

scope.onmessage = async ({ data: { files } }) => {
  try {
    scope.postMessage({ kind: "finding", finding: await judge(await opened(files)) });
  } catch (error) {
    scope.postMessage({ kind: "problem", message: error instanceof Error ? error.message : String(error) });
  }
};

type Files = [path: string, file: Dropped][];

/** What lies beside evidence.json, and below. */
async function opened(files: [string, Blob][]): Promise<Files> {
  const [[name, only] = ["", undefined]] = files;
  const all: Files = files.length === 1 && only !== undefined && /\.zip$/i.test(name)
    ? await unpacked(only)
    : files;
  const roots = all.flatMap(([path]) => /^(.*\/|)evidence\.json$/.exec(path)?.[1] ?? []);
  const [root] = roots.sort((one, two) => one.length - two.length);
  if (root === undefined) {
    throw new Error(
      "No run is in it: there is no evidence.json. Drop a run folder (runs/NAME/ID) or a crate (.zip)",
    );
  }
  return all.filter(([path]) => path.startsWith(root)).map(([path, file]) => [path.slice(root.length), file]);
}

async function unpacked(zip: Blob): Promise<Files> {
  const entries = await readZip(zip).catch((error: Error) => {
    throw new Error(`The zip can't be read: ${error.message}`);
  });
  const size = entries.reduce((sum, { size }) => sum + size, 0);
  if (size > Math.max(ALWAYS_ALLOWED, zip.size * MOST_TIMES)) {
    throw new Error(
      `The zip would become ${size} bytes, more than ${MOST_TIMES} times its size: it is not unpacked`,
    );
  }
  const files: Files = [];
  for (const { path, mode, blob } of entries) {
    if (!isBelow(path)) throw new Error(`The zip holds ${path}, a path that leaves it`);
    const file = await blob();
    files.push([path, isLink(mode) ? { link: await file.text() } : file]);
  }
  return files;
}

function isBelow(path: string): boolean {
  return !path.startsWith("/") && !path.includes("\\") && !path.split("/").includes("..");
}

function isLink(mode: number): boolean {
  return (mode & 0o170000) === 0o120000;
}

async function judge(files: Files): Promise<Finding> {
  const started = performance.now();
  await prepare();
  const unseen = await unseenLinks(files);
  scope.Deno = new DroppedFiles([...files, ...unseen]).asDeno();
  const [{ judgeRun }, { readEvidence }, { readVerdict }, signatures] = await Promise.all([
    import("../verdict/judge.ts"),
    import("../record/evidence.ts"),
    import("../record/verdict.ts"),
    import("../record/signature.ts"),
  ]);
  const evidence = await readEvidence(RUN);
  const { verdict, experiment } = await judgeRun({ id: evidence.run, directory: RUN, evidence });
  const recorded = await readVerdict(RUN).catch(() => undefined);
  const code = evidence.attempts.at(-1)?.code;
  return {
    experiment: experiment.title ?? experiment.name,
    run: evidence.run,
    status: evidence.status,
    ended: evidence.ended,
    commit: code?.commit,
    holds: verdict.holds,
    checks: verdict.checks,
    remarks: (verdict.remarks ?? []).map(({ step, remark }) => `The step ${step} ${remark}`),
    altered: verdict.altered,
    otherVerdicts: otherVerdicts(recorded?.checks ?? [], verdict.checks),
    unseenLinks: unseen.map(([path]) => path),
    signature: await signatureOf(signatures),
    files: files.length,
    bytes: files.reduce((sum, [, file]) => sum + (file instanceof Blob ? file.size : 0), 0),
    seconds: (performance.now() - started) / 1000,
  };
}

async function signatureOf(
  { NAMESPACE, readEnvelope, readSigned }: typeof import("../record/signature.ts"),
): Promise<SignatureFinding> {
  try {
    const found = await readSigned(RUN) ?? await readEnvelope(RUN);
    if (found === undefined) return { detail: "not signed" };
    if ("problem" in found && found.problem !== undefined) {
      return { good: false, detail: `no signature of this receipt: ${found.problem}` };
    }
    return await checkSshSignature(found.signature, found.signed, NAMESPACE);
  } catch (error) {
    return { good: false, detail: `no signature of this receipt: ${(error as Error).message}` };
  }
}

/** Links that are recorded and not there: a browser leaves them out of a folder. */
async function unseenLinks(files: Files): Promise<Files> {
  const there = new Map(files);
  const evidence = there.get("evidence.json");
  if (!(evidence instanceof Blob)) return [];
  const { steps = {} } = parsed(await evidence.text());
  const found: Files = [];
  for (
    const [step, record] of Object.entries((steps ?? {}) as Record<string, { outputs?: unknown } | null>)
  ) {
    const outputs = Array.isArray(record?.outputs) ? record.outputs : [];
    for (const output of outputs as ({ path?: unknown; link?: unknown } | null)[]) {
      if (typeof output?.link !== "string" || typeof output.path !== "string") continue;
      const path = `${step}/${output.path}`;
      if (!there.has(path) && isBelow(path)) found.push([path, { link: output.link }]);
    }
  }
  return found;
}

/** What is wrong with a record, its reader says. */
function parsed(text: string): { steps?: object } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function otherVerdicts(recorded: Check[], now: Check[]): string[] {
  return now.flatMap(({ claim, verdict }, index) => {
    const before = recorded[index];
    return before === undefined || (before.claim === claim && before.verdict === verdict)
      ? []
      : [`${claim}: ${verdict} here, ${before.verdict} in verdict.json`];
  });
}
