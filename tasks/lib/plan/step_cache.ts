/** Where steps keep what they can derive again, such as decoded images: in the project, no result, and in no record. */

import { dirname, join } from "node:path";
import { asCalled } from "../cli/program.ts";
import { exists } from "../system/files.ts";

const FOLDER = ".cache";

/** The folder of an experiment: `{cache}` in its commands. */
export function stepCache(root: string, experiment: string): string {
  return join(root, FOLDER, experiment);
}

/** As https://bford.info/cachedir asks for, so that backups leave it out. */
const TAG = "CACHEDIR.TAG";

const TAG_BEGIN = `Signature: 8a477f597d28d172789f06886806bc55
# Made by the steps of an experiment, which can make it again; `;

/** Makes an experiment's folder, which git ignores without being told to in every project. */
export async function makeStepCache(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, text] of [[".gitignore", "*\n"], [TAG, tagText()]] as const) {
    const path = join(dirname(folder), name);
    if (!await exists(path)) await Deno.writeTextFile(path, text);
  }
}

function tagText(): string {
  return `${TAG_BEGIN}${asCalled("deno task clean")} removes it.\n`;
}

/** The folder of all experiments of a project, if it was made for steps; a `.cache` may be the user's own. */
export async function stepCaches(root: string): Promise<string | undefined> {
  const text = await Deno.readTextFile(join(root, FOLDER, TAG)).catch(() => undefined);
  return text?.startsWith(TAG_BEGIN) ? join(root, FOLDER) : undefined;
}
