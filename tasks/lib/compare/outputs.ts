/** The files that two runs left: which are the same, and which are only there, gone or altered. */

import { join } from "node:path";
import type { Evidence, Output } from "../record/evidence.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { inParallel, sha256File } from "../system/files.ts";
import { LARGEST_FILE } from "../system/regular_file.ts";

/** One output of a run as it is found now. */
export interface FoundOutput {
  /** `<step>/<file>`. */
  path: string;
  step: string;
  /** Where it is, with all links resolved; absent if it is a link or gone. */
  file?: string;
  bytes: number;
  /** SHA-256 of what is there, else as it was recorded; of a link where it points; of what was made large, where it is. */
  hash: string;
  state: "as recorded" | "altered" | "gone";
}

/** Every output of a run by its path; published evidence may keep the hash of a file and not the file. */
export async function findOutputs({ directory, evidence }: FoundRun): Promise<Map<string, FoundOutput>> {
  const recorded = outputsOf(evidence);
  const found = await inParallel(recorded, ([step, output]) => findOutput(directory, step, output));
  return new Map(found.map((output) => [output.path, output]));
}

function outputsOf({ steps }: Evidence): [step: string, output: Output][] {
  return Object.entries(steps).flatMap(([step, { outputs = [] }]) =>
    outputs.map((output): [string, Output] => [step, output])
  );
}

async function findOutput(directory: string, step: string, output: Output): Promise<FoundOutput> {
  const path = `${step}/${output.path}`;
  const recorded = { path, step, bytes: output.bytes, hash: output.sha256 ?? `link ${output.link}` };
  const real = await realPathInside(directory, path, output.link !== undefined);
  if (real === undefined) return { ...recorded, state: "gone" };
  if (output.link !== undefined) {
    const hash = `link ${await Deno.readLink(real)}`;
    return { ...recorded, hash, state: hash === recorded.hash ? "as recorded" : "altered" };
  }
  const bytes = (await Deno.stat(real)).size;
  // What was made large is not read to say that it was altered.
  const hash = bytes !== output.bytes && bytes > LARGEST_FILE ? `altered ${real}` : await sha256File(real);
  return { ...recorded, file: real, bytes, hash, state: hash === recorded.hash ? "as recorded" : "altered" };
}

/** The path if a regular file (or the link that was recorded) is there and inside the run folder: evidence may come from anybody. */
async function realPathInside(directory: string, path: string, isLink: boolean): Promise<string | undefined> {
  const whole = join(directory, path);
  const info = await Deno.lstat(whole).catch(() => undefined);
  if (isLink) return info?.isSymlink ? whole : undefined;
  const real = info?.isFile ? await Deno.realPath(whole) : undefined;
  return real?.startsWith(`${directory}/`) ? real : undefined;
}
