/** What can be done with a sweep whose members are handed to a cluster, by whoever has its record. */

import type { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { RunRequest } from "../run/prepare_run.ts";
import type { FoundSweep } from "../record/sweep_record.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SiteLimits } from "../cluster/slurm.ts";
import { AT_CLUSTER, type Given, type Options, type SweepOutcome } from "./sweep_options.ts";
import { endSweep, showSweep } from "./end_sweep.ts";

/** The cluster that the members are handed to, and what it means for the request. */
export async function clusterOf(name: string | undefined, experiment: Experiment, request: RunRequest) {
  if (name === undefined) return undefined;
  const { forCluster } = await import("../run/run_on_cluster.ts");
  const { cluster, ...place } = await forCluster(name, experiment, request);
  Object.assign(request, place);
  return cluster;
}

/** What the site allows, asked while the first member is planned, since its accounting takes its time to answer. */
export async function limitsOf({ host }: Cluster): Promise<SiteLimits> {
  const [{ siteLimits }, { loginOf }] = await Promise.all([
    import("../cluster/slurm.ts"),
    import("../cluster/login.ts"),
    import("./on_cluster.ts"), // is needed next
  ]);
  return await siteLimits(loginOf(host));
}

/** Shows the script that would be submitted. */
export async function planOn(
  { cluster, request, todo, sweep }: Pick<Given, "request"> & {
    cluster: Cluster;
    todo: number[];
    sweep: FoundSweep;
  },
  terminal: Terminal,
): Promise<SweepOutcome> {
  const { prepareRun } = await import("../run/prepare_run.ts");
  const { scriptsOf } = await import("./on_cluster.ts");
  const { values } = sweep.record.members[todo[0]!]!;
  const place = { run: "first", folder: sweep.directory };
  const first = await prepareRun({ ...request, parameters: { ...request.parameters, ...values }, place });
  const environment = { python: first.plan.environment.python, directory: "", lockSha256: "" };
  const scripts = await scriptsOf({ sweep, request, cluster, first, environment, todo });
  for (const script of scripts) {
    terminal.line();
    script.trimEnd().split("\n").forEach((line) => terminal.line(line));
  }
  return {
    exitCode: 0,
    result: { sweep: sweep.record.sweep, cluster, scripts, members: sweep.record.members },
  };
}

/** What can be done with a sweep whose members were handed to a cluster, by whoever has its record. */
export async function lookAfter(
  what: typeof AT_CLUSTER[number],
  sweep: FoundSweep,
  runs: string,
  options: Options,
  terminal: Terminal,
): Promise<SweepOutcome> {
  const { cancelAll, lookAt, takeIn, tellLook, watch } = await import("./on_cluster.ts");
  const { directory, record } = sweep;
  const result = { directory, ...record, experiment: record.experiment.name };
  if (what === "status") {
    const look = await lookAt(sweep);
    terminal.line(tellLook(look));
    return { exitCode: 0, result: { ...result, look } };
  }
  const { acquireRun } = await import("../record/run_lock.ts");
  const { readSweep } = await import("../record/sweep_record.ts");
  const { forgetUnstated } = await import("./read_members.ts");
  const { parseExperiment } = await import("../experiment/parse.ts");
  const { StopSignals } = await import("../system/supervise.ts");
  if (what === "cancel") terminal.line(`cancelled: job ${(await cancelAll(sweep)).join(", ")}`);
  using _ = await acquireRun(directory, options.force);
  // Read again, now that nobody else can write to it.
  Object.assign(record, await readSweep(directory));
  await forgetUnstated(sweep);
  if (!record.members.some(({ status }) => status === "submitted")) return await showSweep(sweep, terminal);
  const { experiment: { text, file, root } } = record;
  const experiment = parseExperiment(text, file, root);
  using stopper = new StopSignals();
  const isStopped = () => stopper.signal !== undefined;
  const left = what === "collect"
    ? await takeIn(sweep, experiment, runs, terminal)
    : await watch(sweep, experiment, runs, terminal, isStopped);
  if (left > 0) {
    terminal.line(tellLook(await lookAt(sweep)));
    return { exitCode: isStopped() ? 130 : 0, result };
  }
  record.attempts.at(-1)!.ended = new Date().toISOString();
  const outcome = await endSweep(sweep, runs, false, terminal);
  // What was interrupted goes on with what its nodes have left there.
  if (record.members.every(({ status }) => status === "done" || status === "failed")) {
    await tellCopies(directory, terminal);
  }
  return outcome;
}

async function tellCopies(directory: string, terminal: Terminal) {
  const { Submissions } = await import("../cluster/submission.ts");
  const all = new Submissions(directory);
  await all.tellLeft(await all.list(), terminal);
}
