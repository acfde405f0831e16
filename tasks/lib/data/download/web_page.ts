/** Web pages that a server sends in place of a file: logins, errors, "this page has moved". */

import { Buffer } from "node:buffer";
import { cut } from "../../cli/format.ts";
import { MirrorError } from "./mirror_error.ts";

/** So many bytes hold the title of a page. */
const HEAD_BYTES = 16 * 1024;

/** Whether a server that says so may be believed: a data set may be a page itself. */
export function maySendPage(url: URL, headers: Headers): boolean {
  return /html/i.test(headers.get("content-type") ?? "") && !/\.x?html?$/i.test(url.pathname);
}

/** The title of the page that begins like this, or its first words; undefined if it is no page. */
export function pageTitle(head: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(head);
  if (!/^\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b/is.test(text)) {
    return undefined;
  }
  const title = /<title[^>]*>(.*?)<\/title>/is.exec(text)?.[1] ??
    text.replace(/<(script|style).*?<\/\1>/gis, "");
  return title.replace(/<[^>]*>?/g, " ").replace(/\s+/g, " ").trim();
}

/** Passes on what comes, unless it is a web page; @throws MirrorError that tells its title */
export async function* refusePage(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < HEAD_BYTES) continue;
    yield withoutPage(head);
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield withoutPage(head);
}

function withoutPage(head: Uint8Array): Uint8Array {
  const title = pageTitle(head);
  if (title === undefined) return head;
  throw new MirrorError("wrong", `sent a web page in place of the file: "${cut(title)}"`);
}
