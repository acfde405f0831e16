/** `deno task sweep`: many runs of one experiment, tied together by a record and judged together. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { pluralize } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { makeEnvironment } from "../run/execute_run.ts";
import type { PreparedRun, RunRequest } from "../run/prepare_run.ts";
import type { FoundSweep, SweepRecord } from "../record/sweep_record.ts";
import type { Values } from "./members.ts";
import type { Workers } from "./workers.ts";
import {
  AT_CLUSTER,
  type Given,
  type New,
  type Options,
  refuseNew,
  refuseTogether,
  type SweepArguments,
  type SweepOutcome,
} from "./sweep_options.ts";
import { announce, costOf } from "./announce_sweep.ts";
import { endSweep, showSweep } from "./end_sweep.ts";
import { clusterOf, limitsOf, lookAfter, planOn } from "./at_cluster.ts";
import { exportSweep } from "./export/make_export.ts";

/** Plans, makes, goes on with or shows a sweep. */
export async function sweepTask(
  { options, positionals, parameters, rest, known }: SweepArguments,
  terminal: Terminal,
): Promise<SweepOutcome> {
  refuseTogether(options);
  const [{ readExperiment }, { callerFolder }, { runsRoot }, { containerOptions }] = await Promise.all([
    import("../experiment/read.ts"),
    import("../system/project_root.ts"),
    import("../record/run_folder.ts"),
    import("../plan/container_options.ts"),
  ]);
  const experiment = await readExperiment(positionals[0], callerFolder());
  const runs = runsRoot(experiment.root, options.runs);
  const { findSweep } = await import("../record/sweep_record.ts");
  if (options.show) return await showSweep(await findSweep(runs, experiment.name, options.id), terminal);
  const atCluster = AT_CLUSTER.find((name) => options[name]);
  if (atCluster !== undefined) {
    const sweep = await findSweep(runs, experiment.name, options.id);
    return await lookAfter(atCluster, sweep, runs, options, terminal);
  }
  const goesOn = options.resume || options.retry !== undefined || options["add-seeds"] !== undefined;
  const steps = await stepsOf(experiment);
  const request: RunRequest = {
    ...{ task: "sweep", experiment: positionals[0], steps, parameters: {}, known, rest },
    ...{ runs: options.runs, reuse: false, resume: false, force: options.force },
    ...{ keepOutputs: false, engine: options.engine ?? "auto", image: options.image, yes: options.yes },
    container: containerOptions(options),
  };
  const cluster = await clusterOf(options.on, experiment, request);
  if (goesOn) {
    refuseNew(options, parameters, rest);
    const sweep = await findSweep(runs, experiment.name, options.id);
    return await goOn({ sweep, experiment, runs, request, options, cluster }, terminal);
  }
  const { listMembers } = await import("./members.ts");
  const members = listMembers(experiment, { seeds: options.seeds, set: options.set, parameters });
  const given = { members, experiment, runs, request, options, steps, parameters, cluster };
  if (options.export !== undefined) return await exportSweep(given, terminal);
  if (options.member !== undefined) return await oneMember(given, options.member, terminal);
  return await newSweep(given, terminal);
}

/** The steps of a member: what the sweep names, else what the claims over seeds are about, else all; in order. */
async function stepsOf(experiment: Experiment): Promise<string[]> {
  const { stepOrder } = await import("../experiment/step_order.ts");
  const { sweep, claims, steps } = experiment;
  const claimed = claims.filter(({ over }) => over !== undefined).map(({ from }) => from.step);
  const chosen = sweep?.steps ?? (claimed.length > 0 ? claimed : Object.keys(steps));
  const needed = new Set<string>();
  const follow = (name: string) => {
    if (needed.has(name)) return;
    steps[name]?.needs.forEach(follow);
    needed.add(name);
  };
  chosen.forEach(follow);
  return stepOrder(experiment, [...needed]);
}

