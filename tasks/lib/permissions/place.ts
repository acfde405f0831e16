/** Where the repair runs: right here, or as root in a container that sees nothing but the project. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { client, explainEngine, inspectImage, LABELS, requireEngine } from "../container/client.ts";
import type { ContainerProgram } from "../container/program.ts";
import { mountArguments } from "../engine/container.ts";
import { allEngines } from "../engine/index.ts";
import { run } from "../system/command.ts";
import { inParallel } from "../system/files.ts";
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
    /** Root in a container is the user who started it, and has no power over files of others. */
    rootless: boolean;
  };

/** What was asked for. */
export interface ChosenPlace {
  /** `--engine`. */
  engine?: string;
  image?: string;
}

/** The folder of the helper, all that a container sees of the product. */
const HELPER = join(INSIDE, "ownership");

const SCRIPT = "fix_ownership.py";

/** Python that the user's variables and packages can't change, and that writes no cache: it may be root's. */
const PYTHON = ["python3", "-E", "-s", "-S", "-B", "-X", "utf8"];

/** Where the container sees the project and the helper's folder. */
const PROJECT = "/project";

const MOUNTED_INSIDE = "/inside";

/** Entries whose owners the helper compares with what it sees. */
const SEEN = 30;

/** What the helper is to do: look, repair, or take back the changes that it reads on standard input. */
export type Work = "look" | "repair" | "undo";

/** The command that does it. */
export async function helperCommand(
  place: Place,
  request: Request,
  work: Work,
  name: string,
): Promise<string[]> {
  const ids = await idArguments(request);
  if (place.kind === "here") {
    return [
      ...PYTHON,
      join(HELPER, SCRIPT),
      request.root,
      ...helperArguments(request, work),
      ...ids,
    ];
  }
  return [
    ...containerCommand(place, request.root, work, name),
    ...[...PYTHON.slice(1), `${MOUNTED_INSIDE}/${SCRIPT}`, PROJECT],
    ...[...helperArguments(request, work), ...ids],
  ];
}

function helperArguments({ uid, gid, groups, group, all }: Request, work: Work): string[] {
  if (work === "undo") return ["--undo"];
  return [
    ...["--uid", String(uid), "--gid", String(gid)],
    ...groups.flatMap((id) => ["--also-gid", String(id)]),
    ...(group ? ["--group"] : []),
    ...(work === "repair" ? ["--repair", ...(all ? ["--all"] : [])] : []),
  ];
}

/**
 * From what the helper knows which ids of the machine its own stand for: the caller's map of ids, which is its own where
 * they share a namespace, and some entries as the caller sees them. A rootless engine gives root in a container the
 * caller's files, so a repair that took its ids for the machine's would give everything away.
 */
async function idArguments({ root, toContainer }: Request): Promise<string[]> {
  const maps = await Promise.all(
    ["uid", "gid"].map(async (kind) => [`--caller-${kind}s`, await idMap(kind)]),
  );
  return [
    ...(toContainer ? ["--inside-ids"] : []),
    ...maps.flat(),
    ...seenEntries(root).flatMap((entry) => ["--seen", entry]),
  ];
}

/**
 * The kernel's map of ids for this process. Deno lets nobody read /proc, so another program does.
 *
 * @throws Failure(3) if it can't be read: without it a repair could give everything away
 */
async function idMap(kind: string): Promise<string> {
  if (Deno.build.os !== "linux") return "0 0 4294967295"; // no namespaces of ids elsewhere
  const { code, stdout } = await run(["cat", `/proc/self/${kind}_map`]);
  const map = stdout.trim().replace(/\s+/g, " ");
  if (code === 0 && /^\d+ \d+ \d+( \d+ \d+ \d+)*$/.test(map)) return map;
  throw new Failure(3, `Cannot tell whose ids this process has: /proc/self/${kind}_map can't be read`);
}

/** Owners of the project's folder and of what lies directly in it, as `uid:gid:name`. */
function seenEntries(root: string): string[] {
  return [".", ...namesIn(root).sort().slice(0, SEEN)].flatMap((name) => {
    try {
      const { uid, gid } = Deno.lstatSync(join(root, name));
      return [`${uid}:${gid}:${name}`];
    } catch {
      return []; // gone meanwhile, or its name is no Unicode
    }
  });
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return []; // closed to the caller
  }
}

/** Root with only the rights that the repair needs, no network, and nothing to write to but the project. */
function containerCommand(
  { program, image }: Place & { kind: "container" },
  root: string,
  work: Work,
  name: string,
): string[] {
  const labels = { [LABELS.role]: "permissions", [LABELS.project]: root };
  return [
    ...[program, "run", "--rm", "--name", name, ...(work === "undo" ? ["--interactive"] : [])],
    ...Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]),
    ...["--pull", "never", "--network", "none", "--read-only", "--user", "0:0", "--workdir", "/"],
    // Where the engine gives containers ids of their own, root there would have no power over the files.
    ...(program === "nerdctl" ? [] : ["--userns", "host"]),
    ...["--cap-drop", "ALL"],
    ...["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"].flatMap((capability) => ["--cap-add", capability]),
    // Without the second, SELinux keeps a container out of the user's files.
    ...["--security-opt", "no-new-privileges", "--security-opt", "label=disable"],
    ...mountArguments(program, { source: root, target: PROJECT, readOnly: work === "look" }),
    ...mountArguments(program, { source: HELPER, target: MOUNTED_INSIDE, readOnly: true }),
    ...["--entrypoint", PYTHON[0]!, image],
  ];
}

