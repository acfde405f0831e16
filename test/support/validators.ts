/** An environment with the validators of other projects, made once from PyPI and kept in `.venv-validators`. */

import { join } from "node:path";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { exists, sha256 } from "../../tasks/lib/system/files.ts";
import { ROOT } from "./project.ts";

const REQUIREMENTS = join(import.meta.dirname!, "validators/requirements.txt");

const DIRECTORY = join(ROOT, ".venv-validators");

/** @returns where its programs are, or why it can't be made. */
export async function validators(): Promise<{ bin: string } | { missing: string }> {
  const bin = join(DIRECTORY, "bin");
  const stamp = join(DIRECTORY, `made-${sha256(await Deno.readTextFile(REQUIREMENTS)).slice(0, 12)}`);
  if (await exists(stamp)) return { bin };
  const { path } = await findPython();
  const problem = await fails(path, "-m", "venv", "--clear", DIRECTORY) ??
    await fails(join(bin, "python"), "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS);
  if (problem !== undefined) return { missing: `the validators can't be installed: ${problem}` };
  await Deno.writeTextFile(stamp, "");
  return { bin };
}

async function fails(program: string, ...args: string[]): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  return success ? undefined : new TextDecoder().decode(stderr).trim().split("\n").at(-1);
}