async function newSweep(
  { members: { seed, members }, experiment, runs, request, options, steps, cluster }: New,
  terminal: Terminal,
): Promise<SweepOutcome> {
  const planned = await planSweep({ members: { seed, members }, experiment, runs, options, steps });
  const { directory, record } = planned;
  const { isSweep } = await import("../record/sweep_record.ts");
  if (options.id !== undefined && await isSweep(directory)) {
    throw new Failure(2, `The sweep ${options.id} is there already`, {
      remedy: `deno task sweep --resume --id ${options.id} goes on with it`,
    });
  }
  const id = record.sweep;
  const todo = members.map((_, index) => index);
  const workers = cluster === undefined
    ? await workersOf({ experiment, request, options, steps })
    : { jobs: todo.length };
  const cost = await costOf(runs, experiment, steps, todo.length, workers);
  announce(experiment, record, workers, cost, terminal, cluster);
  if (options.plan && cluster !== undefined) {
    return await planOn({ cluster, request, todo, sweep: { directory, record } }, terminal);
  }
  if (options.plan) {
    const shown = members.slice(0, 10);
    const { inWords } = await import("./members.ts");
    shown.forEach((values, index) => terminal.line(`  ${String(index + 1).padStart(5)}  ${inWords(values)}`));
    if (members.length > shown.length) {
      terminal.line(`  and ${members.length - shown.length} more (--json lists all)`);
    }
    terminal.line(`One of them alone: deno task step ${steps.at(-1)} --plan ${asOptions(members[0]!)}`);
    return { exitCode: 0, result: { sweep: id, directory, seed, steps, ...workers, cost, members } };
  }
  return await carryOut(
    { runs, request, options, cluster },
    { directory, record },
    workers,
    todo,
    terminal,
  );
}

/** The record of a sweep that is to be; nothing is written. */
async function planSweep(
  { members: { seed, members }, experiment, runs, options, steps }: Omit<New, "request" | "parameters">,
): Promise<FoundSweep> {
  const { newRunId } = await import("../record/run_folder.ts");
  const { sweepsFolder } = await import("../record/sweep_record.ts");
  const id = options.id ?? newRunId();
  return {
    directory: join(sweepsFolder(runs, experiment.name), id),
    record: {
      schema: 1,
      sweep: id,
      experiment: {
        name: experiment.name,
        title: experiment.title,
        file: experiment.file,
        root: experiment.root,
        text: await Deno.readTextFile(experiment.file),
      },
      status: "running",
      // The members of a cluster write the same record, whoever comes first.
      created: options.id === undefined ? new Date().toISOString() : timeOf(id),
      seed,
      steps,
      attempts: [],
      members: members.map((values) => ({ values, status: "waiting" as const })),
    },
  };
}

/** The time in a sweep's id. */
function timeOf(id: string): string {
  return id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/, "$1-$2-$3T$4:$5:$6.000Z");
}

/** Runs one member in the folder of a sweep that others fill, too; whoever is first writes its record. */
async function oneMember(given: New, text: string, terminal: Terminal): Promise<SweepOutcome> {
  const { experiment, runs, request, options } = given;
  const { isSweep, readSweep, writeSweep } = await import("../record/sweep_record.ts");
  const { runOneMember } = await import("./run_members.ts");
  const { makeOwnFolder } = await import("../system/files.ts");
  const planned = await planSweep(given);
  const { directory } = planned;
  const isThere = await isSweep(directory);
  const record = isThere ? await readSweep(directory) : planned.record;
  requireSame(record, planned.record);
  const index = /^\d+$/.test(text) ? Number(text) : -1;
  if (record.members[index] === undefined) {
    throw new Failure(
      2,
      `--member must be from 0 to ${record.members.length - 1}, current value is "${text}"`,
    );
  }
  const own = { ...request, parameters: record.members[index]!.values, steps: record.steps };
  const { first } = await prepareFirst(own, directory, options, terminal);
  await makeOwnFolder(runs);
  await Deno.mkdir(directory, { recursive: true });
  if (!isThere) await writeSweep(directory, record);
  const member = await runOneMember(
    {
      sweep: { directory, record },
      runs,
      experiment: first.experiment,
      request: own,
      workers: { jobs: 1 },
      todo: [index],
    },
  );
  const how = member.problem === undefined ? member.status : `${member.status}: ${member.problem}`;
  terminal.line(`member ${index} of ${record.members.length}, run ${member.run}: ${how}`);
  const exitCode = member.status === "done" ? 0 : member.status === "failed" ? 1 : 130;
  return { exitCode, result: { directory, sweep: record.sweep, experiment: experiment.name, member } };
}

