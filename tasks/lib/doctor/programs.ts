/** The programs that the tasks themselves need. */

import type { Failure } from "../cli/failure.ts";
import { canInstall, type Python } from "../environment/python.ts";
import { type Answer, output } from "./ask.ts";
import { type Finding, finding, ok } from "./findings.ts";
import type { Demands } from "./demands.ts";

export interface Programs {
  deno: string;
  /** The Python that environments are made from, or why there is none. */
  python: Python | Failure;
  /** What the experiment's environment can't be made without, and is not here. */
  lacks?: Failure;
  git: Answer;
}

function isPython(python: Programs["python"]): python is Python {
  return "version" in python;
}

/** @param containers whether a container engine is usable */
export function diagnosePrograms(
  { deno, python, lacks, git }: Programs,
  containers: boolean,
  { engine }: Pick<Demands, "engine">,
): Finding[] {
  const needed = engine === "host"
    ? "experiment.yaml asks for the engine host"
    : "no container engine is usable";
  const because = containers && engine !== "host" ? undefined : needed;
  return [
    ok(`Deno ${deno}`),
    diagnosePython(python, because),
    ...(lacks === undefined ? [] : [diagnoseLack(lacks, because)]),
    diagnoseGit(git),
  ];
}

/** @param needed why the experiment can't do without this machine's Python, if it can't */
function diagnosePython(python: Programs["python"], needed?: string): Finding {
  if (!isPython(python)) {
    const { message, details: { remedy = "Install Python" } } = python;
    return needed === undefined
      ? finding("warning", `${message}; the steps can run in containers alone`, remedy)
      : finding("blocker", `${message}; and ${needed}`, remedy);
  }
  const what = `Python ${python.version}, ${python.path}`;
  if (canInstall(python)) return ok(what);
  return finding(
    "warning",
    `${what}, can't install packages: it has neither pip nor ensurepip`,
    "apt install python3-venv",
  );
}

function diagnoseLack({ message, details: { remedy = "" } }: Failure, needed?: string): Finding {
  return needed === undefined
    ? finding("warning", `${message}; the steps can run in containers alone`, remedy)
    : finding("blocker", `${message}; and ${needed}`, remedy);
}

function diagnoseGit(git: Answer): Finding {
  const version = /version (\S+)/.exec(output(git) ?? "")?.[1];
  if (version !== undefined) return ok(`git ${version}`);
  return finding(
    "warning",
    "There is no git: runs don't record the commit, and images can't be built",
    "Install git",
  );
}
