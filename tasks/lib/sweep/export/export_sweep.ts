/** `deno task sweep --export`: a sweep in a file that other engines read; nothing is run. */

import { resolve } from "node:path";
import { Failure } from "../../cli/failure.ts";
import type { Terminal } from "../../cli/terminal.ts";
import { callerFolder } from "../../system/project_root.ts";
import { exists, writeAtomic } from "../../system/files.ts";
import type { HandedOver } from "./handed_over.ts";
import { yaml } from "../../values/yaml.ts";

export type ExportKind = "kubernetes" | "skypilot";

/** The text of the file. */
export async function exportText(kind: ExportKind, handed: HandedOver): Promise<string> {
  const documents = kind === "kubernetes"
    ? (await import("./kubernetes.ts")).kubernetesObjects(handed)
    : [(await import("./skypilot.ts")).skypilotTask(handed)];
  const lines = kind === "kubernetes" ? kubernetesNotes(handed) : skypilotNotes(handed);
  const head = lines.map((line) => `# ${line}\n`).join("");
  return head +
    documents.map((one) => yaml.stringify(one, { lineWidth: 0, aliasDuplicateObjects: false })).join("---\n");
}

/** @throws Failure(2) if the file is there already */
export async function writeExport(text: string, file: string | undefined, terminal: Terminal) {
  if (file === undefined) {
    terminal.line(text.trimEnd());
    return;
  }
  const path = resolve(callerFolder(), file);
  if (await exists(path)) {
    throw new Failure(2, `Cannot write ${file}: it is there already`, {
      remedy: "Name another file by --out, or move that one away",
    });
  }
  await writeAtomic(path, text);
  terminal.line(`Wrote ${file}`);
}

function kubernetesNotes({ sweep, members, gpus, volume }: HandedOver): string[] {
  return [
    `The sweep ${sweep}, ${members} members, as an Indexed Job for Kubernetes 1.29 or newer.`,
    "kubectl create -f THIS_FILE starts it.",
    `Each member writes into sweeps/${sweep}/ on the ${
      volume === undefined ? "claim below" : "claim"
    }; with that ` +
    "folder below runs/EXPERIMENT/,",
    `deno task sweep --resume --id ${sweep} collects them, runs what is left and judges.`,
    ...(gpus > 0 ? ["GPUs come from NVIDIA's device plugin. Without it: --gpus none."] : []),
  ];
}

function skypilotNotes({ sweep, members, volume }: HandedOver): string[] {
  return [
    `The sweep ${sweep}, ${members} members, as a task of SkyPilot.`,
    "sky launch -c sweep THIS_FILE runs all of them on one machine; --env MEMBER=0 only the first.",
    ...(volume === undefined
      ? ["The runs are in /runs there: rsync -Pavz sweep:/runs/ runs/ brings them."]
      : [`The runs are on the volume ${volume}.`]),
    `Then deno task sweep --show --id ${sweep} checks and judges them.`,
  ];
}
