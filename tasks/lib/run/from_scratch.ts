/** `reproduce --from-scratch`: in a copy of what git tracks, where nothing lies that was computed before. */

import { dirname, join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { pluralize } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { readExperiment } from "../experiment/read.ts";
import { readCode } from "../record/code.ts";
import { runsRoot } from "../record/run_folder.ts";
import { run } from "../system/command.ts";
import { callerFolder } from "../system/project_root.ts";
import { authorsConditions, publishedFolder } from "../verdict/conditions.ts";
import type { Origin } from "./prepare_run.ts";
import { type RunArguments, type RunOutcome, type RunSelection, runTask } from "./run_task.ts";
import { runTwice } from "./run_twice.ts";

/** What would bring in what was computed before, or leave it in the project. */
const REFUSED = ["reuse", "resume", "keep-outputs", "plan"] as const;

/**
 * Copies what git tracks, as it is in the working folder, and runs there. The run folder is where all runs are; the
 * copy is removed.
 *
 * @throws Failure(2) without git, or for options that would copy results
 */
export async function runFromScratch(
  selection: RunSelection,
  args: RunArguments & { options: { twice?: boolean } },
  terminal: Terminal,
): Promise<RunOutcome> {
  const refused = REFUSED.find((name) => args.options[name]);
  if (refused !== undefined) {
    throw new Failure(
      2,
      `--from-scratch runs every step in a new copy, so it can't be given with --${refused}`,
    );
  }
  const experiment = await readExperiment(selection.experiment, callerFolder());
  const { root, file } = experiment;
  const published = relative(root, publishedFolder(experiment));
  const tracked = await trackedFiles(root);
  // What a claim is read from is needed to judge; a step that opens it is named beside the verdict.
  const claimed = new Set(experiment.claims.map(({ published }) => /^[^#~]+/.exec(published ?? "")?.[0]));
  const files = tracked.filter((path) => !path.startsWith(`${published}/`) || claimed.has(path));
  const runs = runsRoot(root, args.options.runs);
  const [authors, code] = await Promise.all([authorsConditions(experiment), readCode(root, runs)]);
  const origin: Origin = { authors, code, file };
  const copy = await Deno.realPath(await Deno.makeTempDir({ prefix: "from-scratch-" }));
  try {
    for (const path of files) await copyFile(join(root, path), join(copy, path));
    const left = tracked.length - files.length;
    terminal.line(
      `From scratch: in a copy of ${pluralize(files.length, "tracked file")}` +
        (left === 0 ? "" : `, without ${left} of ${published}/`),
    );
    const there = { ...selection, experiment: join(copy, relative(root, file)), origin };
    const options = { ...args.options, runs };
    return await (options.twice ? runTwice : runTask)(there, { ...args, options }, terminal);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

/** Relative to the root; a submodule is a folder, and left out. */
async function trackedFiles(root: string): Promise<string[]> {
  const listed = await run(["git", "-C", root, "ls-files", "-z", "--cached"], { keep: "all" })
    .catch(() => undefined);
  const files = listed?.code === 0 ? listed.stdout.split("\0").filter((path) => path !== "") : [];
  if (files.length > 0) return files;
  throw new Failure(2, `Cannot run from scratch: git tracks nothing in ${root}`, {
    remedy: "Leave out --from-scratch, or commit the project's files",
  });
}

async function copyFile(from: string, to: string) {
  const info = await Deno.lstat(from).catch(() => undefined);
  if (info === undefined || info.isDirectory) return; // deleted, or a submodule
  await Deno.mkdir(dirname(to), { recursive: true });
  if (info.isSymlink) return await Deno.symlink(await Deno.readLink(from), to);
  await Deno.copyFile(from, to);
}
