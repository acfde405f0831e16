/** Files of strangers made a project of the user's: writable, and without what git would take settings from. */

import { join } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { exists } from "../../system/files.ts";

/**
 * Makes what was unpacked writable, and removes every `.git`: the settings in it name programs that git starts.
 *
 * @param own the `.git` at the top is the task's own
 * @returns the folders of the `.git` that were removed, relative
 * @throws Failure(2) for a repository without a work tree, whose settings git would take, too
 */
export async function tidy(folder: string, { own }: { own: boolean }, at = ""): Promise<string[]> {
  const removed: string[] = [];
  const names: string[] = [];
  for await (const entry of Deno.readDir(join(folder, at))) {
    const path = join(at, entry.name);
    names.push(entry.name);
    if (entry.name.toLowerCase() === ".git") {
      if (own && at === "") continue;
      await Deno.remove(join(folder, path), { recursive: true });
      removed.push(path);
    } else if (entry.isDirectory) {
      await Deno.chmod(join(folder, path), 0o755);
      removed.push(...await tidy(folder, { own }, path));
    } else if (entry.isFile) {
      const { mode } = await Deno.stat(join(folder, path));
      await Deno.chmod(join(folder, path), ((mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755);
    }
  }
  if (["HEAD", "objects", "refs"].every((name) => names.includes(name))) {
    throw new Failure(
      2,
      `Cannot take this: ${
        JSON.stringify(at || ".")
      } is a repository without a work tree, whose settings git would follow`,
    );
  }
  return removed;
}

/** The experiments in a project, as paths of their files from the folder. */
export async function experimentsIn(folder: string): Promise<string[]> {
  const found = await exists(join(folder, "experiment.yaml")) ? ["experiment.yaml"] : [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(join(folder, "experiments"))) {
      const path = join("experiments", name, "experiment.yaml");
      if (isDirectory && await exists(join(folder, path))) found.push(path);
    }
  } catch {
    // There is no such folder.
  }
  return found.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}
