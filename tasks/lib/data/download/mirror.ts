/** One mirror: asked again as long as that gets on, and for the rest of the file where that is possible. */

import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../../cli/failure.ts";
import { bytes, duration } from "../../cli/format.ts";
import { Connection } from "./connection.ts";
import { checkSpace } from "./disk_space.ts";
import { MirrorError } from "./mirror_error.ts";
import type { PartFile } from "./part_file.ts";
import type { ProgressMeter } from "./progress.ts";
import { type Answered, askForRest, checkTotal, judgeAnswer } from "./range.ts";
import { type Expected, findMismatch, type Found, isHashed } from "./checksums.ts";
import { showAddress } from "./web_address.ts";
import { maySendPage, refusePage } from "./web_page.ts";

/** How long what does not answer is waited for. */
export interface Patience {
  /** How long a server may send nothing. */
  idleMs: number;
  /** Before the second try; doubled for each try that brought nothing. */
  pauseMs: number;
  /** A server that asks for more is left for the next mirror. */
  longestPauseMs: number;
}

export const PATIENCE: Patience = { idleMs: 30_000, pauseMs: 500, longestPauseMs: 60_000 };

/** Tries in a row that brought no byte further. */
const MOST_FUTILE = 4;

/** Tries in all: a server that closes after each hundredth is borne. */
const MOST_TRIES = 200;

/** What a mirror is asked with. */
export interface Asking {
  /** What the user calls the file. */
  name: string;
  expected: Expected;
  part: PartFile;
  client: Deno.HttpClient;
  patience: Patience;
  meter: ProgressMeter;
  log: (line: string) => void;
  signal?: AbortSignal;
}

/**
 * Leaves the whole file in the part, with the right hash.
 *
 * @throws MirrorError if this mirror can't give it, Failure(130) if it was stopped
 */
export async function fetchFrom(url: URL, asking: Asking): Promise<Found> {
  const { part, expected, log } = asking;
  await fetchPatiently(url, asking);
  const found = await part.digest();
  const mismatch = findMismatch(expected, found);
  if (mismatch === undefined) return found;
  const wasResumed = part.isResumed;
  const standIn = part.standIn();
  await part.restart();
  if (standIn !== undefined) throw new MirrorError("wrong", `sent ${standIn.kind} in place of the file`);
  if (!wasResumed) throw new MirrorError("wrong", `sent ${mismatch}`);
  log(`${showAddress(url)}: what was there before does not go with it, it is fetched anew`);
  return await fetchFrom(url, asking);
}

async function fetchPatiently(url: URL, asking: Asking) {
  const { part, log, signal } = asking;
  let [furthest, futile] = [part.bytes, 0];
  for (let tries = 1;; tries++) {
    try {
      return await fetchOnce(url, asking);
    } catch (error) {
      if (!(error instanceof MirrorError) || error.problem !== "passing") throw error;
      futile = part.bytes > furthest ? 0 : futile + 1;
      furthest = Math.max(furthest, part.bytes);
      const pauseMs = pauseAfter(futile, tries, error.retryAfterMs, asking.patience);
      if (pauseMs === undefined) throw afterTries(error, tries);
      const where = part.bytes === 0 ? "" : `, from ${bytes(part.bytes)} on`;
      log(`${showAddress(url)}: ${error.message}; trying again in ${duration(pauseMs / 1000)}${where}`);
      await delay(pauseMs, undefined, { signal }).catch(() => {
        throw new Failure(130, "Interrupted");
      });
    }
  }
}

/** How long to wait for the next try, in milliseconds; undefined if there is none. */
export function pauseAfter(
  futile: number,
  tries: number,
  askedMs: number | undefined,
  { pauseMs, longestPauseMs }: Patience,
): number | undefined {
  const pause = Math.max(askedMs ?? 0, pauseMs * 2 ** Math.max(0, futile - 1));
  return futile >= MOST_FUTILE || tries >= MOST_TRIES || pause > longestPauseMs ? undefined : pause;
}

function afterTries({ problem, message, retryAfterMs }: MirrorError, tries: number): MirrorError {
  const asks = retryAfterMs === undefined
    ? ""
    : `, asks to be left alone for ${duration(retryAfterMs / 1000)}`;
  return new MirrorError(problem, message + asks + (tries === 1 ? "" : `, after ${tries} tries`));
}

/** One request, or two if the answer to the first can't be gone on with. */
async function fetchOnce(url: URL, asking: Asking): Promise<void> {
  const { part, expected } = asking;
  const total = expected.size ?? part.origin?.total;
  if (part.bytes > 0 && part.bytes === total) return; // killed before it was put in its place
  using connection = new Connection({ ...asking, idleMs: asking.patience.idleMs });
  const { from, headers } = askForRest(showAddress(url), part.bytes, part.origin, isHashed(expected));
  const { response, url: at } = await connection.ask(url, headers);
  try {
    const { use, origin } = judgeAnswer(showAddress(url), response, from, part.origin);
    const mayBePage = maySendPage(at, response.headers);
    if (!mayBePage) checkTotal(origin.total, expected.size);
    if (use !== "ask for all") {
      const chunks = connection.read(response.body!);
      return await receive(mayBePage ? refusePage(chunks) : chunks, { use, origin }, asking);
    }
  } finally {
    if (!response.bodyUsed) await response.body?.cancel();
  }
  await part.restart();
  await fetchOnce(url, asking);
}

/** What is there is given up only when something better has come. */
async function receive(
  chunks: AsyncIterable<Uint8Array>,
  { use, origin }: Answered,
  { name, part, expected, meter }: Asking,
) {
  const total = expected.size ?? origin.total;
  const begin = async () => {
    if (use === "begin anew") await part.restart();
    if (total !== undefined) await checkSpace(name, part.target, total - part.bytes);
    await part.comesFrom(origin);
  };
  let begun = false;
  for await (const chunk of chunks) {
    if (!begun) await begin();
    begun = true;
    if (total !== undefined && part.bytes + chunk.length > total) {
      await part.restart();
      throw new MirrorError("wrong", `sends more than the ${total} bytes of the file`);
    }
    part.append(chunk);
    meter.show(part.bytes, total);
  }
  if (!begun) await begin();
  if (total !== undefined && part.bytes < total) {
    throw new MirrorError("passing", `the connection ended at ${bytes(part.bytes)} of ${bytes(total)}`);
  }
}
