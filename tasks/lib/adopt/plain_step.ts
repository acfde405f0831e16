/** Steps of pipelines that name their commands, inputs and outputs themselves. */

import { join, normalize } from "node:path/posix";
import type { StepDraft } from "./draft.ts";
import { shellWords } from "./markdown.ts";

/** A stage as pipelines describe it; paths are relative to `cwd`. */
export interface Stage {
  name: string;
  /** One command, or several that run one after the other. */
  command: string[];
  /** Folder that it runs in, relative to the root; "" is the root. */
  cwd: string;
  inputs: string[];
  outputs: string[];
}

/** A step of a plain command is an argument list; of more than that, a script. */
export function plainStep({ name, command, cwd, inputs, outputs }: Stage): StepDraft {
  const at = (path: string) => normalize(join(cwd, path)).replace(/\/$/, "");
  const written = outputs.map(at);
  const outside = [...written, cwd].find((path) => /^(?:\.\.|\/|~|[a-z0-9]+:\/\/)/.test(path));
  const words = command.length === 1 ? shellWords(command[0]!) : undefined;
  const isPlain = words !== undefined && !/^[A-Za-z_]\w*=/.test(words[0]!) && words[0] !== "cd";
  return {
    name,
    ...(isPlain
      ? { run: words.map(escaped).map((word, index) => index === 0 ? asPython(word) : word) }
      : { shell: command.join("\n") }),
    ...(cwd !== "" && { cwd }),
    needs: [],
    outputs: withoutNested(written.filter((path) => path !== outside)),
    reads: inputs.map(at),
    sources: [
      ...new Set([...command.flatMap((line) => line.split(/\s+/)), ...inputs].filter(isSource).map(at)),
    ],
    ...(outside !== undefined && { doubt: `it works outside of the repository: ${outside}` }),
  };
}

function isSource(word: string): boolean {
  return /^[\w./-]+\.(?:py|ipynb|R|jl|sh)$/.test(word);
}

/** The environment's own, whichever the command was written for. */
export function asPython(program: string): string {
  return /^(?:.*\/)?python[\d.]*$/.test(program) ? "python" : program;
}

/** A brace is written twice, since one begins a placeholder. */
export function escaped(word: string): string {
  return word.replace(/[{}]/g, (brace) => brace + brace);
}

/** A folder holds what is in it. */
export function withoutNested(paths: string[]): string[] {
  const all = [...new Set(paths)];
  return all.filter((path) => !all.some((other) => path.startsWith(`${other}/`)));
}
