/** `deno task reproduce IDENTIFIER`: an experiment of others is fetched, shown, asked for, and only then run. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes, pluralize } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { getInProcess } from "../data/fetch_process.ts";
import type { Got } from "../data/identifier/get.ts";
import { type RunArguments, type RunOutcome, runTask } from "./run_task.ts";

/** More than that is asked for (bytes). */
const UNASKED = 1e9;

/**
 * Everything that comes from others is looked at without executing any of it; what will run is shown by the very plan
 * that runs.
 *
 * @param chosen the experiment, where the project has several
 * @param reproduce runs an experiment by its path
 * @throws Failure(2) where nobody can be asked, Failure(130) for a no; and as fetching and running do
 */
export async function reproduceIdentified(
  identifier: string,
  chosen: string | undefined,
  args: RunArguments & { options: { into?: string } },
  reproduce: (experiment: string) => Promise<RunOutcome>,
  terminal: Terminal,
): Promise<RunOutcome> {
  const { into, yes, plan } = args.options;
  const planned = await getInProcess(identifier, { into, yes, plan: true }, terminal);
  tellDownload(identifier, planned, terminal);
  const { deposit } = planned;
  const needsYes = deposit !== undefined && (!deposit.known || deposit.bytes > UNASKED);
  if (needsYes) {
    ask("Fetch it?", `${identifier} leads to ${deposit.host}, ${bytes(deposit.bytes)}`, yes, terminal);
  }
  const got = await getInProcess(identifier, { into, yes: yes || needsYes, plan: false }, terminal);
  terminal.line(`Fetched to ${got.folder}; nothing of it was run`);
  got.notes.forEach((note) => terminal.line(`  ${note}`));
  const experiment = join(got.folder, choose(got, chosen));
  terminal.line("");
  const shown = await runTask({ task: "reproduce", experiment }, {
    ...args,
    options: { ...args.options, plan: true, resume: false, force: false },
  }, terminal);
  if (plan) return shown;
  terminal.line("");
  const me = Deno.env.get("USER") ?? Deno.env.get("LOGNAME") ?? "this user";
  const what =
    `This is code of others. It runs as ${me}; outside a container it may read and write whatever ${me} may`;
  ask("Run it?", what, yes, terminal, `cd ${got.folder} && deno task reproduce ${choose(got, chosen)}`);
  return await reproduce(experiment);
}

function tellDownload(identifier: string, { folder, deposit }: Got, terminal: Terminal) {
  const from = deposit === undefined
    ? ""
    : `: ${pluralize(deposit.files, "file")} of ${deposit.host}, ${bytes(deposit.bytes)}`;
  terminal.line(`To fetch ${identifier} to ${folder}${from}`);
}

/** @throws Failure(2) with what would have been done, where nobody can be asked; Failure(130) for a no */
function ask(question: string, what: string, yes: boolean, terminal: Terminal, later?: string) {
  terminal.line(what);
  if (yes) return;
  if (terminal.json || !Deno.stdin.isTerminal()) {
    throw new Failure(2, `Nothing was run: nobody can be asked here. ${what}`, {
      remedy: later === undefined
        ? "Add --yes"
        : `Look at it, then: ${later}; or add --yes and another --into`,
    });
  }
  if (!confirm(question)) throw new Failure(130, "Nothing was run");
}

/** A name means experiments/NAME, as it does inside the project. */
function choose({ folder, experiments }: Got, chosen: string | undefined): string {
  const wanted = chosen === undefined ? undefined : join("experiments", chosen, "experiment.yaml");
  const found = chosen === undefined
    ? experiments.find((path) => path === "experiment.yaml") ??
      (experiments.length === 1 ? experiments[0] : undefined)
    : experiments.find((path) => path === wanted || path === chosen);
  if (found !== undefined) return found;
  if (experiments.length === 0) {
    throw new Failure(2, `Cannot reproduce ${folder}: it has no experiment.yaml`, {
      remedy: `Look at it, and let one be proposed: cd ${folder} && deno task new`,
    });
  }
  throw new Failure(2, `Cannot tell which experiment of ${folder} is meant`, {
    remedy: `Name one of them after the identifier: ${experiments.join(", ")}`,
  });
}
