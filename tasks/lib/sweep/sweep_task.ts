/** `deno task sweep`: many runs of one experiment, tied together by a record and judged together. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { duration, pluralize } from "../cli/format.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { RUN_OPTIONS } from "../run/run_task.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { makeEnvironment } from "../run/execute_run.ts";
import type { PreparedRun, RunRequest } from "../run/prepare_run.ts";
import type { FoundSweep, SweepRecord } from "../record/sweep_record.ts";
import type { ExportKind } from "./export/export_sweep.ts";
import type { Members, Values } from "./members.ts";
import type { JudgedSweep } from "./judge_sweep.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Workers } from "./workers.ts";

const EXPORTS = ["kubernetes", "skypilot"] as const satisfies ExportKind[];

// A member is run whole, and leaves the project as it was.
const { reuse: _reuse, "keep-outputs": _keep, ...SHARED } = RUN_OPTIONS;

export const SWEEP_OPTIONS = {
  ...SHARED,
  resume: { help: "go on with the newest sweep where it was interrupted" },
  seeds: { value: "SEEDS", help: "so many seeds, e.g. 10 (1 to 10), or these: 1,5,9" },
  set: {
    value: "NAME=VALUES",
    many: true,
    help: "values of a parameter, e.g. lr=0.1,0.01; more than once: all combinations",
  },
  jobs: {
    value: "N",
    help: "so many members at a time; as many as there are GPUs to share, else 1, without it",
  },
  "per-gpu": { value: "N", help: "so many members share a GPU" },
  retry: {
    value: "failed",
    choices: ["failed"],
    help: "run the members of the newest sweep again that failed",
  },
  "add-seeds": { value: "N", help: "extend the newest sweep by so many seeds" },
  id: {
    value: "SWEEP",
    help: "the sweep that is meant by --resume, --retry, --add-seeds or --show; the newest without it",
  },
  member: {
    value: "N",
    help: "with --id: run only this member, counted from 0, as its own machine in a cluster does",
  },
  export: {
    value: "FORMAT",
    choices: EXPORTS,
    help: "run nothing: write the sweep for others to run, by the image's digest (--image)",
  },
  out: { value: "FILE", help: "with --export: write to FILE instead of showing it" },
  volume: { value: "NAME", help: "with --export: keep the runs on this volume, which is there" },
  accelerator: { value: "KIND", help: "with --export: the kind of GPU, e.g. L4" },
  show: { help: "run nothing: check a sweep and judge it again" },
  on: {
    value: "CLUSTER",
    help: "hand the members to the cluster of hosts/CLUSTER.yaml; slurm needs no such file",
  },
  status: { help: "say what runs and what waits at the cluster" },
  watch: { help: "wait for the cluster, and take each member in when it has ended" },
  collect: { help: "take in the members that have ended at the cluster" },
  cancel: { help: "cancel the members that wait or run at the cluster" },
} as const satisfies OptionTable;

export type SweepArguments = Arguments<typeof SWEEP_OPTIONS>;

export interface SweepOutcome {
  exitCode: 0 | 1 | 130;
  result: unknown;
}

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

const AT_CLUSTER = ["status", "watch", "collect", "cancel"] as const;

type Options = SweepArguments["options"];

interface Given {
  experiment: Experiment;
  runs: string;
  request: RunRequest;
  options: Options;
  /** What the members are handed to; this machine without it. */
  cluster?: Cluster;
}

