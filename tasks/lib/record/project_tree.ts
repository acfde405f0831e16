/** Files that steps write into the project: this run's while it runs, in the run folder afterwards. */

import { dirname, join, relative } from "node:path";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import { copyTree, exists, moveTree, sha256, sha256File, writeAtomic } from "../system/files.ts";
import { filesAt, SetAside } from "./set_aside.ts";

/** What a file was known by before a step. */
interface Mark {
  ino: number | null;
  size: number;
  modified?: number;
  changed?: number;
  hash: string;
}

type Marks = Map<string, Mark>;

interface Taken {
  problem?: string;
  untouched?: string[];
}

/** The outputs of a plan's steps in the project, from the first step to the end. */
export class ProjectTree {
  readonly #root: string;
  #before: Marks = new Map();

  /** A run that never came to its steps has written nothing that could be kept. */
  #began = false;

  private constructor(readonly plan: Plan, readonly aside: SetAside, readonly keep: boolean) {
    this.#root = plan.experiment.root;
  }

  /**
   * Takes the places of all outputs over.
   *
   * @param keep what the run writes stays in the project at its end
   * @returns undefined for a plan whose steps write nothing into the project
   * @throws as `SetAside.begin`
   */
  static async open(plan: Plan, keep = false): Promise<ProjectTree | undefined> {
    const paths = placesOf(plan);
    if (paths.length === 0) return undefined;
    const { experiment: { root, name }, run } = plan;
    return new ProjectTree(plan, await SetAside.begin(root, { run, experiment: name }, paths), keep);
  }

