/** receipt.json: one statement over all that a run left, short enough to be signed and exact enough to be checked. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { inParallel, listFiles, sha256, sha256File, writeAtomic } from "../system/files.ts";
import { Folder, IrregularFile, readTextIfThere } from "../system/regular_file.ts";
import { checkRecord, parseJson } from "../system/records.ts";
import type { Evidence, Output } from "./evidence.ts";
import type { RecordedFile, Statement } from "./receipt_schema.ts";
import { readVerdict, type RunVerdict } from "./verdict.ts";

export const RECEIPT_SCHEMA = 1;

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
  const text = canonicalJson(statement);
  await removeReceipt(directory);
  // Canonical as a whole, too; by the hash a change to the receipt itself shows.
  await writeAtomic(join(directory, RECEIPT), `{"sha256":"${sha256(text)}","statement":${text}}`);
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
  const [, hash, statement] = /^\{"sha256":"(.{64})","statement":(.*)\}$/s.exec(text) ?? [];
  if (statement === undefined || sha256(statement) !== hash) {
    throw new Failure(1, `${RECEIPT}: other bytes than were written`);
  }
  const path = join(directory, RECEIPT);
  const value = parseJson(statement, path) as Partial<Statement> | null;
  if (typeof value?.schema === "number" && value.schema !== RECEIPT_SCHEMA) {
    throw new Failure(2, `${path} was written by another version of this project`);
  }
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
  const [found, said] = [stateRun(evidence, verdict, {}), { ...stated, files: {} }];
  return lacking || canonicalJson(found) !== canonicalJson(said);
}

/** JSON in which equal values have equal bytes (RFC 8785): sorted keys, no white space, nothing that is undefined. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
