/** What is sent to the engine: a copy of the files that git tracks, the wheels, and what the tasks import. */

import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { exists, listFiles } from "../system/files.ts";
import { ROOT } from "../system/product.ts";
import { type Provenance, STAGED } from "./build_plan.ts";
import { denoPackages } from "./deno_packages.ts";

/** What a copy of the project without git must not hand on; `.dockerignore` leaves out the rest. */
const LEFT_OUT =
  /^(runs|trained|predictions|node_modules|\.cache|(gpu-)?wheelhouse)$|(^|\/)(\.git|\.venv.*|__pycache__)$/;

/** Characters, as many as `run` keeps: some 20,000 files. */
const LONGEST_ANSWER = 1_000_000;

/** Paths of the tracked files, relative to the root; without git, of all files that `.dockerignore` may let pass. */
export async function contextFiles(root: string): Promise<string[]> {
  const tracked = await git(root, ["ls-files", "-z"]);
  if (tracked !== undefined) return tracked.split("\0").filter((path) => path !== "");
  return (await listFiles(root, (path) => LEFT_OUT.test(path))).map(({ path }) => path);
}

/** What the task runner consists of beside `tasks/`. */
const PRODUCT_FILES = ["deno.json", "deno.lock", "CITATION.cff", "LICENSE"];

/** Folder of the task runner in what is sent to the engine: it lies in the project, or is put beside its files. */
export function productIn(root: string): string {
  return root === ROOT ? "." : STAGED;
}

/**
 * Copies the files, the task runner, the wheels and what the tasks import to an empty folder. Modes are made the same
 * for everyone, so that the engine's cache does not depend on the user's umask.
 *
 * @param required paths that the build can't do without
 * @param made texts of files that are made for the build, by their path
 * @throws Failure(2) if a required one is not tracked
 */
export async function stageContext(
  { root, folder, required, wheelhouse, made = {} }: {
    root: string;
    folder: string;
    required: string[];
    wheelhouse?: string;
    made?: Record<string, string>;
  },
): Promise<{ files: number }> {
  const files = await contextFiles(root);
  const untracked = required.filter((path) => !files.includes(path));
  if (untracked.length > 0) {
    throw new Failure(
      2,
      `Cannot build: git does not track ${untracked.join(", ")}, so it is not in the image`,
      {
        remedy: `git add ${untracked.join(" ")}`,
      },
    );
  }
  const product = join(folder, productIn(root));
  const wheels = join(product, "wheelhouse");
  stage(root, files, folder);
  await Promise.all([
    root === ROOT ? undefined : stageProduct(product),
    wheelhouse === undefined ? undefined : stageWheels(wheelhouse, wheels),
    stageImports(wheels),
  ]);
  for (const [path, text] of Object.entries(made)) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.writeTextFile(join(folder, path), text);
    await Deno.chmod(join(folder, path), 0o644);
  }
  // What the project keeps from engines may have a pattern that fits what was put beside its files.
  const ignored = join(folder, ".dockerignore");
  if (await exists(ignored)) await Deno.writeTextFile(ignored, `\n!${STAGED}\n`, { append: true });
  return { files: files.length };
}

/** The task runner, from wherever it lies. */
async function stageProduct(folder: string) {
  const files = await listFiles(join(ROOT, "tasks"), (path) => /(?:^|\/)(?:__pycache__|\.[^/]*)$/.test(path));
  const paths = [...files.map(({ path }) => join("tasks", path)), ...PRODUCT_FILES];
  stage(ROOT, paths, folder);
}

/** Copies files of one folder to another, without waiting: for thousands of small ones that takes longer than the work. */
function stage(from: string, paths: string[], to: string) {
  const made = new Set<string>();
  for (const path of paths) stageOne(join(from, path), join(to, path), made);
}

