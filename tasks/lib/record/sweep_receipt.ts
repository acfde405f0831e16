/**
 * receipt.json of a sweep: one statement over its record, its verdict and the receipts of its members, which state all that
 * these left. It is a statement of in-toto; the first version, which was a shape of its own, is still read.
 */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { inParallel, sha256, sha256File, writeAtomic } from "../system/files.ts";
import { Folder, readTextIfThere } from "../system/regular_file.ts";
import { canonicalJson } from "./canonical_json.ts";
import { openEnvelope, PREDICATE_TYPE, STATEMENT_TYPE, testsOf } from "./in_toto.ts";
import { RECEIPT, removeReceipt } from "./receipt.ts";
import { SWEEP_FILE, type SweepRecord } from "./sweep_record.ts";
import type { StatedSweep, SweepStatement } from "./sweep_schema.ts";
import { type RunVerdict, verdictPath } from "./verdict.ts";

/** Version of the receipts of sweeps that are written; the first can be read, too. */
export const SWEEP_RECEIPT_SCHEMA = 2;

/** The sweep's own records; the members' receipts state the rest. */
const FILES = [SWEEP_FILE, "verdict.json"];

/** What is to be said of a sweep; a pure function, so that it can be drawn up again. */
export function stateSweep(
  { sweep, experiment, status, ended, members }: SweepRecord,
  { holds, checks }: Pick<RunVerdict, "holds" | "checks">,
  files: Record<string, string>,
): StatedSweep {
  return {
    schema: SWEEP_RECEIPT_SCHEMA,
    sweep,
    experiment: experiment.name,
    status,
    ended,
    holds,
    verdicts: checks.map(({ claim, verdict }) => ({ claim, verdict })),
    code: [...new Set(members.flatMap(({ code }) => code ?? []))].sort(),
    members: members.map(({ values, status, run, receipt }) => ({ values, status, run, receipt })),
    files,
  };
}

/** The statement for others: a claim over seeds is a test. */
export function sweepToInToto(stated: StatedSweep): SweepStatement {
  const { files, ...rest } = stated;
  const receipts = stated.members.flatMap(({ run, receipt }): [string, string][] =>
    run === undefined || receipt === undefined ? [] : [[`${run}/${RECEIPT}`, receipt]]
  );
  return {
    _type: STATEMENT_TYPE,
    subject: [...Object.entries(files).sort(([a], [b]) => a < b ? -1 : 1), ...receipts].map((
      [name, hash],
    ) => ({
      name,
      digest: { sha256: hash },
    })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      result: stated.holds ? "PASSED" : "FAILED",
      configuration: stated.code.map((hash) => ({ name: "code", digest: { sha256: hash } })),
      ...testsOf(stated.verdicts),
      sweep: { ...rest, sha256: sha256(canonicalJson(stated)) },
    },
  };
}

function sweepFromInToto({ subject, predicate: { sweep } }: SweepStatement): StatedSweep {
  const { sha256: _, ...stated } = sweep;
  const files = subject.filter(({ name }) => FILES.includes(name));
  return { ...stated, files: Object.fromEntries(files.map(({ name, digest }) => [name, digest.sha256])) };
}

/** Draws up the receipt of a sweep that has just been judged. */
export async function writeSweepReceipt(
  directory: string,
  record: SweepRecord,
  verdict: RunVerdict,
): Promise<void> {
  await removeReceipt(directory);
  const hashes = FILES.map(async (name) => [name, await sha256File(join(directory, name))] as const);
  const stated = stateSweep(record, verdict, Object.fromEntries(await Promise.all(hashes)));
  await writeAtomic(join(directory, RECEIPT), canonicalJson(sweepToInToto(stated)));
}

