/** Lock files and specifications: locks first, then in the order in which `environment.requirements: .` takes them. */

import { basename, dirname } from "node:path/posix";
import { isNamed, pythonsIn } from "../../environment/format.ts";
import { FORMATS } from "../../environment/formats/index.ts";
import type { Draft } from "../draft.ts";
import type { Kind } from "../kind.ts";
import type { Repository } from "../repository.ts";

/** Where an environment is described, best first. */
const FOLDERS = [".", "src", "binder", ".binder"];

/** Requirements of something else than the experiment. */
export const OF_OTHERS = /(?:dev|test|docs|lint|\bci\b|build)/i;

export const ENVIRONMENT_FILES: Kind = {
  name: "environment files",
  look(repository, draft) {
    for (const path of candidates(repository)) {
      draft.requirements.push({ value: [path], found: path, certainty: "stated" });
    }
    addOwnPackage(repository, draft);
    addPython(repository, draft);
  },
};

function candidates(repository: Repository): string[] {
  const found: { path: string; rank: number }[] = [];
  for (const folder of FOLDERS) {
    for (const path of repository.files.filter((file) => dirname(file) === folder)) {
      const isLock = /^requirements[^/]*\.lock$/.test(basename(path));
      const index = FORMATS.findIndex((format) => isNamed(format, path) && holds(format, repository, path));
      if (index < 0 && !isLock) continue;
      const rank = isLock || FORMATS[index]!.isLock ? 0 : OF_OTHERS.test(basename(path)) ? 2 : 1;
      found.push({ path, rank: 10_000 * rank + 100 * FOLDERS.indexOf(folder) + Math.max(index, 0) });
    }
  }
  // A name that is short is the general one: requirements.txt, not requirements-gpu.txt.
  return found.sort((a, b) => a.rank - b.rank || a.path.length - b.path.length).map(({ path }) => path);
}

function holds(format: typeof FORMATS[number], repository: Repository, path: string): boolean {
  return format.holds === undefined || format.holds(repository.text(path) ?? "");
}

/** A repository that is a package, of which the first file says only what it needs. */
function addOwnPackage(repository: Repository, draft: Draft) {
  const built = ["pyproject.toml", "setup.py", "setup.cfg"].find((path) =>
    repository.has(path) && /^\[(?:build-system|options)\]|\bsetup\s*\(/m.test(repository.text(path) ?? "")
  );
  if (built === undefined) return;
  const [first] = draft.requirements;
  const isOnly = first === undefined || /^setup\.(?:py|cfg)$/.test(first.value[0]!);
  const isApart = repository.files.some((path) => /^src\/[^/]+\/__init__\.py$/.test(path));
  if (!isOnly && !isApart) return;
  draft.install.push({ value: ["-e", "."], found: built, certainty: "read" });
  if (isOnly) draft.requirements.length = 0;
}

function addPython(repository: Repository, draft: Draft) {
  for (const path of [".python-version", "runtime.txt", "binder/runtime.txt", ".binder/runtime.txt"]) {
    const version = /^(?:python-)?(3\.\d+)/m.exec(repository.has(path) ? repository.text(path) ?? "" : "")
      ?.[1];
    if (version) draft.pythons.push({ value: version, found: `${path}:1`, certainty: "stated" });
  }
  const project = repository.has("pyproject.toml") ? repository.text("pyproject.toml") ?? "" : "";
  const oldest = pythonsIn(project)?.oldest;
  if (oldest !== undefined) {
    const line =
      project.slice(0, project.search(/^(?:requires-python|python-versions)\s*=/m)).split("\n").length;
    draft.pythons.push({ value: oldest, found: `pyproject.toml:${line}, the oldest`, certainty: "guessed" });
  }
  const conda = draft.requirements.find(({ value: [path] }) => /env[^/]*\.ya?ml$/.test(path!));
  if (conda === undefined) return;
  const text = repository.text(conda.value[0]!) ?? "";
  const match = /^\s*-\s*["']?python\s*=+\s*(3\.\d+)/m.exec(text);
  if (!match) return;
  const line = text.slice(0, match.index).split("\n").length;
  draft.pythons.push({ value: match[1]!, found: `${conda.value[0]}:${line}`, certainty: "guessed" });
}
