/** Zenodo's records [https://developers.zenodo.org/#records]. */

import * as z from "zod/mini";
import { Failure } from "../../cli/failure.ts";
import { askJson } from "./ask_json.ts";
import { type Deposit, hashField } from "./deposit.ts";

/** `GET /api/records/:id`: `checksum` is `md5:…`, and the bytes are at `/files/:key/content`. */
const RECORD = z.object({
  doi: z.string(),
  files: z.optional(z.array(z.object({ key: z.string(), size: z.number(), checksum: z.string() }))),
});

/** @param page where the DOI leads: `https://zenodo.org/records/NUMBER`, or `/record/NUMBER` in older ones */
export async function zenodoDeposit(
  doi: string,
  page: URL,
  signal?: AbortSignal,
): Promise<Deposit | undefined> {
  if (page.hostname !== "zenodo.org") return undefined;
  const number = /^\/(?:api\/)?records?\/(\d+)\/?$/.exec(page.pathname)?.[1] ??
    /^\/doi\/10\.5281\/zenodo\.(\d+)$/.exec(page.pathname)?.[1];
  if (number === undefined) return undefined;
  const api = new URL(`https://zenodo.org/api/records/${number}`);
  const record = await askJson(doi, api, RECORD, { signal });
  // The DOI of all versions leads to the newest one: tomorrow it would be another.
  if (record.doi.toLowerCase() !== doi) {
    throw new Failure(2, `Cannot take ${doi}: it leads to ${record.doi}, the newest of several versions`, {
      remedy: `Name that version: doi:${record.doi}`,
    });
  }
  const files = (record.files ?? []).map(({ key, size, checksum }) => {
    const [kind = "", value = ""] = checksum.split(":");
    return {
      path: key,
      size,
      ...hashField(kind, value),
      url: `${api.href}/files/${encodeURIComponent(key)}/content`,
    };
  });
  return { host: page.hostname, files, known: true };
}
