/** The experiment's own images: how they are called, and whether they are what the project wants now. */

import { join } from "node:path";
import { REQUIREMENTS_LABELS } from "../container/client.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { sha256InPlan } from "../system/files.ts";
import type { Host } from "../system/host.ts";

/** Names that `deno task build` gives to the experiment's images, the fitting one first. */
export function imageNames({ name, environment: { gpus } }: Experiment, host: Host): string[] {
  const kinds = gpus !== "none" && host.gpus.length > 0 ? ["gpu", "cpu"] : ["cpu", "gpu"];
  return kinds.map((kind) => `${name}:${kind}`);
}

/** The labels by which an image says what its packages were made from. */
export function requirementsLabels(files: string[], sha256: string): Record<string, string> {
  return { [REQUIREMENTS_LABELS.file]: files.join(":"), [REQUIREMENTS_LABELS.sha256]: sha256 };
}

/** The hash of the files that packages are made from; undefined if one is not there. */
export async function hashOfRequirements(root: string, files: string[]): Promise<string | undefined> {
  const contents = await Promise.all(
    files.map((path) => Deno.readFile(join(root, path)).catch(() => undefined)),
  );
  if (contents.includes(undefined)) return undefined;
  const hashes = await Promise.all(contents.map((content) => sha256InPlan(content!)));
  return hashes.length === 1 ? hashes[0] : await sha256InPlan(hashes.join("\n"));
}

/** Whether the image was built from another state of the requirements than the project has; unknown counts as no. */
export async function outdated(labels: Record<string, string>, root: string): Promise<boolean> {
  const files = labels[REQUIREMENTS_LABELS.file];
  if (files === undefined) return false;
  const now = await hashOfRequirements(root, files === "" ? [] : files.split(":"));
  return now !== undefined && now !== labels[REQUIREMENTS_LABELS.sha256];
}

/** What a user reads of an image that `outdated` is true of. */
export function staleNote(name: string): string {
  return `The image ${name} was built from other requirements than the project has now; deno task build makes it anew`;
}
