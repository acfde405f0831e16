/** Data sets of any Dataverse [https://guides.dataverse.org/en/latest/api/native-api.html]. */

import * as z from "zod/mini";
import { askJson } from "./ask_json.ts";
import { type Deposit, hashField } from "./deposit.ts";

/**
 * `GET /api/datasets/:persistentId/?persistentId=doi:…`. A table that was read in has another form and size now; the
 * hash is that of the file as it was uploaded, which `format=original` gives [Data Access API, "format"].
 */
const DATASET = z.object({
  data: z.object({
    latestVersion: z.object({
      files: z.array(z.object({
        label: z.string(),
        directoryLabel: z.optional(z.string()),
        restricted: z.optional(z.boolean()),
        dataFile: z.object({
          id: z.number(),
          filesize: z.number(),
          originalFileSize: z.optional(z.number()),
          originalFileName: z.optional(z.string()),
          md5: z.optional(z.string()),
          checksum: z.optional(z.object({ type: z.string(), value: z.string() })),
        }),
      })),
    }),
  }),
});

/** @param page where the DOI leads: `https://HOST/dataset.xhtml?persistentId=doi:…` or `/citation?…` */
export async function dataverseDeposit(
  doi: string,
  page: URL,
  signal?: AbortSignal,
): Promise<Deposit | undefined> {
  if (!/\/(?:citation|dataset\.xhtml)$/.test(page.pathname)) return undefined;
  const id = page.searchParams.get("persistentId") ?? "";
  if (id.toLowerCase() !== `doi:${doi}`) return undefined;
  const api = new URL(`/api/datasets/:persistentId/?persistentId=${encodeURIComponent(id)}`, page.origin);
  const { data } = await askJson(doi, api, DATASET, { signal });
  const open = data.latestVersion.files.filter(({ restricted }) => !restricted);
  const files = open.map(({ label, directoryLabel, dataFile }) => {
    const { id, filesize, originalFileSize, originalFileName, checksum, md5 = "" } = dataFile;
    const name = originalFileName ?? label;
    return {
      path: directoryLabel ? `${directoryLabel}/${name}` : name,
      size: originalFileSize ?? filesize,
      ...hashField(checksum?.type ?? "md5", checksum?.value ?? md5),
      url:
        new URL(`/api/access/datafile/${id}${originalFileName ? "?format=original" : ""}`, page.origin).href,
    };
  });
  return { host: page.host, files, known: false };
}
