/** Addresses on the web: which are fetched, and how they are shown. */

import { Failure } from "../../cli/failure.ts";

/** How many redirects are followed, as browsers and curl allow about as many. */
export const MOST_REDIRECTS = 10;

/**
 * The declared address of a mirror.
 *
 * @param hashed Whether the bytes are checked against a hash, without which plain http proves nothing.
 * @throws Failure(2) for anything but https, and http with a hash
 */
export function parseAddress(name: string, text: string, hashed: boolean): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    const shown = url === null ? text.replace(/\/\/[^/]*@/, "//") : showAddress(url);
    throw new Failure(
      2,
      `Cannot download ${name}: an address must begin with https:// or http://, current value is "${shown}"`,
    );
  }
  if (url.protocol === "http:" && !hashed) {
    throw new Failure(
      2,
      `Cannot download ${name}: http:// is only for a file whose sha256 or md5 is given, current value is ` +
        `"${showAddress(url)}"`,
    );
  }
  return url;
}

/** An address as it may be shown and recorded: without user and password. */
export function showAddress(url: URL): string {
  const shown = new URL(url);
  shown.username = shown.password = "";
  return shown.href;
}

/** An address that a server named: its query is left out as well, since it may be a signature. */
export function showPlace(url: URL): string {
  return url.protocol === "http:" || url.protocol === "https:" ? url.origin + url.pathname : url.protocol;
}

/** Why a redirect is not followed, as a phrase; undefined if it is. */
export function redirectProblem(from: URL, to: URL, count: number): string | undefined {
  if (count > MOST_REDIRECTS) return `redirects more than ${MOST_REDIRECTS} times`;
  if (to.protocol !== "http:" && to.protocol !== "https:") {
    return `redirects to ${showPlace(to)}, which is neither https nor http`;
  }
  if (from.protocol === "https:" && to.protocol === "http:") {
    return `redirects from https to ${showPlace(to)}, which is not encrypted`;
  }
}

/** The user and password of an address as a header; a `fetch` of Deno's would show them in its error messages. */
export function authorization({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${new TextEncoder().encode(text).toBase64()}` };
}

/** For tests: the address of a server on this machine that answers in the place of every https server. */
export const STAND_IN = "EXPERIMENT_TEST_WEB_ON_LOOPBACK";

/**
 * Where a server is asked: `https://zenodo.org/api` is `http://127.0.0.1:PORT/zenodo.org/api` in a test. Nothing but the
 * loopback's own address is taken, so that no variable can lead a user's requests to another machine.
 */
export function standIn(url: URL): URL {
  const base = URL.parse(Deno.env.get(STAND_IN) ?? "");
  if (base?.protocol !== "http:" || base.hostname !== "127.0.0.1" || url.protocol !== "https:") return url;
  return new URL(`/${url.host}${url.pathname}${url.search}`, base.origin);
}