/** What of a sweep that has ended is not as its receipt says, each as a sentence. */
export async function findSweepAlterations(directory: string, record: SweepRecord): Promise<string[]> {
  const text = await readText(directory);
  if (text === undefined) return record.status === "running" ? [] : [`${RECEIPT}: not there any more`];
  const stated = (await parse(text))?.stated;
  if (stated === undefined) return [OTHER_BYTES];
  const files = await Promise.all(FILES.map(async (name) => {
    const expected = stated.files?.[name];
    const found = await sha256File(join(directory, name)).catch(() => undefined);
    return found === expected ? [] : `${name}: other bytes than the receipt states`;
  }));
  const members = await inParallel(stated.members ?? [], async ({ run, receipt }) => {
    if (run === undefined || receipt === undefined || !/^[\w-]+$/.test(run)) return [];
    const found = await sha256File(join(directory, run, RECEIPT)).catch(() => undefined);
    if (found === receipt) return [];
    return `${run}/${RECEIPT}: ${found === undefined ? "not there any more" : "other bytes"}`;
  });
  return [...files, ...members].flat();
}

const OTHER_BYTES = `${RECEIPT}: other bytes than were written`;

/** Whether the receipt states the record as it is; false without a receipt. */
export async function isRecordStated(directory: string): Promise<boolean> {
  const text = await readText(directory);
  const stated = text === undefined ? undefined : (await parse(text))?.stated.files?.[SWEEP_FILE];
  return stated !== undefined && stated === await sha256File(join(directory, SWEEP_FILE));
}

async function readText(directory: string): Promise<string | undefined> {
  return await readTextIfThere(join(directory, RECEIPT), { within: new Folder(directory) });
}

interface ParsedSweepReceipt {
  stated: Pick<StatedSweep, "members"> & { schema: number; files?: Record<string, string> };
  /** The text that a signature of it is about; the whole file in the first version. */
  text: string;
  /** In its envelope. */
  sig?: string;
}

/** @throws Failure(1) for a receipt that was altered */
export async function parseSweepReceipt(text: string): Promise<ParsedSweepReceipt> {
  const parsed = await parse(text);
  if (parsed === undefined) throw new Failure(1, OTHER_BYTES);
  return parsed;
}

/** Undefined unless it is as it was written. */
async function parse(text: string): Promise<ParsedSweepReceipt | undefined> {
  if (text.startsWith('{"sha256":')) return parseFirstVersion(text);
  const value = jsonOf(text);
  const opened = openEnvelope(value);
  const written = opened?.statement ?? text;
  const statement = opened === undefined ? value : jsonOf(written);
  if (!isStatement(statement, await import("./sweep_schema.ts"))) return undefined;
  const stated = sweepFromInToto(statement);
  // All of it follows from what it states, and was written in one way.
  const isSound = canonicalJson(sweepToInToto(stated)) === written &&
    (opened === undefined || canonicalJson(value) === text);
  return isSound ? { stated, text: written, sig: opened?.sig } : undefined;
}

/** Item by item: a copy of 10,000 members would take more memory than all else. */
function isStatement(
  value: unknown,
  { sweepStatementSchema, statedFileSchema, statedMemberSchema }: typeof import("./sweep_schema.ts"),
): value is SweepStatement {
  const { subject, predicate } = (value ?? {}) as Partial<SweepStatement>;
  const members = predicate?.sweep?.members;
  if (!Array.isArray(subject) || !Array.isArray(members)) return false;
  const lists = { subject: [], predicate: { ...predicate, sweep: { ...predicate!.sweep, members: [] } } };
  return sweepStatementSchema.safeParse({ ...value as object, ...lists }).success &&
    subject.every((one) => statedFileSchema.safeParse(one).success) &&
    members.every((one) => statedMemberSchema.safeParse(one).success);
}

function parseFirstVersion(text: string): ParsedSweepReceipt | undefined {
  const [, hash, statement = ""] = /^\{"sha256":"(.{64})","statement":(.*)\}$/s.exec(text) ?? [];
  return sha256(statement) === hash ? { stated: jsonOf(statement) as StatedSweep, text } : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Takes back what was said of a sweep that goes on. */
export async function removeSweepVerdict(directory: string) {
  await Deno.remove(verdictPath(directory)).catch(() => {});
  await removeReceipt(directory);
}
