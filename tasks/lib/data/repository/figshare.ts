/** figshare's articles [https://docs.figshare.com/#public_article]. */

import * as z from "zod/mini";
import { Failure } from "../../cli/failure.ts";
import { askJson } from "./ask_json.ts";
import { type Deposit, hashField } from "./deposit.ts";

const API = "https://api.figshare.com/v2/articles/";

/** `GET /articles/{id}` and `/articles/{id}/versions/{version}`; a file with `is_link_only` lies elsewhere. */
const ARTICLE = z.object({
  version: z.number(),
  files: z.array(z.object({
    name: z.string(),
    size: z.number(),
    is_link_only: z.boolean(),
    download_url: z.string(),
    computed_md5: z.optional(z.string()),
    supplied_md5: z.optional(z.string()),
  })),
});

/** @param page where the DOI leads: `https://figshare.com/articles/KIND/TITLE/NUMBER[/VERSION]` */
export async function figshareDeposit(
  doi: string,
  page: URL,
  signal?: AbortSignal,
): Promise<Deposit | undefined> {
  if (page.hostname !== "figshare.com" && !page.hostname.endsWith(".figshare.com")) return undefined;
  const number = /\/articles\/.*?\/(\d+)(?:\/\d+)?\/?$/.exec(page.pathname)?.[1];
  if (number === undefined) return undefined;
  const version = /\.v(\d+)$/.exec(doi)?.[1];
  const article = await askJson(
    doi,
    new URL(number + (version === undefined ? "" : `/versions/${version}`), API),
    ARTICLE,
    { signal },
  );
  if (version === undefined) {
    throw new Failure(2, `Cannot take ${doi}: it names every version, and the newest is ${article.version}`, {
      remedy: `Name that version: doi:${doi}.v${article.version}`,
    });
  }
  const files = article.files.filter((file) => !file.is_link_only).map((file) => ({
    path: file.name,
    size: file.size,
    ...hashField("md5", file.computed_md5 || file.supplied_md5 || ""),
    url: downloadAddress(doi, file.download_url),
  }));
  return { host: page.hostname, files, known: true };
}

/** What an answer names must be figshare's, too. */
function downloadAddress(doi: string, text: string): string {
  const url = URL.parse(text);
  if (
    url?.protocol === "https:" && (url.hostname === "figshare.com" || url.hostname.endsWith(".figshare.com"))
  ) {
    return url.href;
  }
  throw new Failure(
    2,
    `Cannot take ${doi}: figshare names ${url?.host ?? "no address"} as the place of a file`,
  );
}
