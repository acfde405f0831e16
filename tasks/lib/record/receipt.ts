/**
 * receipt.json: one statement over all that a run left, short enough to be signed and exact enough to be checked. It is a
 * statement of in-toto, in an envelope once it is signed; the first version, which was a shape of its own, is still read.
 */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { inParallel, listFiles, sha256, sha256File, writeAtomic } from "../system/files.ts";
import { Folder, IrregularFile, readTextIfThere } from "../system/regular_file.ts";
import { checkRecord, parseJson } from "../system/records.ts";
import type { Evidence, Output } from "./evidence.ts";
import { canonicalJson } from "./canonical_json.ts";
import { fromInToto, openEnvelope, toInToto } from "./in_toto.ts";
import type { InToto, RecordedFile, Statement } from "./receipt_schema.ts";
import { readVerdict, type RunVerdict } from "./verdict.ts";

/** Version of the receipts that are written; the first can be read, too. */
export const RECEIPT_SCHEMA = 2;

export const RECEIPT = "receipt.json";

/** As `ssh-keygen -Y sign` names it. */
export const SIGNATURE = `${RECEIPT}.sig`;

export type { RecordedFile, Statement };

/** Files of a run folder that are made from the others, and made again at will. */
const DERIVED = ["report.html", "ro-crate-metadata.json"];

/** Whether a path of a run folder is a record, and not derived, the receipt itself, a lock or a temporary file. */
export function isRecord(path: string): boolean {
  return ![...DERIVED, RECEIPT, SIGNATURE].includes(path) && !/^\.(lock|[^/]*\.tmp)$/.test(path);
}

/** What is to be said of a run. */
export function stateRun(
  evidence: Evidence,
  verdict: Pick<RunVerdict, "holds" | "checks">,
  files: Statement["files"],
): Statement {
  const { code, environment } = evidence.attempts.at(-1)!;
  return {
    schema: RECEIPT_SCHEMA,
    run: evidence.run,
    experiment: evidence.experiment.name,
    status: evidence.status,
    ended: evidence.ended,
    holds: verdict.holds,
    verdicts: verdict.checks.map(({ claim, verdict }) => ({ claim, verdict })),
    code: { sha256: code.sha256, commit: code.commit },
    image: environment.image,
    inputs: inputsOf(evidence),
    files,
  };
}

/** Declared inputs by path, and the results of other runs that steps built on, as `run/step`. */
function inputsOf({ run, steps }: Evidence): Record<string, string> {
  const inputs: Record<string, string> = {};
  for (const step of Object.values(steps)) {
    Object.assign(inputs, step.inputs);
    for (const [name, need] of Object.entries(step.needs ?? {})) {
      if (need.run !== run) inputs[`${need.run}/${name}`] = need.sha256;
    }
  }
  return inputs;
}

/** Draws up the receipt of a run that has just been judged. Outputs are stated as they were recorded. */
export async function writeReceipt(
  directory: string,
  evidence: Evidence,
  verdict: RunVerdict,
): Promise<Statement> {
  const outputs = new Map(unstatedOutputs(evidence));
  const entries = await listFiles(directory, (path) => !isRecord(path));
  const others = await inParallel(
    entries.filter(({ path }) => !outputs.has(path)),
    async ({ path, bytes, link }): Promise<[string, RecordedFile]> => [
      path,
      link === undefined ? { bytes, sha256: await sha256File(join(directory, path)) } : { link },
    ],
  );
  const files = Object.fromEntries([...outputs, ...others]);
  const statement = stateRun(evidence, verdict, files);
  await removeReceipt(directory);
  await writeAtomic(join(directory, RECEIPT), canonicalJson(toInToto(statement)));
  return statement;
}

/** Outputs that a receipt does not state, or states otherwise; all without a receipt. */
export function unstatedOutputs(
  { steps }: Evidence,
  stated?: Statement,
): [path: string, recorded: RecordedFile][] {
  return Object.entries(steps).flatMap(([name, { outputs = [] }]) =>
    outputs.map((output): [string, Output] => [`${name}/${output.path}`, output])
      .filter(([path, output]) => !isSame(stated?.files[path], output))
      .map(([path, output]): [string, RecordedFile] => [path, asRecorded(output)])
  );
}

