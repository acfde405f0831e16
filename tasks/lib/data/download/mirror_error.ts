/** Why a mirror did not give the file. */

import { STATUS_CODES } from "node:http";

/**
 * - passing: trying again may help
 * - refused: it does not have the file, or doesn't give it
 * - untrusted: nobody known has signed its certificate
 * - wrong: it has another file
 */
export type MirrorProblem = "passing" | "refused" | "untrusted" | "wrong";

/** Its message is a phrase after the mirror's address. */
export class MirrorError extends Error {
  constructor(
    readonly problem: MirrorProblem,
    message: string,
    /** How long the server asks to be left alone. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

const PASSING_STATUS = [408, 425, 429, 500, 502, 503, 504];

/** What a status other than 200 and 206 says. */
export function statusError(status: number, headers: Headers, now = Date.now()): MirrorError {
  const phrase = STATUS_CODES[status];
  const message = `answers ${status}${phrase === undefined ? "" : ` ${phrase}`}`;
  if (!PASSING_STATUS.includes(status)) return new MirrorError("refused", message);
  return new MirrorError("passing", message, retryAfter(headers.get("retry-after") ?? "", now));
}

/** Seconds or a date [RFC 9110, 10.2.3]. */
function retryAfter(text: string, now: number): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** What Deno's `fetch` says, by the end of its message. */
const SAID: [RegExp, MirrorProblem, string][] = [
  [/dns error/, "passing", "its name can't be resolved"],
  [/proxy authentication required/, "refused", "the proxy wants a user and a password"],
  [/unsuccessful tunnel|proxy/i, "passing", "the proxy does not connect to it"],
  [/Connection refused/, "passing", "refuses the connection"],
  [/unreachable/i, "passing", "can't be reached"],
  [
    /CaUsedAsEndEntity/,
    "refused",
    "its certificate is not trusted: it is one of a certificate authority, which a server must not use",
  ],
  [/not valid for name/, "refused", "its certificate is not trusted: it is for another name"],
  [/peer certificate: .*Expired/i, "refused", "its certificate is not trusted: it has expired"],
  [/UnknownIssuer/, "untrusted", "its certificate is not trusted: nobody known has signed it"],
  [/certificate/, "untrusted", "its certificate is not trusted"],
  [/Requests to port \d+ are blocked/, "refused", "is on a port that web servers must not use"],
  [/InvalidContentType/, "refused", "does not speak TLS"],
  [
    /error reading a body|closed before|handshake eof|reset|broken pipe|unexpected eof/i,
    "passing",
    "the connection broke off",
  ],
];

/** Why a request or its body failed. The addresses in Deno's message are left out: they may hold a signature. */
export function networkError(error: Error): MirrorError {
  const text = error.cause instanceof Error ? error.cause.message : error.message;
  for (const [pattern, problem, message] of SAID) {
    if (pattern.test(text)) return new MirrorError(problem, message);
  }
  return new MirrorError("passing", `can't be asked: ${text.replace(/^.*\bhttps?:\/\/\S+?\)?: /, "")}`);
}
