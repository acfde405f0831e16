/** A run's crate as one file to hand on: `deno task report --crate FILE.zip`. */

import type { ZipWriter } from "@zip.js/zip.js";
import { dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { exists } from "../system/files.ts";
import { callerFolder } from "../system/project_root.ts";
import { Folder, IrregularFile, openRegular } from "../system/regular_file.ts";
import { judgeRun } from "../verdict/judge.ts";
import { METADATA, writeRoCrate } from "./run_crate.ts";

/**
 * Makes the metadata of the crate again and zips all that it describes. The file is there whole or not at all.
 *
 * @param file where to write, as the user gave it
 * @throws Failure(2) if it exists or lies in a folder that does not, Failure(1) if recorded files vanished or were
 * altered.
 */
export async function zipCrate(run: FoundRun, file: string): Promise<{ file: string; files: number }> {
  const target = resolve(callerFolder(), file);
  await requireFree(target, file);
  const { plan, verdict } = await judgeRun(run);
  if (verdict.altered.length > 0) {
    throw new Failure(
      1,
      `Cannot make a crate of ${run.id}: ${verdict.altered.length} recorded files were altered`,
      {
        problems: verdict.altered.map((message) => ({ message })),
      },
    );
  }
  const paths = [METADATA, ...await writeRoCrate(run, plan)];
  const temporary = join(dirname(target), `.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    await writeZip(temporary, run.directory, paths);
    await requireFree(target, file);
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
  return { file: target, files: paths.length };
}

async function requireFree(target: string, file: string) {
  if (await exists(target)) {
    throw new Failure(2, `Cannot write the crate: ${file} exists already`, {
      remedy: "Give another name, or remove it first",
    });
  }
  if (!await exists(dirname(target))) {
    throw new Failure(2, `Cannot write the crate: there is no folder ${dirname(target)}`);
  }
}

async function writeZip(temporary: string, directory: string, paths: string[]) {
  const { configure, ZipWriter } = await import("@zip.js/zip.js");
  configure({ useWebWorkers: false }); // they would need to be read from the network
  const output = await Deno.open(temporary, { write: true, createNew: true });
  const zip = new ZipWriter(output.writable);
  const within = new Folder(directory);
  for (const path of paths) await addFile(zip, within, path);
  await zip.close();
}

/** Streams a file into the archive, however large it is. */
async function addFile(zip: ZipWriter<unknown>, within: Folder, path: string) {
  const file = await openRegular(join(within.path, path), { within }).catch((error) => {
    if (error instanceof IrregularFile) throw error;
    throw new Failure(1, `Cannot make a crate: ${path} is recorded, and not there any more`);
  });
  const { mode } = await file.stat();
  // What could be started can be started where it is unpacked; nothing else is said of who may do what.
  await zip.add(path, file.readable, { unixMode: mode !== null && (mode & 0o111) !== 0 ? 0o755 : 0o644 });
}
