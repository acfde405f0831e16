/** Croissant's description of a data set, a file in the project [https://docs.mlcommons.org/croissant/docs/croissant-spec.html]. */

import { join } from "node:path";
import * as z from "zod/mini";
import { Failure } from "../../cli/failure.ts";
import { Folder, readRegular } from "../../system/regular_file.ts";
import { insideProblem, tidyPath } from "../../values/relative_path.ts";
import { type DepositedFile, hashField } from "./deposit.ts";

/** `@context` is not read, so a remote one is never fetched: the terms are taken by the names that the standard gives. */
const DATASET = z.object({
  distribution: z.array(z.looseObject({
    "@type": z.optional(z.string()),
    "@id": z.optional(z.string()),
    name: z.optional(z.string()),
    contentUrl: z.optional(z.string()),
    contentSize: z.optional(z.union([z.string(), z.number()])),
    sha256: z.optional(z.string()),
    md5: z.optional(z.string()),
    containedIn: z.optional(z.unknown()),
  })),
});

/**
 * Finds a file of a description.
 *
 * @param root the project, which the file must not be outside of
 * @param text `FILE#DISTRIBUTION`, by `@id` or name
 */
export async function croissantFile(root: string, text: string): Promise<DepositedFile> {
  const [file = "", id = ""] = text.split(/#(.*)/s);
  const what = `croissant:${text}`;
  const found = (await distributionOf(root, file, what)).filter((one) =>
    one["@id"] === id || one.name === id
  );
  const [one] = found;
  if (one === undefined || found.length > 1) {
    throw new Failure(
      2,
      `Cannot find ${what}: ${found.length === 0 ? "no" : "more than one"} distribution is called so`,
    );
  }
  const { contentUrl = "", contentSize, sha256, md5, containedIn } = one;
  const fail = (problem: string) => new Failure(2, `Cannot take ${what}: ${problem}`);
  if (!/(?:^|[:/])FileObject$/.test(one["@type"] ?? "")) {
    throw fail("it is no FileObject, i.e. no single file");
  }
  if (containedIn !== undefined) throw fail("it lies in another distribution; name that one, with unpack");
  const url = URL.parse(contentUrl);
  if (url?.protocol !== "https:" || url.username !== "") {
    throw fail(`contentUrl must be https, current value is ${JSON.stringify(contentUrl)}`);
  }
  const hash = sha256 === undefined ? hashField("md5", md5 ?? "") : hashField("sha256", sha256);
  if (Object.keys(hash).length === 0) throw fail("it states no sha256 or md5");
  const size = /^(\d+)(?:\s*(?:B|bytes?))?$/i.exec(String(contentSize ?? ""))?.[1];
  return { path: id, url: url.href, ...hash, ...(size !== undefined && { size: Number(size) }) };
}

async function distributionOf(root: string, file: string, what: string) {
  const path = tidyPath(file);
  const problem = insideProblem(path);
  if (problem !== undefined) throw new Failure(2, `Cannot read ${what}: the file's path ${problem}`);
  const bytes = await readRegular(join(root, path), { within: new Folder(root) }).catch((error) => {
    throw error instanceof Failure ? error : new Failure(2, `Cannot read ${what}: ${path} is not there`);
  });
  try {
    return DATASET.parse(JSON.parse(new TextDecoder().decode(bytes))).distribution;
  } catch {
    throw new Failure(2, `Cannot read ${what}: ${path} is no Croissant file with a distribution`);
  }
}
