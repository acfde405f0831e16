/** ro-crate-metadata.json of a run folder: gathered, written, and made again when a report is asked for. */

import { join } from "node:path";
import type { Plan } from "../plan/plan.ts";
import {
  readReceipt,
  RECEIPT,
  type RecordedFile,
  SIGNATURE,
  type Statement,
  unstatedOutputs,
} from "../record/receipt.ts";
import type { FoundRun } from "../record/run_folder.ts";
import { listFiles, sha256File, writeJson } from "../system/files.ts";
import { callerFolder, findProject } from "../system/project_root.ts";
import { type Citation, readCitation } from "./citation.ts";
import { roCrate } from "./ro_crate.ts";

export const METADATA = "ro-crate-metadata.json";

/**
 * Writes the metadata beside the verdict.
 *
 * @param stated what the receipt says, where it has just been written
 * @returns the paths of all files that belong to the crate.
 */
export async function writeRoCrate(
  { directory, evidence }: FoundRun,
  plan: Plan,
  stated?: Statement,
): Promise<string[]> {
  const files = await crateFiles({ directory, evidence }, stated ?? await readReceipt(directory));
  const citation = await readCitation(plan.experiment.root) ?? await citationHere();
  await writeJson(join(directory, METADATA), roCrate({ evidence, files, citation }));
  return Object.keys(files).filter((path) => !("link" in files[path]!));
}

/** A run that was copied to another machine is described by the project that the user stands in there. */
async function citationHere(): Promise<Citation | undefined> {
  const root = await findProject(callerFolder());
  return root === undefined ? undefined : await readCitation(root);
}

/** What is there of the recorded files, with recorded hashes; then receipt, signature and report if they are there. */
async function crateFiles(
  { directory, evidence }: Pick<FoundRun, "directory" | "evidence">,
  stated: Statement | undefined,
) {
  const recorded = { ...Object.fromEntries(unstatedOutputs(evidence)), ...stated?.files };
  const files: Record<string, RecordedFile> = {};
  for (const { path, bytes, link } of await listFiles(directory)) {
    if (recorded[path] !== undefined) files[path] = recorded[path];
    else if (isBeside(path) && link === undefined) {
      files[path] = { bytes, sha256: await sha256File(join(directory, path)) };
    }
  }
  return files;
}

/** Files that no step made, of which not all are in a receipt. */
function isBeside(path: string): boolean {
  return [RECEIPT, SIGNATURE, "evidence.json", "log.txt", "plan.json", "report.html", "verdict.json"]
    .includes(path);
}