function refuseTogether(options: Options) {
  const given = (["resume", "retry", "add-seeds", "show", ...AT_CLUSTER, "plan"] as const).filter((name) =>
    options[name]
  );
  const alone = given.filter((name) => name !== "plan");
  if (alone.length > 1) throw new Failure(2, `--${alone[0]} and --${alone[1]} can't be given together`);
  if (alone.length > 0 && options.plan) {
    throw new Failure(2, `--plan is for a new sweep, not for --${alone[0]}`);
  }
  const { id, member, out, volume, accelerator } = options;
  if (member !== undefined && (id === undefined || alone.length > 0 || options.plan)) {
    throw new Failure(2, "--member needs --id, and neither --plan nor what goes on with a sweep");
  }
  if (id !== undefined && alone.length === 0 && !ID.test(id)) {
    throw new Failure(
      2,
      "--id names a sweep that is there, for --resume, --retry, --add-seeds, --show or what a cluster has",
      {
        remedy: `A new one is named by its time, e.g. ${EXAMPLE_ID}; leave out --id`,
      },
    );
  }
  const exported = Object.entries({ out, volume, accelerator }).find(([, value]) => value !== undefined);
  if (options.export === undefined && exported !== undefined) {
    throw new Failure(2, `--${exported[0]} is for --export`);
  }
  if (options.export !== undefined && (alone.length > 0 || options.plan || member !== undefined)) {
    throw new Failure(2, "--export is for a new sweep, and runs nothing of it", {
      remedy: "Leave out --plan, --member, --resume, --retry, --add-seeds and --show",
    });
  }
  const own = (["jobs", "per-gpu", "export", "member"] as const).find((name) => options[name] !== undefined);
  if (options.on !== undefined && own !== undefined) {
    throw new Failure(2, `--${own} can't be given with --on: ${options.on} shares its nodes out itself`, {
      remedy: `Say throttle, gpus and cpus in hosts/${options.on}.yaml`,
    });
  }
}

/** The cluster that the members are handed to, and what it means for the request. */
async function clusterOf(name: string | undefined, { root }: Experiment, request: RunRequest) {
  if (name === undefined) return undefined;
  const { forCluster } = await import("../run/run_on_cluster.ts");
  const { cluster, ...place } = await forCluster(name, root, request);
  Object.assign(request, place);
  return cluster;
}

const EXAMPLE_ID = "20261123T160512Z-3f9a";

/** As `newRunId` makes them, so that the newest is known. */
const ID = /^\d{8}T\d{6}Z-[0-9a-f]{4}$/;

