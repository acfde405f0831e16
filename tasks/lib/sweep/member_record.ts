/**
 * What a sweep keeps of its members: how each ended, what it gave, and the hash of the evidence that says so. With that
 * 10,000 folders need not be read whole each time that somebody looks at the sweep.
 */

import { join } from "node:path";
import type { Claim } from "../experiment/experiment.ts";
import { runFiles } from "../experiment/run_files.ts";
import { evidencePath, findAlteration } from "../record/evidence.ts";
import { type EndedRun, endedRunSchema } from "../record/evidence_schema.ts";
import { RECEIPT } from "../record/receipt.ts";
import type { Member } from "../record/sweep_record.ts";
import { inParallel, sha256, sha256File } from "../system/files.ts";
import { Folder, readRegularSync } from "../system/regular_file.ts";
import { toText } from "../values/decimal.ts";
import { readNumber } from "../verdict/claimed_number.ts";
import { observe } from "../verdict/observe.ts";
import type { Observation } from "../verdict/read_value.ts";

/** What each claim on a number found, by its name, or in words why it found none. */
export type FoundNumbers = NonNullable<Member["found"]>;

/** Claims on single numbers of these steps, over seeds or not. */
export function numbersOf(claims: readonly Claim[], steps: readonly string[]): Claim[] {
  return claims.filter(({ value, over, from }) =>
    steps.includes(from.step) &&
    (over !== undefined || typeof value === "number" || (typeof value === "object" && !Array.isArray(value)))
  );
}

/** What an observation says of the number that a claim is about. */
export function numberIn(observation: Observation | undefined, claim: Claim): number | string {
  if (observation === undefined) return "nothing was looked for";
  if (!observation.found) return observation.reason;
  if ("list" in observation) return "a list was found";
  const found = readNumber(observation, claim);
  if (typeof found === "string") return `found ${found}`;
  const number = Number(toText(found, 20));
  return Number.isFinite(number) ? number : `found ${observation.text}, which no number of 64 bits holds`;
}

/** A run as it left its folder, by the parts of its evidence that a sweep needs. */
export interface LeftRun {
  ended: EndedRun;
  /** SHA-256 of its evidence. */
  evidence: string;
}

/** Nothing where its evidence can't be read. */
export function readEnded(directory: string): LeftRun | undefined {
  try {
    const bytes = readRegularSync(evidencePath(directory), { within: new Folder(directory) });
    const { success, data } = endedRunSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return success ? { ended: data, evidence: sha256(bytes) } : undefined;
  } catch {
    return undefined; // gone, cut off or replaced
  }
}

/** What a member's entry says of its run; what it gave, the end of the sweep looks for. */
export async function outcomeOf(
  { id, directory, evidence: { status, steps, attempts } }: {
    id: string;
    directory: string;
    evidence: EndedRun;
  },
): Promise<Partial<Member>> {
  const problem =
    Object.entries(steps).map(([name, { problem }]) =>
      problem === undefined ? undefined : `${name}: ${problem}`
    ).find((one) => one !== undefined) ?? attempts.at(-1)!.because;
  return {
    run: id,
    status: status === "done" || status === "failed" ? status : "interrupted",
    seconds: Object.values(steps).reduce((sum, { seconds = 0 }) => sum + seconds, 0),
    problem: status === "done" ? undefined : problem,
    code: attempts.at(-1)!.code.sha256,
    // Absent where the runner was killed before it drew up one.
    receipt: await sha256File(`${directory}/${RECEIPT}`).catch(() => undefined),
    ...{ found: undefined, evidence: undefined },
  };
}

/**
 * The entry of a member that has ended, with what it gave if it is done.
 *
 * @returns nothing where its evidence can't be read, or says that it has not ended. The entry has no numbers where a file
 * that they would be from is not the one that was recorded.
 */
export async function readMember(
  directory: string,
  run: string,
  claims: readonly Claim[],
): Promise<Partial<Member> | undefined> {
  const folder = `${directory}/${run}`;
  const left = readEnded(folder);
  if (left === undefined || left.ended.status !== "done" && left.ended.status !== "failed") return undefined;
  const { ended, evidence } = left;
  const entry = await outcomeOf({ id: run, directory: folder, evidence: ended });
  const found = ended.status === "done" ? await readNumbers(folder, ended, claims) : undefined;
  return found === undefined ? entry : { ...entry, found, evidence };
}

/** What is to be read, in a message. */
export interface ToRead {
  /** Folder of the sweep. */
  directory: string;
  /** Ids of runs in it. */
  runs: string[];
  /** On numbers of these runs. */
  claims: readonly Claim[];
}

/** As `readMember` gives it, by run. */
export type Entries = (Partial<Member> | undefined)[];

/** Entries of members, in their order; of many, `readMembers` is quicker. */
export async function readHere({ directory, runs, claims }: ToRead): Promise<Entries> {
  return await inParallel(runs, (run) => readMember(directory, run, claims));
}

/** What several threads read together. */
export interface ToShare extends ToRead {
  /** How many of the runs somebody has taken; its memory is the threads' own in common. */
  taken: Int32Array<SharedArrayBuffer>;
}

/** Entries of neighbours. */
export interface Part {
  first: number;
  entries: Entries;
}

/** Few enough that no thread waits long for another at the end. */
const AT_ONCE = 100;

/** What this thread came to read, until all are taken. */
export async function readShare({ directory, runs, claims, taken }: ToShare): Promise<Part[]> {
  const parts: Part[] = [];
  for (;;) {
    const first = Atomics.add(taken, 0, AT_ONCE);
    if (first >= runs.length) return parts;
    const entries = await readHere({ directory, runs: runs.slice(first, first + AT_ONCE), claims });
    parts.push({ first, entries });
  }
}

/** Numbers are taken from bytes that the evidence has the hash of: otherwise there are none. */
async function readNumbers(
  folder: string,
  ended: EndedRun,
  claims: readonly Claim[],
): Promise<FoundNumbers | undefined> {
  const hashes = new Map<string, string>();
  const files = runFiles(folder, (file) => {
    const bytes = readRegularSync(file);
    hashes.set(file, sha256(bytes));
    return bytes;
  });
  const observations = await observe({ claims: [...claims] }, folder, ended, files);
  const paths = claims.map(({ name, from }) =>
    (observations.get(name) as { path?: string }).path ?? from.path
  );
  const within = new Folder(folder);
  for (const path of new Set(paths)) {
    const [step, ...inStep] = path.split("/");
    const output = ended.steps[step!]?.outputs?.find(({ path }) => path === inStep.join("/"));
    if (output === undefined) continue; // the log is the runner's own
    if (output.sha256 !== undefined && hashes.get(`${folder}/${path}`) === output.sha256) continue;
    if (await findAlteration(join(folder, path), path, output, within) !== undefined) return undefined;
  }
  return Object.fromEntries(
    claims.map((claim) => [claim.name, numberIn(observations.get(claim.name), claim)]),
  );
}

/** Whether a member's evidence is still the one that its numbers were read from. */
export async function isAsKept(directory: string, { run, evidence }: Member): Promise<boolean> {
  const path = evidencePath(join(directory, run!));
  return evidence === await sha256File(path).catch(() => undefined);
}