function stageOne(from: string, to: string, made: Set<string>) {
  const info = lookAt(from);
  if (info === undefined || info.isDirectory) return; // deleted but not yet committed, or a submodule
  const parent = dirname(to);
  if (!made.has(parent)) Deno.mkdirSync(parent, { recursive: true });
  made.add(parent);
  if (info.isSymlink) return Deno.symlinkSync(Deno.readLinkSync(from), to);
  Deno.copyFileSync(from, to);
  Deno.chmodSync(to, info.mode !== null && (info.mode & 0o100) !== 0 ? 0o755 : 0o644);
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/** Puts the wheels of a folder into another, which need not be there yet. */
export async function stageWheels(from: string, to: string) {
  await Deno.mkdir(to, { recursive: true });
  for (const wheel of await wheelsIn(from)) {
    await link(wheel, join(to, basename(wheel)));
  }
}

/** Hundreds of megabytes: a link if they lie on the same file system. */
async function link(from: string, to: string) {
  await Deno.link(from, to).catch((error) => {
    // The same version of the same package, from the time before.
    if (!(error instanceof Deno.errors.AlreadyExists)) return Deno.copyFile(from, to);
  });
}

/** Copies the npm packages that the tasks import to `deno/` in a wheelhouse, laid out as Deno's own cache. */
export async function stageImports(wheelhouse: string): Promise<void> {
  for (const { folder, place } of await denoPackages(ROOT)) {
    if (!await exists(folder)) continue; // the image's build tries again, and says so if it fails too
    linkFolder(folder, join(wheelhouse, "deno", place));
  }
}

function linkFolder(from: string, to: string) {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory, isFile } of Deno.readDirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) linkFolder(source, target);
    else if (isFile && !name.endsWith(".map")) {
      try {
        Deno.linkSync(source, target);
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) Deno.copyFileSync(source, target);
      }
    }
  }
}

/** Absolute paths of the wheels in a folder; none if the folder is not there. */
export async function wheelsIn(folder: string): Promise<string[]> {
  if (!await exists(folder)) return [];
  const names = [];
  for await (const entry of Deno.readDir(folder)) if (entry.name.endsWith(".whl")) names.push(entry.name);
  return Promise.all(names.sort().map((name) => Deno.realPath(join(folder, name))));
}

export async function readProvenance(root: string): Promise<Provenance> {
  const [commit, changed, source, citation] = await Promise.all([
    git(root, ["log", "-1", "--format=%H %cI"]),
    git(root, ["status", "--porcelain", "--untracked-files=no"]),
    git(root, ["remote", "get-url", "origin"]),
    Deno.readTextFile(join(root, "CITATION.cff")).catch(() => ""),
  ]);
  const [revision, time] = commit?.trim().split(" ") ?? [];
  return {
    revision: revision && (changed?.trim() ? `${revision}-dirty` : revision),
    source: source && publicAddress(source.trim()),
    created: time && new Date(time).toISOString().replace(".000Z", "Z"),
    licenses: /^license:\s*["']?([\w.+-]+)/m.exec(citation)?.[1],
  };
}

/**
 * Where others find the repository. An address with a user and a token in it is how some CI systems clone; the folder
 * that a clone was made from is no address, and tells of its owner's machine.
 */
export function publicAddress(origin: string): string | undefined {
  if (/^(?:https?|ssh|git):\/\//.test(origin)) return origin.replace(/^(\w+:\/\/)[^/@]*@/, "$1");
  return /^[\w.-]+@[\w.-]+:[^\\]/.test(origin) ? origin : undefined;
}

async function git(root: string, args: string[]): Promise<string | undefined> {
  // Asked of a folder inside somebody's larger repository, git would answer for that one.
  if (!await exists(join(root, ".git"))) return undefined;
  try {
    const done = await run(["git", "-C", root, ...args], { env: { GIT_OPTIONAL_LOCKS: "0" } });
    if (done.code !== 0) return undefined;
    // `run` keeps the end of what is longer, and half a list would leave files out silently.
    if (done.stdout.length >= LONGEST_ANSWER) {
      throw new Failure(2, `Cannot build: git ${args[0]} names too many files`, {
        remedy: "Take data out of the repository",
      });
    }
    return done.stdout;
  } catch (error) {
    if (error instanceof Failure) return undefined; // git is not installed
    throw error;
  }
}
