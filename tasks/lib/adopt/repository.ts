/** A repository that is looked at: its files by name, their texts, and what its Python sources say. Reads only. */

import { basename, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { checkRegular } from "../system/regular_file.ts";
import { type PythonFacts, scanPython } from "./python_facts.ts";

/** Folders that hold no source: made by tools, or by this program. */
const MADE =
  /^(?:\.git|\.hg|\.svn|\.dvc|\.tox|\.nox|\.cache|\.ipynb_checkpoints|\.set-aside|__pycache__|node_modules|runs|wandb|lightning_logs|site-packages|\.?venv.*|\.env|\.eggs|.*\.egg-info|build|dist|\.mypy_cache|\.pytest_cache|\.ruff_cache)$/;

/** A repository has fewer; a home folder or a disk may not. */
const MOST_FILES = 300_000;

/** Sources beyond this are no research repository, but a folder of many. */
const MOST_SOURCES = 4000;

/** Bytes; a text beyond this is no specification and no README. */
const LARGEST_TEXT = 4_000_000;

const LARGEST_NOTEBOOK = 64_000_000;

export class Repository {
  readonly #texts = new Map<string, string | undefined>();
  readonly #files: Set<string>;
  #python?: Promise<Map<string, PythonFacts>>;

  /** @param files relative to the root, sorted */
  private constructor(
    readonly root: string,
    readonly files: readonly string[],
    readonly notes: string[],
  ) {
    this.#files = new Set(files);
  }

  /** Lists the files; links and repositories within it are named and left alone. */
  static open(root: string): Repository {
    const notes: string[] = [];
    return new Repository(root, listSources(root, notes), notes);
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  named(pattern: RegExp): string[] {
    return this.files.filter((path) => pattern.test(path));
  }

  /** The text of a file, without carriage returns; undefined, with a note, where it can't be read. */
  text(path: string): string | undefined {
    if (!this.#texts.has(path)) this.#texts.set(path, this.#read(path));
    return this.#texts.get(path);
  }

  #read(path: string): string | undefined {
    try {
      const most = path.endsWith(".ipynb") ? LARGEST_NOTEBOOK : LARGEST_TEXT;
      checkRegular(join(this.root, path), { most });
      const bytes = Deno.readFileSync(join(this.root, path));
      return decode(bytes).replaceAll("\r\n", "\n");
    } catch (error) {
      const reason = (error as Error).message.replace(/^Cannot read .*?: it /, "");
      this.notes.push(`${path} was skipped: it ${reason}`);
      return undefined;
    }
  }

  /**
   * What the Python sources and notebooks say, by path: all in one process, and only once.
   *
   * @param imports also what sources import that are no scripts; the first call decides
   */
  python({ imports = false } = {}): Promise<Map<string, PythonFacts>> {
    this.#python ??= this.#scan(imports);
    return this.#python;
  }

  async #scan(imports: boolean) {
    const all = this.named(/\.(?:py|ipynb)$/);
    const depth = (path: string) => path.split("/").length;
    const files = all.length <= MOST_SOURCES
      ? all
      : all.toSorted((a, b) => depth(a) - depth(b)).slice(0, MOST_SOURCES);
    if (files.length < all.length) {
      this.notes.push(
        `${all.length} Python files and notebooks: the ${MOST_SOURCES} nearest to the root were looked at`,
      );
    }
    const told = this.named(/^(?:dvc\.ya?ml|readme.*|makefile|snakefile|mlproject)$/i).map((path) =>
      this.text(path) ?? ""
    );
    const named = told.join("\n");
    const wanted = files.filter((path) =>
      path.endsWith(".py") &&
      (named.includes(basename(path)) ||
        (/^[^/]*$/.test(path) && !/^(?:setup|conftest|test_.*)\.py$/.test(path)))
    );
    return await scanPython(this.root, { files, wanted, imports }, this.notes);
  }
}

/** Old texts are Latin-1, which every sequence of bytes is. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes);
  }
}

function listSources(root: string, notes: string[]): string[] {
  const found: string[] = [];
  const pending = [""];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    if (found.length > MOST_FILES) {
      notes.push(`more than ${MOST_FILES} files: the rest was not looked at, such as ${folder}/`);
      break;
    }
    let entries: Deno.DirEntry[];
    try {
      entries = Array.from(Deno.readDirSync(folder === "" ? root : `${root}/${folder}`));
    } catch (error) {
      if (folder === "") {
        throw new Failure(3, `Cannot look at ${root}: ${(error as Error).message}`, {
          remedy: "Give this user the right to read it",
        });
      }
      notes.push(`${folder}/ was skipped: ${(error as Error).message.replace(/:? readdir.*/, "")}`);
      continue;
    }
    if (folder !== "" && entries.some(({ name }) => name === ".git")) {
      notes.push(`${folder}/ was skipped: it is a repository of its own, such as a submodule`);
      continue;
    }
    for (const { name, isDirectory, isSymlink, isFile } of entries) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (isDirectory && !MADE.test(name)) pending.push(path);
      else if (isFile || (isSymlink && staysWithin(root, path, notes))) found.push(path);
    }
  }
  return found.sort();
}

/** Whether a link leads to a file of the repository. Folders behind links are not gone into. */
function staysWithin(root: string, path: string, notes: string[]): boolean {
  try {
    const real = Deno.realPathSync(`${root}/${path}`);
    if (real.startsWith(`${Deno.realPathSync(root)}/`)) return Deno.statSync(real).isFile;
    notes.push(`${path} was skipped: it is a link that leaves the repository`);
  } catch {
    notes.push(`${path} was skipped: it is a link to nothing`);
  }
  return false;
}