function refuseNew({ seeds, set }: Options, parameters: Values, rest: string[]) {
  if (seeds === undefined && set.length === 0 && Object.keys(parameters).length === 0 && rest.length === 0) {
    return;
  }
  throw new Failure(2, "A sweep goes on as it was planned, so it takes no other seeds, values or arguments", {
    remedy: "deno task sweep --add-seeds N extends it by seeds; without these options a new sweep begins",
  });
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

type New = Given & { members: Members; steps: string[]; parameters: Values };

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

async function exportSweep(
  { members: { members }, experiment, request, options, steps, parameters }: New,
  terminal: Terminal,
): Promise<SweepOutcome> {
  const { requireDigest, gpusOf, quantity, RUNS } = await import("./export/handed_over.ts");
  const { exportText, writeExport } = await import("./export/export_sweep.ts");
  const { newRunId } = await import("../record/run_folder.ts");
  const { experimentArgument } = await import("../publish/texts.ts");
  const { readCount } = await import("./members.ts");
  const image = requireDigest(options.image);
  const sweep = options.id ?? newRunId();
  const limits = { ...experiment.environment.limits, ...defined(request.container.limits) };
  const text = await exportText(options.export as ExportKind, {
    ...{ sweep, image, experiment: experiment.name, title: experiment.title, members: members.length },
    command: [
      ...["gjt", "sweep", ...experimentArgument(experiment)],
      ...(options.seeds === undefined ? [] : ["--seeds", options.seeds]),
      ...options.set.flatMap((values) => ["--set", values]),
      ...Object.entries(parameters).flatMap(([name, value]) => [`--${name}`, value]),
      ...["--runs", RUNS, "--id", sweep],
      ...(request.rest.length === 0 ? [] : ["--", ...request.rest]),
    ],
    gpus: gpusOf(experiment, steps, request.container.gpus),
    accelerator: options.accelerator,
    limits: {
      shmSize: quantity(limits.shmSize ?? "8g"),
      memory: limits.memory === undefined ? undefined : quantity(limits.memory),
      cpus: limits.cpus,
    },
    jobs: options.jobs === undefined ? Math.min(members.length, 8) : readCount("--jobs", options.jobs),
    volume: options.volume,
  });
  await writeExport(text, options.out, terminal);
  return { exitCode: 0, result: { sweep, format: options.export, file: options.out, text } };
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
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
  using _ = await acquireRun(sweep.directory, options.force);
  await recoverMembers(sweep, runs, options.force);
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
    return await endSweep(sweep, runs, false, terminal);
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

interface Cost {
  /** Of one member, from the newest run of its steps, or from what their authors say. */
  seconds?: number;
  from?: string;
  total?: number;
}

/** What the members will take, as far as that is known. */
async function costOf(
  runs: string,
  { name, steps: all }: Experiment,
  steps: string[],
  count: number,
  { jobs }: Workers,
): Promise<Cost> {
  const rounds = Math.ceil(count / jobs);
  const found = await timeOfMembers(runs, name, steps) ?? await timeOfRun(runs, name, steps);
  if (found !== undefined) return { ...found, total: found.seconds * rounds };
  const expected = steps.map((step) => all[step]!.expect?.seconds);
  if (expected.some((time) => time === undefined)) return {};
  const seconds = expected.reduce<number>((sum, time) => sum + time!, 0);
  return { seconds, from: "say its authors", total: seconds * rounds };
}

type Time = Required<Pick<Cost, "seconds" | "from">>;

/** What members of the newest sweep with these steps took. */
async function timeOfMembers(runs: string, experiment: string, steps: string[]): Promise<Time | undefined> {
  const { findSweep } = await import("../record/sweep_record.ts");
  const newest = await findSweep(runs, experiment).catch(() => undefined);
  if (newest === undefined || newest.record.steps.join() !== steps.join()) return undefined;
  const times = newest.record.members.flatMap(({ status, seconds }) =>
    status === "done" ? seconds ?? [] : []
  );
  if (times.length === 0) return undefined;
  const seconds = times.reduce((sum, one) => sum + one, 0) / times.length;
  return { seconds, from: `as in the sweep ${newest.record.sweep}` };
}

/** What the steps took in the newest run that has them; only some runs are looked at. */
async function timeOfRun(runs: string, experiment: string, steps: string[]): Promise<Time | undefined> {
  const { listRuns } = await import("../record/run_folder.ts");
  let looked = 0;
  for await (const { id, evidence } of listRuns(runs, experiment)) {
    if (++looked > MOST_LOOKED_AT) break;
    const times = steps.map((name) => {
      const { status, seconds } = evidence.steps[name] ?? {};
      return status === "done" ? seconds : undefined;
    });
    if (times.some((time) => time === undefined)) continue;
    return { seconds: times.reduce<number>((sum, time) => sum + time!, 0), from: `as in ${id}` };
  }
  return undefined;
}

const MOST_LOOKED_AT = 20;

function announce(
  experiment: Experiment,
  { members, steps, seed }: SweepRecord,
  { jobs, gpus, threads }: Workers,
  { seconds, from, total }: Cost,
  terminal: Terminal,
  cluster?: Cluster,
) {
  terminal.line(terminal.paint(experiment.title ?? experiment.name, "bold"));
  const over = Object.keys(members[0]!.values).filter((name) =>
    new Set(members.map(({ values }) => values[name])).size > 1 || name === seed
  );
  terminal.line(
    `sweep: ${pluralize(members.length, "member")} over ${over.join(", ") || "nothing"}, steps ${
      steps.join(", ")
    }`,
  );
  const share = [
    ...(gpus === undefined ? [] : [`GPUs ${gpus.join(", ")}`]),
    ...(threads === undefined ? [] : [`${pluralize(threads, "thread")} each`]),
  ];
  const where = cluster === undefined ? `${jobs} at a time` : `on ${cluster.file ?? cluster.name}`;
  terminal.line(`${where}${share.length > 0 ? `, ${share.join(", ")}` : ""}`);
  terminal.line(
    seconds === undefined
      ? "how long a member takes is not known yet: no run of these steps is there"
      : `a member takes ${duration(seconds)} (${from})` +
        (cluster === undefined ? `, all about ${duration(total!)}` : ""),
  );
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
    await handOver({ sweep, request, cluster, first, environment, todo }, terminal);
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

/** Records how a sweep ended, and judges it. */
async function endSweep(sweep: FoundSweep, runs: string, stopped: boolean, terminal: Terminal) {
  const { directory, record } = sweep;
  const { writeSweep } = await import("../record/sweep_record.ts");
  const ended = new Date().toISOString();
  const failed = record.members.filter(({ status }) => status === "failed").length;
  const left = record.members.some(({ status }) => status !== "done" && status !== "failed");
  Object.assign(record, { ended, status: stopped || left ? "interrupted" : failed > 0 ? "failed" : "done" });
  await writeSweep(directory, record);
  return await conclude(sweep, runs, stopped, terminal);
}

/** Shows the script that would be submitted. */
async function planOn(
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
async function lookAfter(
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
  const { parseExperiment } = await import("../experiment/parse.ts");
  const { writeSweep } = await import("../record/sweep_record.ts");
  const { StopSignals } = await import("../system/supervise.ts");
  if (what === "cancel") terminal.line(`cancelled: job ${(await cancelAll(sweep)).join(", ")}`);
  using _ = await acquireRun(directory, options.force);
  // Read again, now that nobody else can write to it.
  const { readSweep } = await import("../record/sweep_record.ts");
  Object.assign(record, await readSweep(directory));
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
  const ended = new Date().toISOString();
  const open = record.members.some(({ status }) => status !== "done" && status !== "failed");
  const failed = record.members.some(({ status }) => status === "failed");
  record.attempts.at(-1)!.ended = ended;
  Object.assign(record, { ended, status: open ? "interrupted" : failed ? "failed" : "done" });
  await writeSweep(directory, record);
  return await conclude(sweep, runs, false, terminal);
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

/** The page is derived: where it can't be written, the sweep is none the worse. */
async function writePage(sweep: FoundSweep, judged: JudgedSweep, runs: string, terminal: Terminal) {
  const { writeSweepReport } = await import("./sweep_page.ts");
  try {
    const path = await writeSweepReport(sweep, judged, runs);
    terminal.line(`Report: ${path}`);
    return path;
  } catch (error) {
    terminal.note(`The report was not written: ${(error as Error).message}`);
    return undefined;
  }
}

async function conclude(
  sweep: FoundSweep,
  runs: string,
  stopped: boolean,
  terminal: Terminal,
): Promise<SweepOutcome> {
  const { directory, record } = sweep;
  const { judgeSweep } = await import("./judge_sweep.ts");
  const { writeSweepReceipt } = await import("../record/sweep_receipt.ts");
  const { verdictPath } = await import("../record/verdict.ts");
  const { writeJson } = await import("../system/files.ts");
  const { tellSweep } = await import("./tell_sweep.ts");
  const judged = await judgeSweep(sweep);
  await writeJson(verdictPath(directory), judged.verdict);
  await writeSweepReceipt(directory, record, judged.verdict);
  tellSweep(sweep, judged, terminal);
  const report = await writePage(sweep, judged, runs, terminal);
  const exitCode = stopped ? 130 : judged.verdict.holds ? 0 : 1;
  return {
    exitCode,
    result: { directory, report, ...record, experiment: record.experiment.name, verdict: judged.verdict },
  };
}

async function showSweep(sweep: FoundSweep, terminal: Terminal): Promise<SweepOutcome> {
  const { judgeSweep } = await import("./judge_sweep.ts");
  const { findSweepAlterations } = await import("../record/sweep_receipt.ts");
  const { tellSweep } = await import("./tell_sweep.ts");
  const judged = await judgeSweep(sweep);
  const altered = [...await findSweepAlterations(sweep.directory, sweep.record), ...judged.verdict.altered];
  const verdict = { ...judged.verdict, altered, holds: judged.verdict.holds && altered.length === 0 };
  tellSweep(sweep, { ...judged, verdict }, terminal);
  return {
    exitCode: verdict.holds ? 0 : 1,
    result: {
      directory: sweep.directory,
      ...sweep.record,
      experiment: sweep.record.experiment.name,
      verdict,
    },
  };
}
