/** uv: the one that is on this machine, and the pinned one that pip fetches where nothing else will do. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { compareVersions } from "../system/version.ts";

/** A uv that is new enough. */
export interface Uv {
  path: string;
  version: string;
}

/** From here on uv knows PyTorch's own indexes (--torch-backend) and honours --no-index with them. */
export const OLDEST_UV = "0.8.0";

/** Requirements file of pip's with the version and the hashes; images are built with the same one. */
export const PINNED_UV = join(import.meta.dirname!, "..", "..", "inside", "uv.txt");

/** uv, if it is there and new enough: named by the UV variable, else on PATH. */
export async function findUv(path = Deno.env.get("UV") || "uv"): Promise<Uv | undefined> {
  try {
    const { code, stdout } = await run([path, "--version"], { timeoutMs: 10_000 });
    const version = /^uv (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    if (code !== 0 || version === undefined || compareVersions(version, OLDEST_UV) < 0) return undefined;
    return { path, version };
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
