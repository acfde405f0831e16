/** Files of models and data sets of the Hugging Face Hub [https://huggingface.co/docs/hub/api]. */

import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { Failure } from "../../cli/failure.ts";
import { askBytes, askJson } from "./ask_json.ts";
import type { DepositedFile } from "./deposit.ts";

const HUB = "https://huggingface.co";

/** `GET /api/{models,datasets}/OWNER/NAME/revision/REVISION`: the commit that a branch or tag names now. */
const REVISION = z.object({ sha: z.string().check(z.regex(/^[0-9a-f]{40}$/)) });

/**
 * `POST /api/{models,datasets}/OWNER/NAME/paths-info/REVISION` [huggingface.js, PathInfo]: `oid` is git's hash of the
 * blob; `lfs.oid` is the SHA-256 of the file that a pointer stands for.
 */
const PATHS = z.array(z.object({
  type: z.string(),
  path: z.string(),
  size: z.number(),
  oid: z.string(),
  lfs: z.optional(z.object({ oid: z.string(), size: z.number() })),
}));

/** Files above 10 MB are always in LFS there; only smaller ones are read to be hashed. */
const MOST_BYTES = 32e6;

/** @param text `OWNER/NAME@REVISION/PATH` of a model, with `datasets/` before it of a data set */
export async function hubFile(text: string, signal?: AbortSignal): Promise<DepositedFile> {
  const [, set, repository, revision, path] =
    /^(datasets\/)?([^@/]+(?:\/[^@/]+)?)@([^/]+)\/(.+)$/.exec(text) ?? [];
  if (repository === undefined || revision === undefined || path === undefined) {
    throw new Failure(2, `Cannot look up hf:${text}: it must be hf:[datasets/]OWNER/NAME@REVISION/PATH`);
  }
  const what = `hf:${text}`;
  const api = `${HUB}/api/${set === undefined ? "models" : "datasets"}/${encoded(repository)}`;
  const { sha } = await askJson(what, new URL(`${api}/revision/${encodeURIComponent(revision)}`), REVISION, {
    signal,
  });
  const found = await askJson(what, new URL(`${api}/paths-info/${sha}`), PATHS, {
    body: { paths: [path], expand: false },
    signal,
  });
  const file = found.find((one) => one.path === path && one.type === "file");
  if (file === undefined) {
    throw new Failure(2, `Cannot find ${what}: ${repository} has no such file at ${sha}`);
  }
  const url = `${HUB}/${set ?? ""}${encoded(repository)}/resolve/${sha}/${encoded(path)}`;
  if (file.lfs !== undefined) {
    return { path, url, size: file.lfs.size, sha256: file.lfs.oid.replace(/^sha256:/, "") };
  }
  const bytes = await askBytes(what, new URL(url), MOST_BYTES, { anywhere: true, signal });
  const blob = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  if (blob !== file.oid) {
    throw new Failure(
      2,
      `Cannot take ${what}: its bytes have git's hash ${blob}, the Hub states ${file.oid}`,
    );
  }
  return { path, url, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function encoded(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