function requireSame(there: SweepRecord, planned: SweepRecord) {
  const membersOf = ({ members, steps }: SweepRecord) =>
    JSON.stringify([steps, members.map(({ values }) => values)]);
  if (membersOf(there) === membersOf(planned)) return;
  throw new Failure(2, `The sweep ${there.sweep} has other members or steps than these`, {
    remedy: "Run its members with the experiment.yaml and the options that it was exported with",
  });
}

function asOptions(values: Values): string {
  return Object.entries(values).map(([name, value]) => `--${name} ${value}`).join(" ");
}

async function goOn(
  { sweep, experiment, runs, request, options, cluster }: Given & { sweep: FoundSweep },
  terminal: Terminal,
): Promise<SweepOutcome> {
  const { record } = sweep;
  const { acquireRun } = await import("../record/run_lock.ts");
  const { recoverMembers } = await import("./run_members.ts");
  const { forgetUnstated } = await import("./read_members.ts");
  using _ = await acquireRun(sweep.directory, options.force);
  await forgetUnstated(sweep);
  const known = await recoverMembers(sweep, runs, options.force);
  // Its members may have run on other machines, which have their own paths.
  if (record.experiment.text === await Deno.readTextFile(experiment.file)) {
    Object.assign(record.experiment, { file: experiment.file, root: experiment.root });
  }
  if (options["add-seeds"] !== undefined) await addSeeds(record, options["add-seeds"]);
  const wanted = options.retry === undefined ? ["waiting", "interrupted"] : ["failed"];
  const todo = record.members.flatMap(({ status }, index) => wanted.includes(status) ? [index] : []);
  const elsewhere = record.members.filter(({ status }) => status === "running").length;
  if (todo.length === 0 && elsewhere > 0) {
    throw new Failure(3, `${pluralize(elsewhere, "member")} of ${record.sweep} still run elsewhere`, {
      remedy: "Wait until they end; --force takes over what another machine left behind",
    });
  }
  if (todo.length === 0 && record.attempts.every(({ ended }) => ended === undefined) && options.resume) {
    terminal.line(`${record.sweep}: all ${record.members.length} members have run`);
    return await endSweep(sweep, runs, false, terminal, known);
  }
  if (todo.length === 0) {
    const what = options.retry === undefined ? "no member is left to be run" : "no member failed";
    throw new Failure(2, `There is nothing to do in ${record.sweep}: ${what}`, {
      remedy: "deno task sweep --add-seeds 10 extends it; deno task sweep --show judges it again",
    });
  }
  const steps = record.steps;
  const workers = cluster === undefined
    ? await workersOf({ experiment, request, options, steps })
    : { jobs: todo.length };
  const cost = await costOf(runs, experiment, steps, todo.length, workers);
  terminal.line(
    `going on with ${record.sweep}: ${pluralize(todo.length, "member")} of ${record.members.length}`,
  );
  announce(experiment, record, workers, cost, terminal, cluster);
  return await carryOut(
    { runs, request: { ...request, steps }, options, cluster },
    sweep,
    workers,
    todo,
    terminal,
    true,
  );
}

async function addSeeds(record: SweepRecord, count: string) {
  const { seed, members } = record;
  if (seed === undefined) throw new Failure(2, `${record.sweep} is over no seeds, so there are none to add`);
  const { moreSeeds, readCount } = await import("./members.ts");
  const more = moreSeeds(members.map(({ values }) => values[seed]!), readCount("--add-seeds", count));
  const others = new Map(members.map(({ values }) => {
    const { [seed]: _, ...rest } = values;
    return [JSON.stringify(rest), rest] as const;
  }));
  for (const point of others.values()) {
    for (const value of more) members.push({ values: { ...point, [seed]: value }, status: "waiting" });
  }
}

