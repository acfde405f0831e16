/** The experiment's own images: how they are called, and whether they are what the project wants now. */

import { join } from "node:path";
import { REQUIREMENTS_LABELS } from "../container/client.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { sha256 } from "../system/files.ts";
import type { Host } from "../system/host.ts";

/** Names that `deno task build` gives to the experiment's images, the fitting one first. */
export function imageNames({ name, environment: { gpus } }: Experiment, host: Host): string[] {
  const kinds = gpus !== "none" && host.gpus.length > 0 ? ["gpu", "cpu"] : ["cpu", "gpu"];
  return kinds.map((kind) => `${name}:${kind}`);
}

/** Whether the image was built from another state of the requirements than the project has; unknown counts as no. */
export async function outdated(labels: Record<string, string>, root: string): Promise<boolean> {
  const file = labels[REQUIREMENTS_LABELS.file];
  if (file === undefined) return false;
  const now = await Deno.readFile(join(root, file)).catch(() => undefined);
  return now !== undefined && sha256(now) !== labels[REQUIREMENTS_LABELS.sha256];
}

export function staleNote(name: string): string {
  return `The image ${name} was built from other requirements than the project has now; deno task build makes it anew`;
}
