/** JupyterLab as a container of docker, podman or nerdctl. */

import { dirname } from "node:path";
import { Failure } from "../cli/failure.ts";
import {
  client,
  type ContainerInfo,
  inspectContainer,
  LABELS,
  removeContainer,
} from "../container/client.ts";
import { gpuArguments, limitArguments, mountArguments, readableMounts } from "../engine/container.ts";
import type { ContainerProgram } from "../container/program.ts";
import { addressesToBind } from "../system/address.ts";
import type { ServerContainer, ServerPlan } from "./plan.ts";
import { portsTaken } from "./ports.ts";
import type { Condition, ServerEngine } from "./server_engine.ts";

/** Where the images that GPU-Jupyter is made from keep a user's work. */
export const WORK = "/home/jovyan/work";

const HOME = "/home/jovyan";

/** The user that they have, to whom their start script gives the caller's ids. */
const USER = "jovyan";

const JOVYAN = { uid: 1000, gid: 100 };

const TOKEN_FILE = "/run/jupyter-token";

/** JupyterLab's port in the container. */
const INNER_PORT = 8888;

/** Seconds for JupyterLab to end its kernels before the engine ends it. */
const GRACE_SECONDS = 7;

export function containerServer(program: ContainerProgram): ServerEngine {
  return {
    startCommand: (plan) => ({ argv: runCommand(program, plan) }),
    start: (plan) => start(program, plan),
    condition: async ({ id }) => conditionOf(await inspectContainer(program, id)),
    lastLines: (plan, count) => logEnd(program, plan, count),
    stop: ({ id }) => stop(program, id),
    logsCommand: ({ id }, { follow, tail }) => ({
      argv: [program, "logs", ...(follow ? ["--follow"] : []), "--tail", tail, id],
    }),
    shellCommand: (plan, command, onTerminal) => ({ argv: execCommand(program, plan, command, onTerminal) }),
  };
}

/** The command line that starts the container. The token is in none of its arguments. */
export function runCommand(program: ContainerProgram, plan: ServerPlan): string[] {
  const container = plan.container!;
  const mounts = [
    { source: plan.root, target: WORK },
    { source: plan.tokenFile, target: TOKEN_FILE, readOnly: true },
    ...readableMounts(plan.data),
  ];
  return [
    ...[program, "run", "--detach", "--name", plan.id, ...labels(plan), "--pull", "never"],
    ...(container.keepId ? ["--userns", `keep-id:uid=${JOVYAN.uid},gid=${JOVYAN.gid}`] : []),
    ...(container.hostIds ? ["--userns", "host"] : []),
    ...(container.restart ? ["--restart", "unless-stopped"] : []),
    ...publishArguments(plan),
    ...limitArguments(container.limits),
    ...gpuArguments(program, container.gpus),
    ...mounts.flatMap((mount) => mountArguments(program, mount)),
    ...["--workdir", WORK],
    ...environment(plan).flatMap((entry) => ["--env", entry]),
    ...userAndCommand(plan),
  ];
}

function labels({ root }: ServerPlan): string[] {
  const given = { [LABELS.role]: "jupyter", [LABELS.project]: root };
  return Object.entries(given).flatMap(([name, value]) => ["--label", `${name}=${value}`]);
}

/** Always with an address: without one, an engine binds all of them and goes around the host's firewall. */
function publishArguments({ address, port, published }: ServerPlan): string[] {
  const ports = [[port, INNER_PORT], ...published.map((other) => [other, other])];
  return addressesToBind(address).flatMap((bound) =>
    ports.flatMap(([outer, inner]) => ["--publish", `${bound}:${outer}:${inner}`])
  );
}

function environment({ asRoot, owner, container }: ServerPlan): string[] {
  const [uid, gid] = owner?.split(":") ?? [];
  return [
    `JUPYTER_TOKEN_FILE=${TOKEN_FILE}`,
    "JUPYTER_TOKEN=", // one that the image sets would go before the file
    `JUPYTER_PORT=${INNER_PORT}`,
    ...(asRoot || uid === undefined || container!.keepId ? [] : [`NB_UID=${uid}`, `NB_GID=${gid}`]),
    ...(container!.sudo ? ["GRANT_SUDO=yes"] : []),
  ];
}