/**
 * Right here where this user's rights suffice, else a container.
 *
 * @param needsRoot a user's own rights don't suffice, whatever the project looks like
 * @throws Failure(3) if root's rights are needed and can't be had.
 */
export async function choosePlace(
  request: Request,
  caller: Caller,
  { engine, image: chosen }: ChosenPlace,
  needsRoot = false,
): Promise<Place> {
  const isFree = engine === undefined && chosen === undefined && !needsRoot;
  if (isFree && await hasRights(request, caller) && isOnPath("python3")) return { kind: "here" };
  const image = await imageMarker();
  if (image === undefined || caller.isRoot) return await findContainer({ engine, image: chosen });
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
async function findContainer({ engine, image }: ChosenPlace): Promise<Place & { kind: "container" }> {
  const all = (await allEngines()).flatMap(({ name, permissions }) =>
    permissions === undefined ? [] : [{ name, program: permissions }]
  );
  const names = all.map(({ name }) => name).join(", ");
  if (engine !== undefined && !all.some(({ name }) => name === engine)) {
    throw new Failure(
      2,
      `--engine must be ${names} to become root in a container, current value is "${engine}"`,
    );
  }
  const programs = all.filter(({ name, program }) =>
    engine === undefined ? isOnPath(program) : name === engine
  );
  const problems: Failure[] = [];
  for (const { program } of programs) {
    try {
      return await containerOf(program, image);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      problems.push(error);
    }
  }
  throw problems[0] ??
    new Failure(3, `Cannot become root without sudo: there is no ${names} on PATH`, {
      remedy: "sudo $(command -v deno) task fix-permissions, or install a container engine",
    });
}

async function containerOf(
  program: ContainerProgram,
  chosen?: string,
): Promise<Place & { kind: "container" }> {
  const { rootless } = await requireEngine(program);
  const images = chosen === undefined ? await candidates(program) : [{ name: chosen, declared: false }];
  for (const { name: image, declared } of images) {
    if (declared || await hasPython(program, image)) return { kind: "container", program, image, rootless };
  }
  if (chosen !== undefined) {
    throw new Failure(
      3,
      `Cannot become root in ${chosen}: ${program} has no such image, or it has no Python`,
      {
        remedy: `Look at what there is: ${program} image ls`,
      },
    );
  }
  throw new Failure(3, `Cannot become root in a container: no image that ${program} has holds Python 3.8`, {
    remedy: `deno task build --cpu makes the experiment's own, get a small one (${program} pull ` +
      "python:3.13-slim), or name one: --image NAME",
  });
}

/** Images that are tried; each that has no Python takes half a second. */
const TRIED = 12;

/** Variables by which images say that Python is in them: conda's, Jupyter's, virtual environments. */
const DECLARES_PYTHON = ["CONDA_DIR", "CONDA_PREFIX", "VIRTUAL_ENV", "JUPYTER_PORT"];

/**
 * Whether an image says itself that it has a Python that is new enough, so that it need not be tried. The official
 * ones say which version.
 *
 * @param env variables of the image
 */
export function declaresPython(env: Record<string, string>): boolean {
  const { PYTHON_VERSION: version } = env;
  if (version === undefined) return DECLARES_PYTHON.some((one) => one in env);
  const [, major = 0, minor = 0] = (/^(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  return major > 3 || (major === 3 && minor >= 8);
}

interface Candidate {
  name: string;
  /** Says itself that it has Python, so that it need not be tried. */
  declared: boolean;
}

/** Images of this machine, newest first: those that say that they have Python, then some of the others. */
async function candidates(program: ContainerProgram): Promise<Candidate[]> {
  const args = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"];
  const { code, stdout, stderr } = await client(program, args, { timeoutMs: 30_000 });
  if (code !== 0) throw explainEngine(program, stderr);
  const names = stdout.split("\n").filter((name) => name !== "" && !name.includes("<none>"));
  const found = await inParallel(names, async (name) => ({ name, image: await inspectImage(program, name) }));
  const all = found.flatMap(({ name, image }) =>
    image === undefined ? [] : [{ name, declared: declaresPython(image.env) }]
  );
  return [
    ...all.filter(({ declared }) => declared),
    ...all.filter(({ declared }) => !declared).slice(0, TRIED),
  ];
}

/** Whether an image can do what is wanted of it, by trying: names tell nothing. */
async function hasPython(program: ContainerProgram, image: string): Promise<boolean> {
  const isNewEnough = "import sys; sys.exit(sys.version_info < (3, 8))";
  const { code } = await client(program, [
    ...["run", "--rm", "--pull", "never", "--network", "none", "--read-only", "--cap-drop", "ALL"],
    ...["--entrypoint", PYTHON[0]!, image, "-I", "-c", isNewEnough],
  ], { timeoutMs: 60_000 });
  return code === 0;
}