  /** Puts what steps of earlier runs have written where the steps of this one look for it. */
  async stage(): Promise<void> {
    this.#began = true;
    for (const { path, text } of this.plan.files ?? []) await writeAtomic(join(this.#root, path), text);
    for (const { directory, outputs } of this.plan.staged ?? []) await this.#place(directory, outputs);
  }

  /** One hash for all that stands at the places of outputs: what a step may read of them. */
  async state(): Promise<string> {
    const marks = await this.#marks(this.aside.journal.places.map(({ path }) => path));
    return sha256(JSON.stringify([...marks].map(([path, { hash }]) => [path, hash]).sort()));
  }

  /**
   * Remembers what stands there before a step runs.
   *
   * @param goesOn it is taken up again: what it had written stands there, too, and counts as written
   */
  async before(step: PlannedStep, goesOn: boolean): Promise<void> {
    if (step.outputs === undefined) return await this.aside.running(undefined);
    this.#before = await this.#marks(step.outputs);
    await this.aside.running({ name: step.name, paths: step.outputs });
    if (!goesOn) return;
    for (const path of step.outputs) {
      for (const file of await filesAt(step.out, path)) {
        await Deno.remove(join(this.#root, file), { recursive: true }).catch(() => {});
        await moveTree(join(step.out, file), join(this.#root, file));
        this.#before.delete(file);
      }
    }
  }

  /**
   * Moves what a step has written into its folder in the run; a copy stays for the steps after it.
   *
   * @returns what is there that it did not write, and what went wrong, if anything
   */
  async take(step: PlannedStep): Promise<Taken> {
    if (step.outputs === undefined) return {};
    const untouched: string[] = [];
    const isLast = !this.keep && this.plan.steps.at(-1) === step;
    let problem: string | undefined;
    for (const path of step.outputs) {
      const files = await filesAt(this.#root, path);
      const written: string[] = [];
      for (const file of files) (await this.#isWritten(file) ? written : untouched).push(file);
      if (written.length === 0) {
        problem ??= unwritten(path, files.length > 0, await this.#isEmptyFolder(path));
      }
      for (const file of written) {
        const target = join(step.out, file);
        if (await exists(target)) {
          problem ??= `it wrote ${file} into the project and into its own folder, and only one can be kept`;
          continue;
        }
        await Deno.mkdir(dirname(target), { recursive: true });
        await (isLast ? moveTree : copyTree)(join(this.#root, file), target);
      }
    }
    return { problem, ...(untouched.length > 0 && { untouched }) };
  }

  /** Puts the outputs of a step that did not have to run again where the steps after it look for them. */
  async place({ out, outputs }: PlannedStep): Promise<void> {
    if (outputs !== undefined) await this.#place(out, outputs);
  }

  /** Puts everything back as it was; what stood there stays in the run folder if the new files are kept. */
  async close(): Promise<void> {
    const replaced = this.keep && this.#began ? join(this.plan.directory, ".replaced") : undefined;
    await this.aside.end(replaced, (this.plan.files ?? []).map(({ path }) => path));
  }

  async #place(folder: string, outputs: string[]) {
    for (const path of outputs) {
      for (const file of await filesAt(folder, path)) {
        const target = join(this.#root, file);
        await Deno.remove(target, { recursive: true }).catch(() => {});
        await copyTree(join(folder, file), target);
      }
    }
  }

  async #isEmptyFolder(path: string): Promise<boolean> {
    return await Deno.lstat(join(this.#root, path)).then((info) => info.isDirectory, () => false);
  }

  /** A file that is merely there was not computed: it has to be another one, or newer, or have other bytes. */
  async #isWritten(file: string): Promise<boolean> {
    const before = this.#before.get(file);
    if (before === undefined) return true;
    const now = await markOf(join(this.#root, file));
    if (now.ino !== before.ino || now.size !== before.size || now.modified !== before.modified) return true;
    return now.changed !== before.changed && await contentOf(join(this.#root, file)) !== before.hash;
  }

  async #marks(paths: string[]): Promise<Marks> {
    const marks: Marks = new Map();
    for (const path of paths) {
      for (const file of await filesAt(this.#root, path)) {
        const at = join(this.#root, file);
        const mark = await markOf(at);
        const known = this.#known.get(file);
        const isKnown = known?.ino === mark.ino && known.size === mark.size &&
          known.modified === mark.modified && known.changed === mark.changed;
        const whole = isKnown ? known : { ...mark, hash: await contentOf(at) };
        this.#known.set(file, whole);
        marks.set(file, whole);
      }
    }
    return marks;
  }

  /** What was read once, and not touched since. */
  readonly #known: Marks = new Map();
}

/** Everything that the steps of a plan write into the project, or find there other than it came. */
export function outputsOf({ steps, staged = [], files = [] }: Plan): string[] {
  const outputs = [...steps, ...staged].flatMap(({ outputs = [] }) => outputs);
  return [...new Set([...outputs, ...files.map(({ path }) => path)])];
}

/** Everything below the root of a project that is no code: what steps write and download, and data. */
export function notCode(plan: Plan): string[] {
  const { experiment: { root }, data = {}, steps } = plan;
  const downloads = steps.flatMap((step) => Object.values(step.downloads ?? {}));
  const places = [...Object.values(data), ...downloads].map(({ path }) => relative(root, path));
  return [...new Set([...outputsOf(plan), ...places.filter((path) => !path.startsWith(".."))])];
}

/** The outermost places that the steps of a plan write to, or read what earlier steps wrote. */
function placesOf(plan: Plan): string[] {
  const paths = outputsOf(plan);
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}/`)));
}

function unwritten(path: string, isThere: boolean, isFolder: boolean): string {
  if (isThere) {
    return `it did not write ${path}: what stands there came with the project, and is not computed in this run`;
  }
  return `it ended without error but did not write ${path}${isFolder ? ": the folder is empty" : ""}`;
}

async function markOf(path: string): Promise<Omit<Mark, "hash">> {
  const { ino, size, mtime, ctime } = await Deno.lstat(path);
  return { ino, size, modified: mtime?.getTime(), changed: ctime?.getTime() };
}

async function contentOf(path: string): Promise<string> {
  const info = await Deno.lstat(path);
  return info.isSymlink ? `link ${await Deno.readLink(path)}` : await sha256File(path);
}
