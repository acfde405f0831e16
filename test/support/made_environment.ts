/** Environments with programs of other projects, made once from PyPI and kept in the root of the project. */

import { join } from "node:path";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { findUv } from "../../tasks/lib/environment/uv.ts";
import { exists, sha256 } from "../../tasks/lib/system/files.ts";
import { ROOT } from "./project.ts";

/**
 * @param name of the folder `.venv-<name>`; `test/support/<name>/requirements.txt` says what is in it
 * @returns where its programs are, or why it can't be made.
 */
export async function madeEnvironment(name: string): Promise<{ bin: string } | { missing: string }> {
  const requirements = join(import.meta.dirname!, name, "requirements.txt");
  const directory = join(ROOT, `.venv-${name}`);
  const bin = join(directory, "bin");
  const stamp = join(directory, `made-${sha256(await Deno.readTextFile(requirements)).slice(0, 12)}`);
  if (await exists(stamp)) return { bin };
  // Test files run side by side, and several may want it.
  await Deno.mkdir(join(ROOT, ".cache"), { recursive: true });
  using lock = await Deno.open(join(ROOT, ".cache", `made-${name}.lock`), { create: true, write: true });
  await lock.lock(true);
  if (await exists(stamp)) return { bin };
  const [{ path }, uv] = await Promise.all([findPython(), findUv()]);
  const python = join(bin, "python");
  const install = ["install", "--quiet", "--requirement", requirements];
  const problem = uv === undefined
    ? await fails(path, "-m", "venv", "--clear", directory) ?? await fails(python, "-m", "pip", ...install)
    : await fails(uv.path, "venv", "--quiet", "--clear", "--python", path, directory) ??
      await fails(uv.path, "pip", ...install, "--python", python);
  if (problem !== undefined) return { missing: `the ${name} can't be installed: ${problem}` };
  await Deno.writeTextFile(stamp, "");
  return { bin };
}

async function fails(program: string, ...args: string[]): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  return success ? undefined : new TextDecoder().decode(stderr).trim().split("\n").at(-1);
}
