/** .devcontainer/: "Reopen in Container" on the CPU, and on GPU-Jupyter for a host with an NVIDIA GPU. */

import { NEWEST_IMAGE } from "../../doctor/demands.ts";
import type { Proposal } from "../compose.ts";
import type { Companion, CompanionRequest } from "./companion.ts";

/** The CPU sibling with the same user and folders. */
const CPU_IMAGE = "quay.io/jupyter/scipy-notebook:python-3.12";

export function devcontainer({ repository, proposal }: CompanionRequest): Companion {
  const there = repository.named(/^\.devcontainer(?:\/|\.json$)/);
  if (there.length > 0) return { changes: [], notes: [`${there[0]} is there: no .devcontainer was added`] };
  // Another image has no user jovyan, and no server to work in.
  const own = proposal.image?.value;
  const gpu = own !== undefined && /gpu-jupyter|(?:^|\/)jupyter\//.test(own) ? own : NEWEST_IMAGE;
  return {
    changes: [
      { path: ".devcontainer/devcontainer.json", after: text("CPU", CPU_IMAGE, proposal) },
      { path: ".devcontainer/gpu/devcontainer.json", after: text("GPU", gpu, proposal) },
    ],
    notes: [],
  };
}

function text(kind: "CPU" | "GPU", image: string, proposal: Proposal): string {
  const install = installLine(proposal);
  const comment = kind === "CPU"
    ? '// "Reopen in Container" on the CPU; for an NVIDIA GPU choose the one in gpu/.'
    : '// "Reopen in Container" for a host with an NVIDIA GPU, its driver and the NVIDIA Container Toolkit.';
  // DataLoader workers share batches in /dev/shm; group 100 owns the image's packages; no Jupyter server runs by itself.
  const runArguments = ["--shm-size=8g", "--group-add=100", "--no-healthcheck"];
  if (kind === "GPU") runArguments.unshift("--gpus=all");
  const settings = [
    `"name": ${JSON.stringify(`${proposal.name.value} (${kind})`)}`,
    `"image": ${JSON.stringify(image)}`,
    `"runArgs": ${JSON.stringify(runArguments, null, 2).replaceAll("\n", "\n  ")}`,
    '"workspaceMount": "source=${localWorkspaceFolder},target=/home/jovyan/work,type=bind"',
    '"workspaceFolder": "/home/jovyan/work"',
    '"remoteUser": "jovyan"',
    '"forwardPorts": [8888]',
    ...(install === undefined ? [] : [`"postCreateCommand": ${JSON.stringify(install)}`]),
    '"customizations": { "vscode": { "extensions": ["ms-python.python", "ms-toolsai.jupyter"] } }',
  ];
  return `${comment}\n{\n${settings.map((one) => `  ${one}`).join(",\n")}\n}\n`;
}

/** What pip can install of the environment. */
function installLine({ requirements, install }: Proposal): string | undefined {
  const files = (requirements?.value ?? []).filter((path) =>
    /\.(?:txt|in|lock)$/.test(path) && !/(?:uv|poetry|pixi|Pipfile)\.lock$/.test(path)
  );
  const words = [...files.flatMap((path) => ["-r", path]), ...install.flatMap(({ value }) => value)];
  if (words.length === 0) return undefined;
  const quoted = words.map((word) => /^[\w./=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  return `pip install ${quoted.join(" ")}`;
}
