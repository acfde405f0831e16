/** The page's worker: it judges the run folder that was dropped with the code that `deno task verify` runs. */

import { type Dropped, DroppedFiles, isFile, RUN } from "./dropped_files.ts";
import { checkSshSignature, type SignatureFinding } from "./ssh_signature.ts";
import type { Evidence } from "../record/evidence.ts";
import type { Check } from "../record/verdict.ts";
import { prepare } from "./sha256.ts";
import { LONGEST_PATH, readZip } from "./zip_blobs.ts";

/** What the page sends: files with their paths, or one zip. */
export interface Question {
  files: [path: string, file: Blob][];
}

/** What the page gets, at last. */
export type Answer =
  | { kind: "searching"; pattern: string }
  | { kind: "searched" }
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

/** What a run says of itself is read whole: beyond so many bytes it is no record where it is mostly the same ones. */
const LARGEST_REPEATED = 16e6;

/** Links of a zip, of which each is read by itself, and folders within each other; a run has a few. */
const MOST_LINKS = 1000;
const DEEPEST = 32;

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
  const own = all.filter(([path]) => path.startsWith(root)).map(([path, file]): Files[number] => [
    path.slice(root.length),
    file,
  ]);
  own.filter(([path]) => /^[^/]+\.json$/.test(path)).forEach(([path, file]) => refuseRepeated(path, file));
  return own;
}

function refuseRepeated(path: string, file: Dropped) {
  if (!("packed" in file) || file.size < Math.max(LARGEST_REPEATED, file.packed * MOST_TIMES)) return;
  throw new Error(
    `The zip's ${path} would become ${file.size} bytes, more than ${MOST_TIMES} times its size: it is not unpacked`,
  );
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
  if (entries.filter(({ mode }) => isLink(mode)).length > MOST_LINKS) {
    throw new Error(`The zip holds more than ${MOST_LINKS} links`);
  }
  const files: Files = [];
  for (const { path, mode, size, packed, unpack } of entries) {
    if (!isBelow(path)) throw new Error(`The zip holds ${path}, a path that leaves it`);
    if (path.split("/").length > DEEPEST) {
      throw new Error(`The zip holds ${path}, deeper than ${DEEPEST} folders`);
    }
    if (isLink(mode) && size > LONGEST_PATH) {
      throw new Error(`The zip holds ${path}, a link of ${size} bytes`);
    }
    files.push([path, isLink(mode) ? { link: await (await unpack()).text() } : { size, packed, unpack }]);
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
  const dropped = new DroppedFiles(files);
  scope.Deno = dropped.asDeno();
  const [{ judgeRun }, { readEvidence }, { readVerdict }, signatures] = await Promise.all([
    import("../verdict/judge.ts"),
    import("../record/evidence.ts"),
    import("../record/verdict.ts"),
    import("../record/signature.ts"),
  ]);
  const evidence = await readEvidence(RUN);
  const unseen = unseenLinks(files, evidence);
  dropped.add(unseen);
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
    bytes: files.reduce((sum, [, file]) => sum + (isFile(file) ? file.size : 0), 0),
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
function unseenLinks(files: Files, { steps }: Evidence): Files {
  const there = new Set(files.map(([path]) => path));
  return Object.entries(steps).flatMap(([step, { outputs = [] }]) =>
    outputs.flatMap(({ path, link }): Files => {
      const own = `${step}/${path}`;
      return link === undefined || there.has(own) || !isBelow(own) ? [] : [[own, { link }]];
    })
  );
}

function otherVerdicts(recorded: Check[], now: Check[]): string[] {
  return now.flatMap(({ claim, verdict }, index) => {
    const before = recorded[index];
    return before === undefined || (before.claim === claim && before.verdict === verdict)
      ? []
      : [`${claim}: ${verdict} here, ${before.verdict} in verdict.json`];
  });
}