async function workersOf(
  { experiment, request, options, steps }: Pick<Given, "experiment" | "request" | "options"> & {
    steps: string[];
  },
): Promise<Workers> {
  const [{ dealOut }, { inspectHost }] = await Promise.all([
    import("./workers.ts"),
    import("../system/host.ts"),
  ]);
  const workers = dealOut(experiment, steps, await inspectHost(), {
    jobs: options.jobs,
    perGpu: options["per-gpu"],
    gpus: request.container.gpus,
    visible: Deno.env.get("CUDA_VISIBLE_DEVICES"),
    hasThreads: Deno.env.get("OMP_NUM_THREADS") !== undefined,
  });
  const writes = steps.find((name) => experiment.steps[name]!.outputs !== undefined);
  const intoFiles = Object.keys(experiment.params).length > 0;
  if (workers.jobs > 1 && (writes !== undefined || intoFiles)) {
    if (options.jobs === undefined) return { ...workers, jobs: 1, threads: undefined };
    const why = writes === undefined
      ? "its parameters stand in files of the project"
      : `"${writes}" writes into the project`;
    throw new Failure(2, `--jobs must be 1 here: ${why}, which one run at a time can do`);
  }
  return workers;
}

async function carryOut(
  { runs, request, options, cluster }: Omit<Given, "experiment">,
  sweep: FoundSweep,
  workers: Workers,
  todo: number[],
  terminal: Terminal,
  isLocked = false,
): Promise<SweepOutcome> {
  const { directory, record } = sweep;
  const { writeSweep } = await import("../record/sweep_record.ts");
  const { removeSweepVerdict } = await import("../record/sweep_receipt.ts");
  const { acquireRun } = await import("../record/run_lock.ts");
  const { runMembers } = await import("./run_members.ts");
  const { makeOwnFolder } = await import("../system/files.ts");
  const limits = cluster && limitsOf(cluster);
  limits?.catch(() => {}); // it is told when it is needed
  const { first, environment } = await prepareFirst(
    { ...request, parameters: record.members[todo[0]!]!.values },
    directory,
    options,
    terminal,
  );
  await makeOwnFolder(runs);
  await Deno.mkdir(directory, { recursive: true });
  using _ = isLocked ? undefined : await acquireRun(directory, options.force);
  await removeSweepVerdict(directory);
  const attempt: SweepRecord["attempts"][number] = {
    started: new Date().toISOString(),
    jobs: workers.jobs,
    threads: workers.threads,
    gpus: workers.gpus,
    on: cluster?.name,
  };
  record.attempts.push(attempt);
  Object.assign(record, { status: "running", ended: undefined });
  await writeSweep(directory, record);
  terminal.line(`sweep folder: ${directory}`);
  if (cluster !== undefined) {
    const { handOver } = await import("./on_cluster.ts");
    await handOver({ sweep, request, cluster, first, environment, todo, limits }, terminal);
    terminal.line(
      "deno task sweep --watch waits for them; --status, --collect and --cancel do what they say",
    );
    return { exitCode: 0, result: { directory, ...record, experiment: record.experiment.name } };
  }
  const { EnergyMeter } = await import("../system/energy.ts");
  const meter = new EnergyMeter();
  const stopped = await runMembers(
    { sweep, runs, experiment: first.experiment, request, workers, todo },
    terminal,
  );
  attempt.joules = await meter.end();
  attempt.ended = new Date().toISOString();
  return await endSweep(sweep, runs, stopped, terminal);
}

/** Plans the first member, so that what is wrong shows before anything is written; fetches and makes what all need. */
async function prepareFirst(
  request: RunRequest,
  folder: string,
  options: Options,
  terminal: Terminal,
): Promise<{ first: PreparedRun; environment: Awaited<ReturnType<typeof makeEnvironment>> }> {
  const [{ prepareRun }, { makeEnvironment }, { StopSignals }, { fetcher, obtainer }] = await Promise.all([
    import("../run/prepare_run.ts"),
    import("../run/execute_run.ts"),
    import("../system/supervise.ts"),
    import("../run/run_task.ts"),
  ]);
  const first = await prepareRun({
    ...request,
    place: { run: "first", folder },
    reporter: terminal,
    fetchData: fetcher(options, terminal),
    ...(options.yes && { obtain: await obtainer(terminal) }),
  });
  terminal.line(`engine: ${first.plan.engine.name} (${first.plan.engine.because})`);
  const { requireExpected } = await import("../run/expectations.ts");
  await requireExpected(first, options.yes, terminal);
  using stopper = new StopSignals();
  return { first, environment: await makeEnvironment(first, request, stopper, terminal) };
}
