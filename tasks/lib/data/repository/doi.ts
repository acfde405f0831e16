/** From a DOI to the files behind it. */

import * as z from "zod/mini";
import { Failure } from "../../cli/failure.ts";
import { askJson, Unknown } from "./ask_json.ts";
import { dataverseDeposit } from "./dataverse.ts";
import type { Deposit } from "./deposit.ts";
import { figshareDeposit } from "./figshare.ts";
import { zenodoDeposit } from "./zenodo.ts";

/**
 * The resolver's REST interface [DOI Handbook, "REST API Response Format"]: code 1 is success, 100 an unknown handle, 200
 * one without the values asked for. Where a DOI leads is read before it is followed.
 */
const HANDLE = z.object({
  responseCode: z.number(),
  values: z.optional(z.array(z.object({ type: z.string(), data: z.object({ value: z.unknown() }) }))),
});

/**
 * Looks up what a DOI stands for.
 *
 * @throws Failure(2) if nobody knows it, it leads to no known repository, or the repository does not have it
 */
export async function depositOf(doi: string, signal?: AbortSignal): Promise<Deposit> {
  const page = await pageOf(doi, signal);
  const deposit = await zenodoDeposit(doi, page, signal) ?? await figshareDeposit(doi, page, signal) ??
    await dataverseDeposit(doi, page, signal);
  if (deposit === undefined) {
    throw new Failure(
      2,
      `Cannot fetch ${doi}: it leads to ${page.origin}${page.pathname}, which is neither Zenodo, figshare nor a Dataverse`,
      {
        remedy: "Look there for an address of git or of a file, and give that",
      },
    );
  }
  if (deposit.files.length === 0) {
    throw new Failure(2, `Cannot fetch ${doi}: ${deposit.host} gives none of its files to everybody`);
  }
  return deposit;
}

async function pageOf(doi: string, signal?: AbortSignal): Promise<URL> {
  const path = doi.split("/").map(encodeURIComponent).join("/");
  try {
    const handle = await askJson(doi, new URL(`https://doi.org/api/handles/${path}?type=URL`), HANDLE, {
      signal,
    });
    if (handle.responseCode === 100) throw new Unknown(2, "");
    const value = handle.values?.find(({ type }) => type === "URL")?.data.value;
    const page = typeof value === "string" ? URL.parse(value) : null;
    // Older DOIs have http; the repositories are asked by https whatever stands there.
    if (page !== null && /^https?:$/.test(page.protocol)) {
      return new URL(page.href.replace(/^http:/, "https:"));
    }
    throw new Failure(2, `Cannot fetch ${doi}: it leads to no address`);
  } catch (error) {
    if (!(error instanceof Unknown)) throw error;
    throw new Failure(2, `Cannot find ${doi}: no such DOI is registered`, {
      remedy: "Look at it letter by letter",
    });
  }
}