/**
 * The image's start script turns root into the user. Where root is to stay root it is left out: that of the Jupyter
 * images can't do it.
 */
function userAndCommand({ asRoot, container }: ServerPlan): string[] {
  const { image, entrypoint: [entrypoint, ...before] } = container as ServerContainer;
  if (!asRoot) return ["--user", "0:0", image.id];
  const server = ["jupyter", "lab", "--no-browser", "--allow-root", "--ip=0.0.0.0", `--port=${INNER_PORT}`];
  return [
    ...["--user", "0:0", ...(entrypoint === undefined ? [] : ["--entrypoint", entrypoint])],
    ...[image.id, ...before, ...server],
  ];
}

/** As the user by name: an id alone would lose group 100, or bring the groups of another user of the image. */
export function execCommand(
  program: ContainerProgram,
  { id, asRoot }: ServerPlan,
  command: string[],
  onTerminal: boolean,
): string[] {
  const variables = asRoot ? [`HOME=${HOME}`] : [`HOME=${HOME}`, `USER=${USER}`, `LOGNAME=${USER}`];
  return [
    ...[program, "exec", "--interactive", ...(onTerminal ? ["--tty"] : []), "--workdir", WORK],
    ...["--user", asRoot ? "0:0" : USER, ...variables.flatMap((entry) => ["--env", entry])],
    ...[id, ...(command.length > 0 ? command : ["bash"])],
  ];
}

async function start(program: ContainerProgram, plan: ServerPlan): Promise<void> {
  await clearName(program, plan);
  const [, ...args] = runCommand(program, plan);
  const { code, stderr } = await client(program, args);
  if (code === 0) return;
  await removeContainer(program, plan.id).catch(() => {}); // made, but not started
  if (/port is already allocated|address already in use/i.test(stderr)) throw portsTaken(plan);
  const { explainStart } = await import("../engine/step_container.ts");
  throw await explainStart(program, plan.container!.image.name, stderr.trim(), [
    { path: plan.root, name: "the project's folder" },
    { path: dirname(plan.tokenFile), name: "the folder of JupyterLab's token", remedy: TOKEN_REMEDY },
    ...(plan.data ?? []).map((path) => ({ path })),
  ]);
}

const TOKEN_REMEDY = "Set XDG_STATE_HOME to a folder that it sees, such as one beside the project";

/** Removes a container of ours that has ended; one that runs is not ours to end. */
async function clearName(program: ContainerProgram, { id }: ServerPlan) {
  const found = await inspectContainer(program, id);
  if (found === undefined) return;
  if (!found.running) {
    await removeContainer(program, id);
    return;
  }
  throw new Failure(
    3,
    `Cannot start JupyterLab: the container ${id} runs already, and this user has no record of it`,
    {
      remedy: `If nobody else uses it: ${program} rm --force ${id}`,
    },
  );
}

export function conditionOf(info: ContainerInfo | undefined): Condition {
  if (info === undefined) return { is: "gone" };
  if (info.running) return { is: "running" };
  const failed = info.exitCode !== 0;
  if (info.oomKilled) return { is: "ended", because: "it ran out of memory", failed };
  return {
    is: "ended",
    because: info.error || (failed ? `exit code ${info.exitCode}` : "it was shut down"),
    failed,
  };
}

async function logEnd(program: ContainerProgram, { id }: ServerPlan, count: number): Promise<string[]> {
  const lines: string[] = [];
  await client(program, ["logs", "--tail", String(count), id], { onLine: (line) => lines.push(line) });
  return lines.slice(-count);
}

async function stop(program: ContainerProgram, id: string): Promise<void> {
  // The short option is the one that every version has. Without a look at the exit code: what can't be stopped is removed.
  await client(program, ["stop", "-t", String(GRACE_SECONDS), id], { timeoutMs: 30_000 });
  await removeContainer(program, id);
}
