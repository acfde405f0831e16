/** Where the repair runs: right here, or as root in a container that sees nothing but the project. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { client, explainEngine, LABELS, requireEngine } from "../container/client.ts";
import { mountArguments } from "../engine/container.ts";
import { CONTAINER_PROGRAMS, type ContainerProgram } from "../container/program.ts";
import { imageMarker } from "../system/host.ts";
import { INSIDE } from "../system/product.ts";
import { isOnPath } from "../system/on_path.ts";
import { findFirst } from "./find.ts";
import type { Caller, Request } from "./request.ts";

export type Place =
  | { kind: "here" }
  | {
    kind: "container";
    program: ContainerProgram;
    /** Name of an image with Python. */
    image: string;
    /** Root in a container is the user who started it, and other ids are out of a range that belongs to them. */
    rootless: boolean;
  };

/** The folder of the helper, all that a container sees of the product. */
const HELPER = join(INSIDE, "ownership");

const SCRIPT = "fix_ownership.py";

/** Python that the user's variables and packages can't change, and that writes no cache: it may be root's. */
const PYTHON = ["python3", "-E", "-s", "-S", "-B", "-X", "utf8"];

/** Where the container sees the project and the helper's folder. */
const PROJECT = "/project";

const MOUNTED_INSIDE = "/inside";

/** The command that looks, and with `repair` changes. */
export function helperCommand(place: Place, request: Request, repair: boolean, name: string): string[] {
  if (place.kind === "here") {
    return [...PYTHON, join(HELPER, SCRIPT), request.root, ...helperArguments(request, repair)];
  }
  const outside = place.rootless && !request.toContainer ? ["--outside-ids"] : [];
  return [
    ...containerCommand(place, request.root, repair, name),
    ...[...PYTHON.slice(1), `${MOUNTED_INSIDE}/${SCRIPT}`, PROJECT],
    ...[...helperArguments(request, repair), ...outside],
  ];
}

function helperArguments({ uid, gid, groups, group }: Request, repair: boolean): string[] {
  return [
    ...["--uid", String(uid), "--gid", String(gid)],
    ...groups.flatMap((id) => ["--also-gid", String(id)]),
    ...(group ? ["--group"] : []),
    ...(repair ? ["--repair"] : []),
  ];
}

/** Root with only the rights that the repair needs, no network, and nothing to write to but the project. */
function containerCommand(
  { program, image }: Place & { kind: "container" },
  root: string,
  repair: boolean,
  name: string,
): string[] {
  const labels = { [LABELS.role]: "permissions", [LABELS.project]: root };
  return [
    ...[program, "run", "--rm", "--name", name],
    ...Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]),
    ...["--pull", "never", "--network", "none", "--read-only", "--user", "0:0", "--workdir", "/"],
    // Where the engine gives containers ids of their own, root there would have no power over the files.
    ...(program === "nerdctl" ? [] : ["--userns", "host"]),
    ...["--cap-drop", "ALL"],
    ...["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"].flatMap((capability) => ["--cap-add", capability]),
    // Without the second, SELinux keeps a container out of the user's files.
    ...["--security-opt", "no-new-privileges", "--security-opt", "label=disable"],
    ...mountArguments(program, { source: root, target: PROJECT, readOnly: !repair }),
    ...mountArguments(program, { source: HELPER, target: MOUNTED_INSIDE, readOnly: true }),
    ...["--entrypoint", PYTHON[0]!, image],
  ];
}

/**
 * Right here where this user's rights suffice, else a container.
 *
 * @param engine program that was asked for
 * @throws Failure(3) if root's rights are needed and can't be had.
 */
export async function choosePlace(
  request: Request,
  caller: Caller,
  engine?: ContainerProgram,
): Promise<Place> {
  if (engine === undefined && await hasRights(request, caller) && isOnPath("python3")) {
    return { kind: "here" };
  }
  const image = imageMarker();
  if (image === undefined || caller.isRoot) return await findContainer(engine);
  throw new Failure(3, `Cannot become root here: this is a container of the image ${image.name}`, {
    remedy:
      "On the host: deno task fix-permissions. Or here, if the container was started with the right to sudo: " +
      "sudo $(command -v deno) task fix-permissions",
  });
}

/** Users may change the group and the mode of their own files. */
async function hasRights(request: Request, { isRoot }: Caller): Promise<boolean> {
  if (isRoot) return true;
  return !request.toContainer && (await findFirst(request, "foreign users")).kind === "nothing";
}

/**
 * The first engine that answers and has an image with Python, or the one that was asked for.
 *
 * @throws Failure(3) if there is none, with what is wrong with the first that is there.
 */
async function findContainer(asked?: ContainerProgram): Promise<Place & { kind: "container" }> {
  const programs = asked === undefined ? CONTAINER_PROGRAMS.filter(isOnPath) : [asked];
  const problems: Failure[] = [];
  for (const program of programs) {
    try {
      return await containerOf(program);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      problems.push(error);
    }
  }
  throw problems[0] ??
    new Failure(3, `Cannot become root without sudo: there is no ${CONTAINER_PROGRAMS.join(", ")} on PATH`, {
      remedy: "sudo $(command -v deno) task fix-permissions, or install a container engine",
    });
}

async function containerOf(program: ContainerProgram): Promise<Place & { kind: "container" }> {
  const [{ rootless }, own, all] = await Promise.all([
    requireEngine(program),
    listImages(program, ["--filter", "label=experiment.name"]),
    listImages(program, []),
  ]);
  const image = chooseImage(own, all);
  if (image !== undefined) return { kind: "container", program, image, rootless };
  throw new Failure(3, `Cannot become root in a container: ${program} has no image with Python`, {
    remedy:
      `deno task build --cpu makes the experiment's own, or get a small one: ${program} pull python:3.13-slim`,
  });
}

async function listImages(program: ContainerProgram, filter: string[]): Promise<string[]> {
  const args = ["image", "ls", ...filter, "--format", "{{.Repository}}:{{.Tag}}"];
  const { code, stdout, stderr } = await client(program, args, { timeoutMs: 30_000 });
  if (code !== 0) throw explainEngine(program, stderr);
  return stdout.split("\n").filter((name) => name !== "" && !name.includes("<none>"));
}

/** Images that have a Python on their PATH. */
const HAS_PYTHON = /(?:^|\/)(?:gpu-jupyter|[a-z-]+-notebook|python):/;

/**
 * An image with Python: one that `deno task build` made, else one that is known to have it.
 *
 * @param own images with this project's label, newest first
 */
export function chooseImage(own: string[], all: string[]): string | undefined {
  return own[0] ?? all.find((name) => HAS_PYTHON.test(name));
}
