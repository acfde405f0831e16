/** What every kind of environment file is: one object, in a file of its own in `formats/`. */

import { basename } from "node:path";
import type { PackageChoices } from "../experiment/experiment.ts";
import type { LockedPackage } from "./lock_file.ts";
import type { OwnProgram } from "./own_program.ts";
import type { PythonRange } from "./python.ts";
import type { Workplace } from "./tool.ts";
import type { Uv } from "./uv.ts";

/** A kind of environment file: how it is recognized, and how it becomes an environment. */
export interface EnvironmentFormat {
  /** As messages name it, e.g. "poetry.lock". */
  name: string;
  /** Names of such files, without their folder. */
  files: RegExp;
  /** It pins every package. */
  isLock: boolean;
  /** `deno task lock` makes a lock of it. */
  canLock?: boolean;
  /** It has extras, or dependency groups, of which experiment.yaml may choose; or versions of a day (`as_of`). */
  has?: readonly ("extras" | "groups" | "as_of")[];
  /** Names of locks that are made from it; one that lies beside it is taken in its place. */
  lockedBy?: readonly string[];
  /** Names of files that it is made from, or goes together with: they are not passed over. */
  goesWith?: readonly string[];
  /** Whether a file of that name holds one; a pyproject.toml may hold nothing but settings. */
  holds?(text: string): boolean;
  /** The Pythons that it is for, if it says so. */
  pythons?(text: string): PythonRange | undefined;
  /** The programs of which one must be on PATH, if the format takes a program of its own. */
  program?: OwnProgram;
  /**
   * It brings its own Python, and names the folder it is installed in within its programs: it is made where it stays, not
   * beside it.
   */
  isConda?: boolean;
  /**
   * The packages of a lock, for any machine; of a format that is no lock, or pins no Python packages, there are none.
   *
   * @throws InstallError, and Failure(3) if the program that this takes is not here, with the way to get it
   */
  pinned?(request: ContentsRequest): Promise<Pinned>;
  /**
   * What the environment will hold, before any of it is fetched.
   *
   * @throws InstallError, and Failure(3) if the program that this takes is not here, with the way to get it
   */
  contents(request: ContentsRequest): Promise<Contents>;
}

/** Every package of a lock, with its version, whatever tool made the lock. */
export interface Pinned {
  packages: LockedPackage[];
  /** What is installed after the packages, without dependencies: pip's arguments, with absolute paths. */
  local: readonly string[];
  /** Addresses of indexes that the lock names beside the standard one. */
  indexes?: string[];
}

/** The files of one environment, and what is chosen of them. */
export interface ContentsRequest extends PackageChoices {
  /** Absolute path of the project. */
  root: string;
  /** Absolute paths of the files; the first is the one that it is known by. Empty if there is only `install`. */
  files: string[];
  /** A GPU is asked for, and is here: take packages with CUDA. */
  gpu: boolean;
  uv?: Uv;
  place: Workplace;
  announce: (line: string) => void;
}

/** What an environment will hold, and how it gets there. */
export interface Contents {
  /** Megabytes, where they are known. */
  downloadMB?: number;
  diskMB?: number;
  /** What is to be said of it. */
  note?: string;
  /** Program that makes it, e.g. "uv 0.13.9". */
  tool?: string;
  /** Fills the environment, and returns what with. */
  install: () => Promise<string>;
}

/** `>=3.10,<3.14` and Poetry's `^3.10`, from a line `requires-python = "…"` or `python-versions = "…"`. */
export function pythonsIn(text: string): PythonRange | undefined {
  const range = /^(?:requires-python|python-versions)\s*=\s*["']([^"']*)["']/m.exec(text)?.[1];
  const oldest = /(?:>=|\^|~=?|==)\s*(3\.\d+)/.exec(range ?? "")?.[1];
  if (oldest === undefined) return undefined;
  const below = /<\s*3\.(\d+)/.exec(range!)?.[1];
  const last = /(?:<=|==)\s*(3\.\d+)/.exec(range!)?.[1];
  const newest = last ?? (below === undefined ? undefined : `3.${Number(below) - 1}`);
  return { oldest, ...(newest !== undefined && { newest }) };
}

/** Whether a file has a name of this kind; its folder does not count. */
export function isNamed({ files }: EnvironmentFormat, path: string): boolean {
  return files.test(basename(path));
}
