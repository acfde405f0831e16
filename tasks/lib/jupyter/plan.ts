/** What exactly will be started, as plain JSON: it is shown by `--plan` and kept as the record of the server. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { EngineChoice, EngineServer } from "../engine/engine.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { chooseGpus } from "../plan/gpus.ts";
import { includesLoopback, isLoopback } from "../system/address.ts";
import { sha256 } from "../system/files.ts";
import type { Host } from "../system/host.ts";
import type { ServerRequest } from "./request.ts";
import type { StateFolder } from "./state.ts";
import type { ServerContainer, ServerPlan, ServerProcess, ServerSif } from "./server_schema.ts";

export type { ServerContainer, ServerPlan, ServerProcess, ServerSif };

export interface ServerFacts {
  request: ServerRequest;
  experiment: Experiment;
  host: Host;
  choice: EngineChoice;
  /** How the chosen engine runs it. */
  kind: EngineServer["kind"];
  folder: StateFolder;
  /** Folders of the experiment's data that are there. */
  data?: string[];
  /** The environment of the engine "host". */
  python?: { python: string; env: Record<string, string> };
}

/**
 * Turns a request into a plan, and says what the user should know of it.
 *
 * @throws Failure(2) for options that the engine can't honour, Failure(3) if GPUs are demanded that are not there.
 */
export function planServer(facts: ServerFacts): { plan: ServerPlan; notes: string[] } {
  const { request, experiment, host, choice, folder } = facts;
  const inContainer = facts.kind === "container";
  if (!inContainer) refuseContainerOptions(request, choice);
  // In a rootless Docker the container's root is the user; and root's files are root's.
  const isRootAnyway = inContainer ? choice.container!.user.split(":")[0] === "0" : host.uid === 0;
  const asRoot = request.root || isRootAnyway;
  const plan: ServerPlan = {
    engine: choice.engine.name,
    id: `${experiment.name}-jupyter-${sha256(folder.path).slice(0, 8)}`,
    experiment: experiment.name,
    root: experiment.root,
    ...{ address: request.address, port: request.port, published: request.published },
    asRoot,
    owner: host.uid === undefined ? undefined : `${host.uid}:${host.gid}`,
    tokenFile: folder.token,
    data: facts.data,
    ...(inContainer ? { container: planContainer(facts, asRoot) } : { process: planProcess(facts) }),
  };
  return { plan, notes: notesOn(facts, isRootAnyway) };
}

function planProcess(facts: ServerFacts): ServerProcess {
  const { experiment, choice: { container }, folder } = facts;
  if (container === undefined) return { ...facts.python!, log: folder.log };
  const { network: _, ...limits } = experiment.environment.limits;
  const { request: gpus, env } = gpusOf(facts);
  const scratch = join(folder.path, "scratch");
  return {
    python: "python",
    env,
    log: folder.log,
    sif: { image: container.image, unset: container.unset ?? [], scratch, gpus, limits },
  };
}

function gpusOf({ request, experiment, host }: ServerFacts) {
  const gpus = request.gpus ?? experiment.environment.gpus;
  return chooseGpus(gpus, host);
}

function planContainer(facts: ServerFacts, asRoot: boolean): ServerContainer {
  const { request, experiment, choice } = facts;
  const { image, entrypoint, keepId, hostIds } = choice.container!;
  if (keepId && !asRoot) requireKeepId(choice.engine.version ?? "");
  if (hostIds && !asRoot) throw remapped();
  const { network: _, ...limits } = experiment.environment.limits; // a server without a network would be none
  return {
    image: { name: image.name, id: image.id },
    entrypoint,
    keepId: keepId && !asRoot,
    hostIds,
    ...{ sudo: request.sudo, restart: request.restart },
    gpus: gpusOf(facts).request,
    limits,
  };
}

/** Rootless Podman could not choose whom the caller becomes in the container before 4.3. */
function requireKeepId(version: string) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 4 || (major === 4 && minor >= 3)) return;
  throw new Failure(
    3,
    `Cannot run JupyterLab as yourself: it takes Podman 4.3 or newer, current value is "${version}"`,
    {
      remedy: "deno task jupyter --engine podman --root: without root's rights, root in the container is you",
    },
  );
}

/**
 * The images start as root and become the user by `sudo`. With other ids it can't write the project; and with this
 * machine's, the files of the image are another user's, so that sudo refuses.
 */
function remapped(): Failure {
  return new Failure(
    3,
    "Cannot run JupyterLab as yourself: this Docker gives containers ids of their own (userns-remap)",
    {
      remedy: "deno task jupyter --engine host, or Podman, or rootless Docker; or take userns-remap out of " +
        "/etc/docker/daemon.json",
    },
  );
}

function refuseContainerOptions(
  { address, sudo, root, restart, published, gpus }: ServerRequest,
  { engine, container }: EngineChoice,
) {
  const onHost = container === undefined;
  const given = { sudo, root, restart, publish: published.length > 0, gpus: onHost && gpus !== undefined };
  const option = Object.entries(given).find(([, value]) => value)?.[0];
  if (option === undefined) return refuseAddress(address);
  const place = onHost ? "run on the host" : `be your own process, in ${engine.name}`;
  throw new Failure(2, `--${option} needs a container engine, and JupyterLab would ${place}`, {
    remedy: "Leave it out, or add --engine docker or podman",
  });
}

/** A process binds one address, and this machine must reach it. */
function refuseAddress(address: string) {
  if (includesLoopback(address)) return;
  throw new Failure(2, `--host must be 0.0.0.0 for JupyterLab on the host, current value is "${address}"`);
}

function notesOn({ request, choice, host }: ServerFacts, isRootAnyway: boolean): string[] {
  const notes = choice.note === undefined ? [] : [choice.note];
  if (!isLoopback(request.address)) {
    notes.push(
      `Warning: --host ${request.address} lets other machines reach JupyterLab, over unencrypted HTTP: whoever sees ` +
        "the traffic has the token, and with it this project. Safer: ssh -L " +
        `${request.port}:127.0.0.1:${request.port} ${host.name}`,
    );
  }
  if (isRootAnyway && host.uid === 0) {
    notes.push("You are root, so JupyterLab runs as root and its files are root's");
  }
  if (request.root && !isRootAnyway && !choice.container?.keepId) {
    notes.push(
      "With --root the files that it writes belong to root; deno task fix-permissions gives them to you",
    );
  }
  return notes;
}
