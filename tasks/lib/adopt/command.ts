/** A command as somebody wrote it down, turned into a step. */

import { dirname, join, normalize } from "node:path/posix";
import type { StepDraft } from "./draft.ts";
import { shellWords } from "./markdown.ts";
import { asPython, escaped } from "./plain_step.ts";
import type { Repository } from "./repository.ts";

/** Programs that run a Python script, and what of their own may stand before it. */
const LAUNCHERS = /^(?:torchrun|accelerate|deepspeed|horovodrun|mpirun|mpiexec|colossalai)$/;

const PLACEHOLDER = /<[^>]*>|\[[A-Za-z][^\]]*\]|\.\.\.|…|\/path\/|path[_/]to|\byour[_-]|\bYOUR|\bxxx+\b/i;

/**
 * The step that a command is.
 *
 * @param cwd folder of the repository that it is given in, "" for its root
 * @returns undefined for what runs nothing of this repository, such as an installation
 */
export function stepFromCommand(text: string, repository: Repository, cwd = ""): StepDraft | undefined {
  return stepIn(text, repository, cwd) ?? (cwd === "" ? stepElsewhere(text, repository) : undefined);
}

/** `python train.py`, where the only train.py stands in a folder. */
function stepElsewhere(text: string, repository: Repository): StepDraft | undefined {
  const script = /^(?:\w+=\S+\s+)*(?:python[\d.]*|bash|sh)\s+(?:-u\s+)?([\w.-]+\.(?:py|sh))\b/.exec(text)
    ?.[1];
  const found = script === undefined ? [] : repository.files.filter((path) => path.endsWith(`/${script}`));
  return found.length === 1 ? stepIn(text, repository, dirname(found[0]!)) : undefined;
}

function stepIn(text: string, repository: Repository, cwd: string): StepDraft | undefined {
  const doubt = PLACEHOLDER.test(text) ? "it has a place to fill in" : undefined;
  const words = shellWords(doubt === undefined ? text : text.replace(/[<>|()]/g, "_"));
  if (words === undefined) return shellStep(text, repository, cwd);
  const env: Record<string, string> = {};
  while (/^[A-Za-z_]\w*=/.test(words[0] ?? "")) {
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(words.shift()!)!;
    env[name!] = value!;
  }
  while (words[0] === "time" || words[0] === "nohup") words.shift();
  const source = sourceOf(words, repository, cwd);
  if (source === undefined) return undefined;
  const run = words.map(escaped);
  run[0] = asPython(run[0]!);
  return {
    ...blank(source),
    run,
    ...(cwd !== "" && { cwd }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(doubt !== undefined && { doubt }),
  };
}

function blank(source: string): StepDraft {
  const name = source.replace(/\/__main__\.py$/, "").split("/").at(-1)!.replace(/\.\w+$/, "");
  return { name, needs: [], outputs: [], reads: [], sources: [source] };
}

/** What a command that is more than a plain one begins with; a sentence begins with anything. */
const PROGRAM =
  /^(?:\w+=\S*\s+)*(?:python[\d.]*|bash|sh|Rscript|julia|cat|awk|gawk|sed|time|nohup|torchrun|accelerate|mpirun|(?:\.\/)?[\w./-]+\.(?:py|sh))\s/;

/** What a pipe or a redirection runs of this repository. */
function shellStep(text: string, repository: Repository, cwd: string): StepDraft | undefined {
  if (!PROGRAM.test(text)) return undefined;
  const source = text.split(/[\s|;&<>"'()]+/).map((word) => normalize(join(cwd, word))).find((path) =>
    /\.(?:py|sh|R|jl|awk|pl)$/.test(path) && repository.has(path)
  );
  if (source === undefined) return undefined;
  return { ...blank(source), shell: text, ...(cwd !== "" && { cwd }) };
}

/** The file of the repository that a command runs. */
function sourceOf(words: string[], repository: Repository, cwd: string): string | undefined {
  const [program, ...rest] = words;
  const at = (path: string) => normalize(join(cwd, path));
  const there = (path: string) => repository.has(at(path)) ? at(path) : undefined;
  if (program === undefined || /^(?:--help|-h)$/.test(words.at(-1)!)) return undefined;
  if (/^(?:python[\d.]*|ipython|Rscript|julia|bash|sh)$/.test(program)) {
    return scriptIn(rest, there, repository, cwd);
  }
  if (LAUNCHERS.test(program)) {
    const script = rest.find((word) => word.endsWith(".py") && there(word));
    return script === undefined ? undefined : there(script);
  }
  if (program.includes("/") || /\.(?:sh|py)$/.test(program)) return there(program);
}

function scriptIn(
  words: string[],
  there: (path: string) => string | undefined,
  repository: Repository,
  cwd: string,
): string | undefined {
  const index = words.findIndex((word) => word === "-m" || word === "-c" || !word.startsWith("-"));
  const word = words[index];
  if (word === undefined || word === "-c" || /(?:^|\/)setup\.py$/.test(word)) return undefined;
  if (word !== "-m") return there(word);
  const module = (words[index + 1] ?? "").replaceAll(".", "/");
  if (module === "torch/distributed/launch" || module === "torch/distributed/run") {
    const script = words.slice(index + 2).find((one) => one.endsWith(".py") && there(one));
    return script && there(script);
  }
  const folder = cwd === "" ? "" : `${cwd}/`;
  return [`${folder}${module}.py`, `${folder}${module}/__main__.py`].find((path) => repository.has(path));
}

/** The folder that `cd` leads to; undefined if it is none of the repository's. */
export function folderAfter(text: string, cwd: string, repository: Repository): string | undefined {
  const target = /^cd\s+(\S+)\s*$/.exec(text)?.[1];
  if (target === undefined) return undefined;
  const folder = normalize(join(cwd, target)).replace(/\/$/, "").replace(/^\.$/, "");
  if (folder === "" || folder.startsWith("..")) return "";
  return repository.files.some((path) => dirname(path) === folder || path.startsWith(`${folder}/`))
    ? folder
    : undefined;
}
