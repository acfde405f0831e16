/** Going on where a download broke off [RFC 9110, 13.1.5 and 14]: what is asked for, and what an answer is worth. */

import { bytes as size } from "../../cli/format.ts";
import type { Origin } from "../cache_schema.ts";
import { MirrorError, statusError } from "./mirror_error.ts";

export type { Origin };

/** A request for what comes after the bytes that are there. */
export interface Asked {
  from: number;
  headers: Record<string, string>;
}

/** What to do with an answer: its bytes follow those that are there, or are the whole file, or it is of no use. */
export interface Answered {
  use: "append" | "begin anew" | "ask for all";
  origin: Origin;
}

/**
 * Asks for the rest if the server can tell whether its file is still the same one. What can't be told so is told by the
 * hash, if there is one: bytes of another mirror, or of a server without ETag and Last-Modified.
 */
export function askForRest(url: string, from: number, origin: Origin | undefined, hashed: boolean): Asked {
  const validator = origin?.url === url ? validatorOf(origin) : undefined;
  if (from === 0 || origin === undefined || (validator === undefined && !hashed)) {
    return { from: 0, headers: {} };
  }
  const condition: Record<string, string> = validator === undefined ? {} : { "if-range": validator };
  return { from, headers: { range: `bytes=${from}-`, ...condition } };
}

/** A weak ETag may stand for other bytes. */
function validatorOf({ etag, lastModified }: Origin): string | undefined {
  return etag?.startsWith('"') ? etag : lastModified;
}

/**
 * @param before what the bytes that are there come from
 * @throws MirrorError for a status that brings no bytes
 */
export function judgeAnswer(
  url: string,
  { status, headers }: Pick<Response, "status" | "headers">,
  from: number,
  before: Origin | undefined,
): Answered {
  const origin: Origin = {
    url,
    etag: headers.get("etag") ?? undefined,
    lastModified: headers.get("last-modified") ?? undefined,
    total: status === 206 ? parseContentRange(headers)?.total : contentLength(headers),
  };
  if (status === 200) return { use: "begin anew", origin };
  if (from > 0 && status === 416) return { use: "ask for all", origin };
  if (from === 0 || status !== 206) throw statusError(status, headers);
  const follows = parseContentRange(headers)?.first === from && isSame(before, origin);
  return { use: follows ? "append" : "ask for all", origin };
}

/** A server may overlook the condition. */
function isSame(before: Origin | undefined, now: Origin): boolean {
  const changed = (one: unknown, other: unknown) => one !== undefined && other !== undefined && one !== other;
  if (before === undefined || changed(before.total, now.total)) return false;
  return before.url !== now.url ||
    !changed(before.etag, now.etag) && !changed(before.lastModified, now.lastModified);
}

/** `bytes 10-99/100`; the size of the whole may be left open. */
function parseContentRange(headers: Headers): { first: number; total?: number } | undefined {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (first === undefined) return undefined;
  return { first: Number(first), total: total === "*" ? undefined : Number(total) };
}

function contentLength(headers: Headers): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** @throws MirrorError if the whole file has another size than the wanted one */
export function checkTotal(total: number | undefined, wanted: number | undefined) {
  if (total === undefined || wanted === undefined || total === wanted) return;
  throw new MirrorError(
    "wrong",
    `has a file of ${size(total)} (${total} bytes), expected are ${wanted} bytes`,
  );
}
