/** What Python's own parser says of sources and notebooks, in one process that imports and runs none of them. */

import { join } from "node:path";
import { findPython } from "../environment/python.ts";
import { run } from "../system/command.ts";
import { findOnPath } from "../system/on_path.ts";
import { INSIDE } from "../system/product.ts";
import type { Scalar } from "./draft.ts";

/** A place in a source; cells are counted from 1, as editors do. */
interface Place {
  line: number;
  cell?: number;
}

export interface OptionFact extends Place {
  name: string;
  flags: string[];
  default: Scalar | null;
  positional: boolean;
  switch: boolean;
  required: boolean;
}

export interface FileFact extends Place {
  path: string;
  /** Options whose defaults the path is made of. */
  options?: string[];
}

export interface PythonFacts {
  /** Modules by name, with the line. */
  imports?: Record<string, number>;
  /** Line of `if __name__ == "__main__"`. */
  main?: number;
  options?: OptionFact[];
  constants?: Record<string, Place & { value: Scalar }>;
  reads?: FileFact[];
  writes?: FileFact[];
  hydra?: Place & { path: string | null; name: string | null };
  /** Line that names a GPU. */
  cuda?: number;
  /** The first cell that is not Python 3. */
  unparsed?: number;
  /** The first that is Python 2 by its words: `print x`. */
  python2?: number;
  /** The first line at the top level that does something. */
  acts?: number;
  /** Positions in sys.argv that are read, with the names that they get. */
  arguments?: Record<string, string>;
  /** A cell is tagged as the one of the parameters. */
  tagged?: true;
  /** Names that other cells assign. */
  assigned?: string[];
  /** What the tagged cell assigns. */
  parameters?: Record<string, Place & { value: Scalar }>;
  /** Why the file was skipped. */
  problem?: string;
}

/** The standard library's modules stand under this name. */
export const STANDARD_LIBRARY = "";

/**
 * @param job files relative to the root, those of them that are looked at in whole, and whether the imports of the
 * others are wanted
 * @param notes gets what was skipped
 */
export async function scanPython(
  root: string,
  job: { files: string[]; wanted: string[]; imports: boolean },
  notes: string[],
): Promise<Map<string, PythonFacts>> {
  if (job.files.length === 0) return new Map();
  const python = findOnPath("python3") ?? (await findPython()).path;
  const input = new TextEncoder().encode(JSON.stringify({ root, ...job }));
  const script = join(INSIDE, "adopt", "scan.py");
  const { code, stdout, stderr } = await run([python, "-I", "-S", "-B", script], { input, keep: "all" });
  if (code !== 0) {
    notes.push(`Python sources were not looked at: ${stderr.trim().split("\n").at(-1)}`);
    return new Map();
  }
  const found = new Map(Object.entries(JSON.parse(stdout) as Record<string, PythonFacts>));
  for (const [path, { problem }] of found) {
    if (problem !== undefined) notes.push(`${path} was skipped: it ${problem}`);
  }
  return found;
}
