/** The programs that the tasks themselves need. */

import type { Failure } from "../failure.ts";
import { canInstall, type Python } from "../python.ts";
import { type Answer, output } from "./ask.ts";
import { type Finding, finding, ok } from "./findings.ts";

export interface Programs {
  deno: string;
  /** The Python that environments are made from, or why there is none. */
  python: Python | Failure;
  git: Answer;
}

export function isPython(python: Programs["python"]): python is Python {
  return "version" in python;
}

/** @param containers whether the experiment can run in containers: then this machine's Python is not needed */
export function judgePrograms({ deno, python, git }: Programs, containers: boolean): Finding[] {
  return [ok(`Deno ${deno}`), judgePython(python, containers), judgeGit(git)];
}

function judgePython(python: Programs["python"], containers: boolean): Finding {
  if (!isPython(python)) {
    const { message, details: { remedy = "Install Python" } } = python;
    return containers
      ? finding("warning", `${message}; the steps can run in containers alone`, remedy)
      : finding("blocker", `${message}; and no container engine can be used instead`, remedy);
  }
  const what = `Python ${python.version}, ${python.path}`;
  if (canInstall(python)) return ok(what);
  return finding(
    "warning",
    `${what}, can't install packages: it has neither pip nor ensurepip`,
    "apt install python3-venv",
  );
}

function judgeGit(git: Answer): Finding {
  const version = /version (\S+)/.exec(output(git) ?? "")?.[1];
  if (version !== undefined) return ok(`git ${version}`);
  return finding(
    "warning",
    "There is no git: runs don't record the commit, and images can't be built",
    "Install git",
  );
}
