/** What of a repository is audited: its files, and those of YAML and TOML as plain values. */

import { basename, join } from "node:path";
import { run } from "../system/command.ts";

/** As tasks/inside/run_audit.py reads it. */
export interface AuditRequest {
  root: string;
  /** Paths of all files, relative to the root, but those that git ignores. */
  files: string[];
  /** Those that git has; absent where there is no git. */
  tracked?: string[];
  /** YAML and TOML by path. */
  documents: Record<string, unknown>;
  /** Files that can't be read as what they are, with the reason. */
  unreadable: [path: string, reason: string][];
}

/** What people don't write: environments, caches, and what git and this program keep. */
const MADE =
  /(^|\/)(\.git|\.venv[^/]*|venv|\.cache|node_modules|__pycache__|site-packages|\.ipynb_checkpoints|\.[a-z]+_cache|[^/]+\.egg-info|\.set-aside|runs)$/;

/** Files that say what is installed, in which order, and from what. */
const DOCUMENTS =
  /^(?:env[^/]*\.ya?ml|conda[^/]*\.ya?ml|dvc\.yaml|[^/]+\.dvc|[^/]*compose[^/]*\.ya?ml|experiment\.yaml|pyproject\.toml|Pipfile|pixi\.toml)$/;

const LOCK = /^conda-lock\.ya?ml$/;

/** More than this is nobody's settings. */
const MOST_BYTES = 2_000_000;

const MOST_VALUES = 100_000;

/**
 * Lists and reads what the audit needs; runs nothing of the repository, and follows no link out of it.
 *
 * @throws Failure(2) if the folder is not there or can't be read
 */
export async function readRepository(root: string): Promise<AuditRequest> {
  const unreadable: AuditRequest["unreadable"] = [];
  const tracked = await gitFiles(root, "--cached");
  const others = tracked === undefined ? undefined : await gitFiles(root, "--others", "--exclude-standard");
  // A copy that lies in somebody's repository, which has none of its files, is judged as one without git.
  const known = tracked === undefined || tracked.length === 0 ? undefined : tracked;
  const files = known === undefined ? await walk(root, unreadable) : [...known, ...others ?? []];
  const documents: AuditRequest["documents"] = {};
  for (const path of files) {
    if (!isDocument(path)) continue;
    try {
      documents[path] = await readDocument(root, path);
    } catch (error) {
      unreadable.push([path, firstLine(error)]);
    }
  }
  return { root, files, ...(known !== undefined && { tracked: known }), documents, unreadable };
}

/** What checks the code, or is somebody else's; the rules look at none of it. */
const ASIDE = /(^|\/)(tests?|testing|node_modules|site-packages|third_party|vendor|vendored|externals?)\//;

/** conda's files have any name in such a folder, as workflows keep them. */
const ENVIRONMENTS = /(^|\/)env(?:ironment)?s?\/[^/]+\.ya?ml$/;

function isDocument(path: string): boolean {
  const name = basename(path);
  return (DOCUMENTS.test(name) || ENVIRONMENTS.test(path)) && !LOCK.test(name) && !ASIDE.test(path);
}

async function gitFiles(root: string, ...options: string[]): Promise<string[] | undefined> {
  try {
    const { code, stdout } = await run(["git", "-C", root, "ls-files", "-z", ...options], {
      env: { GIT_OPTIONAL_LOCKS: "0" },
      keep: "all",
    });
    return code === 0 ? stdout.split("\0").filter((path) => path !== "" && !isMade(path)) : undefined;
  } catch {
    return undefined; // git is not installed
  }
}

function isMade(path: string): boolean {
  const parts = path.split("/");
  return parts.slice(0, -1).some((_, index) => MADE.test(parts.slice(0, index + 1).join("/")));
}

/** All files below a folder; a folder that this user may not read is named, and passed over. */
async function walk(root: string, unreadable: AuditRequest["unreadable"]): Promise<string[]> {
  const found: string[] = [];
  const pending = [""];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const below = folder === "" ? "" : `${folder}/`;
    try {
      const entries = await Array.fromAsync(Deno.readDir(join(root, folder)));
      // The root of an environment of venv or conda, whatever its name.
      if (folder !== "" && entries.some(({ name }) => name === "pyvenv.cfg" || name === "conda-meta")) {
        continue;
      }
      for (const entry of entries) {
        const path = `${below}${entry.name}`;
        if (entry.isDirectory && !MADE.test(path)) pending.push(path);
        else if (entry.isFile || entry.isSymlink) found.push(path);
      }
    } catch (error) {
      if (folder === "") throw error;
      unreadable.push([`${folder}/`, firstLine(error)]);
    }
  }
  return found;
}

async function readDocument(root: string, path: string): Promise<unknown> {
  const file = join(root, path);
  const info = await Deno.lstat(file);
  if (!info.isFile) throw new Error("it is a link, which is not followed");
  if (info.size > MOST_BYTES) {
    throw new Error(`${Math.round(info.size / 1e6)} MB are more than is read (${MOST_BYTES / 1e6} MB)`);
  }
  const text = await Deno.readTextFile(file);
  const { tomlAsJson, yamlAsJson } = await import("../values/as_json.ts");
  const isToml = /\.toml$|^Pipfile$/.test(basename(path));
  return JSON.parse(await (isToml ? tomlAsJson(text) : yamlAsJson(text, MOST_VALUES)));
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n")[0]!.replace(/: readdir .*|, open .*/, "");
}
