/** Which files of the project a step opened, as its processes have noted it (tasks/inside/opened.py). */

import { dirname, join, normalize, relative } from "node:path";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { INSIDE } from "../system/product.ts";
import { Folder, readTextIfThere } from "../system/regular_file.ts";
import { isMadeByTools } from "./code.ts";

/** What a step's processes noted. */
interface Noted {
  opened: string[];
  times_set: string[];
}

/** A file that a step opened. */
export interface OpenedFile {
  /** Relative to the project, or `{steps.train}/…`, `{data.photos}/…` or `{cache}/…`. */
  name: string;
  /** Absolute. */
  path: string;
  kind: "project" | "published" | "step" | "data" | "cache" | "another run";
}

/** What the Python processes of a step noted while it ran. */
export interface Opened {
  files: OpenedFile[];
  /** Absolute paths whose times a step set itself. */
  timesSet: string[];
}

/** What a step's processes note it in, in its own folder. */
export function openedPath(out: string): string {
  return join(out, ".step.json.opened");
}

/** Takes what was noted out of the step's folder; nothing where its processes could not note it. */
export async function takeOpened(plan: Plan, step: PlannedStep, runs: string): Promise<Opened | undefined> {
  const path = openedPath(step.out);
  const text = await readTextIfThere(path, { within: new Folder(step.out) }).catch(() => undefined);
  await Deno.remove(path).catch(() => {});
  const noted = text === undefined ? undefined : parse(text);
  if (noted === undefined) return undefined;
  const files = new Map<string, OpenedFile>();
  for (const opened of noted.opened) {
    const path = normalize(opened);
    for (const one of [path, realPath(path)]) {
      const file = one === undefined ? undefined : placeOf(one, plan, step, runs);
      if (file !== undefined && isFile(file.path)) files.set(file.name, file);
    }
  }
  return {
    files: [...files.values()].sort((a, b) => a.name < b.name ? -1 : 1),
    timesSet: noted.times_set.map((one) => normalize(one)),
  };
}

function parse(text: string): Noted | undefined {
  try {
    const { opened, times_set } = JSON.parse(text);
    const isList = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === "string");
    return isList(opened) && isList(times_set) ? { opened, times_set } : undefined;
  } catch {
    return undefined; // the step has written something else there
  }
}

/** A program may have asked for what was never there, such as SQLite's `:memory:`. */
function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** What a file is to the project; undefined for what is not its own: libraries, what tools made, the step's own folder. */
function placeOf(path: string, plan: Plan, step: PlannedStep, runs: string): OpenedFile | undefined {
  const inside = (folder: string) => path === folder || path.startsWith(`${folder}/`);
  const { root, file } = plan.experiment;
  if (inside(step.out) || inside(INSIDE)) return undefined;
  for (const [name, { path: folder }] of Object.entries(plan.data ?? {})) {
    if (inside(folder)) return { name: below(`{data.${name}}`, folder, path), path, kind: "data" };
  }
  for (const [name, { directory }] of Object.entries(step.needs)) {
    if (inside(directory)) return { name: below(`{steps.${name}}`, directory, path), path, kind: "step" };
  }
  if (inside(plan.directory)) {
    const name = relative(plan.directory, path);
    const isStep = plan.steps.some((other) => name.startsWith(`${other.name}/`));
    return isStep ? { name: `{steps.${name.replace("/", "}/")}`, path, kind: "step" } : undefined;
  }
  if (inside(runs)) return { name: join("runs", relative(runs, path)), path, kind: "another run" };
  if (step.cache !== undefined && inside(step.cache)) {
    return { name: below("{cache}", step.cache, path), path, kind: "cache" };
  }
  if (!inside(root) || path === root) return undefined;
  const name = relative(root, path);
  if (isMadeByTools(root, name)) return undefined;
  const isPublished = inside(join(dirname(file), "published"));
  return { name, path, kind: isPublished ? "published" : "project" };
}

function below(name: string, folder: string, path: string): string {
  return path === folder ? name : `${name}/${relative(folder, path)}`;
}

/** More files of one folder than this are one entry. */
const MANY = 10;

const MOST = 200;

/** Their names as a short list: of a folder with many, how many. */
export function shortList(files: readonly OpenedFile[]): string[] {
  const folders = Map.groupBy(files, ({ name }) => dirname(name));
  const names = [...folders].flatMap(([folder, inside]) =>
    inside.length > MANY ? [`${folder}/ (${inside.length} files or more)`] : inside.map(({ name }) => name)
  );
  return names.length > MOST ? [...names.slice(0, MOST), `and ${names.length - MOST} more`] : names;
}