function isSame(stated: RecordedFile | undefined, { sha256, link }: Output): boolean {
  if (stated === undefined) return false;
  return "link" in stated ? stated.link === link : stated.sha256 === sha256;
}

function asRecorded({ bytes, sha256 = "", link }: Output): RecordedFile {
  return link === undefined ? { bytes, sha256 } : { link };
}

/** Takes back what was said of a run that goes on. */
export async function removeReceipt(directory: string) {
  for (const file of [RECEIPT, SIGNATURE]) await Deno.remove(join(directory, file)).catch(() => {});
}

/**
 * Reads what was said of a run.
 *
 * @returns nothing if there is no receipt.
 * @throws Failure(1) for a receipt that was altered, Failure(2) for one of another version.
 */
export async function readReceipt(directory: string): Promise<Statement | undefined> {
  const text = await readTextIfThere(join(directory, RECEIPT), { within: new Folder(directory) }).catch(
    (error) => {
      if (error instanceof IrregularFile) throw new Failure(1, `${RECEIPT}: ${error.problem}`);
      throw error;
    },
  );
  if (text === undefined) return undefined;
  return (await parseReceipt(text, join(directory, RECEIPT))).stated;
}

/** A receipt whose own hash was checked; its signature was not. */
export interface ParsedReceipt {
  stated: Statement;
  /** The text that a signature of it is about; the whole file in the first version. */
  text: string;
  /** In its envelope. */
  sig?: string;
}

/**
 * The same of its text.
 *
 * @throws as {@link readReceipt}
 */
export async function parseReceipt(text: string, path: string): Promise<ParsedReceipt> {
  if (text.startsWith('{"sha256":')) return { stated: await parseFirstVersion(text, path), text };
  const value = jsonOf(text);
  const opened = openEnvelope(value);
  const statement = opened === undefined ? value : jsonOf(opened.statement);
  const written = opened?.statement ?? text;
  const { inTotoSchema } = await import("./receipt_schema.ts");
  const { schema } = (statement as Partial<InToto> | undefined)?.predicate?.reproduction ?? {};
  if (typeof schema === "number" && schema > RECEIPT_SCHEMA) throw otherVersion(path);
  const { success, data } = inTotoSchema.safeParse(statement);
  const stated = success ? fromInToto(data) : undefined;
  // All of it follows from what it states, and was written in one way.
  const isSound = stated !== undefined && canonicalJson(toInToto(stated)) === written &&
    (opened === undefined || canonicalJson(value) === text);
  if (!isSound) throw altered();
  return { stated, text: written, sig: opened?.sig };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw altered();
  }
}

function altered(): Failure {
  return new Failure(1, `${RECEIPT}: other bytes than were written`);
}

function otherVersion(path: string): Failure {
  return new Failure(2, `${path} was written by another version of this project`);
}

async function parseFirstVersion(text: string, path: string): Promise<Statement> {
  const [, hash, statement] = /^\{"sha256":"(.{64})","statement":(.*)\}$/s.exec(text) ?? [];
  if (statement === undefined || sha256(statement) !== hash) throw altered();
  const value = parseJson(statement, path) as Partial<Statement> | null;
  if (typeof value?.schema === "number" && value.schema !== 1) throw otherVersion(path);
  const { statementSchema } = await import("./receipt_schema.ts");
  return checkRecord(value, path, statementSchema, "the receipt of a run");
}

/** Whether a receipt says something else than the run's own records, although its files are as it says. */
export async function contradicts(
  directory: string,
  evidence: Evidence,
  stated: Statement,
): Promise<boolean> {
  const verdict = await readVerdict(directory);
  if (verdict === undefined) return true;
  const records = ["plan.json", "evidence.json", "verdict.json"];
  const lacking = records.some((path) => !Object.hasOwn(stated.files, path));
  // The files were compared with what is there, one by one.
  const { schema } = stated;
  const [found, said] = [{ ...stateRun(evidence, verdict, {}), schema }, { ...stated, files: {} }];
  return lacking || canonicalJson(found) !== canonicalJson(said);
}
