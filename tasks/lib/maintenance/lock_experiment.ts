/** The locks of what an experiment requires. */

import { basename, join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { readExperiment } from "../experiment/read.ts";
import { ROOT } from "../system/product.ts";
import { callerFolder } from "../system/project_root.ts";
import { findSource } from "../environment/source.ts";
import { type AddedLock, lock, type LockOptions, type MadeLock } from "./make_locks.ts";

/** What goes with the lock of this repository's own experiment. */
const OWN: AddedLock[] = [
  {
    requirements: "test/requirements.txt",
    about: [
      "What only the tests need: every package, pinned, with the SHA-256 of each of its files. Used beside the environment",
      "of the experiment, so it holds nothing that is in that one's lock, and must be installed without dependencies.",
      "What has a CUDA build has that one here; the tests use no more of it than its Python.",
    ],
  },
  {
    requirements: "tasks/inside/image/requirements.txt",
    whole: true,
    onlyLinux: true,
    about: [
      "What a CPU image holds beside an experiment's packages: every package, pinned, with the SHA-256 of each of its",
      "files. The image takes of it what the experiment does not have already.",
    ],
  },
];

/**
 * Locks the file that an experiment names, beside it.
 *
 * @param which as in `readExperiment`
 * @throws Failure as `lock` and `readExperiment`
 */
export async function lockExperiment(
  which: string | undefined,
  options: Omit<LockOptions, "root" | "requirements" | "extras" | "groups" | "install">,
): Promise<MadeLock[]> {
  const { name, root, environment } = await readExperiment(which, callerFolder());
  if (environment.requirements === undefined) {
    throw new Failure(2, `Cannot lock "${name}": it names no requirements`, {
      remedy: "Name them in experiment.yaml: environment: { requirements: requirements.txt }",
    });
  }
  const source = await findSource(root, environment.requirements, environment, () => {});
  const [first] = source.files;
  const { format } = source;
  if (!format.canLock || first === undefined) {
    throw new Failure(2, `Cannot lock "${name}": ${basename(first ?? "")} is made by its own tool`, {
      remedy: "Lock it with the tool that owns the format, e.g. uv lock, poetry lock, pixi lock",
    });
  }
  return await lock({
    ...options,
    root,
    requirements: source.files.map((file) => relative(root, file)),
    extras: environment.extras,
    groups: environment.groups,
    install: environment.install,
    asOf: environment.asOf,
    added: root === ROOT && source.files[0] === join(ROOT, "requirements.txt") ? OWN : [],
  });
}
