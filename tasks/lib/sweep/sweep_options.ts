/** What `deno task sweep` takes, and what of it can't be given together. */

import { Failure } from "../cli/failure.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import { RUN_ID } from "../record/run_folder.ts";
import { RUN_OPTIONS } from "../run/run_task.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { RunRequest } from "../run/prepare_run.ts";
import type { ExportKind } from "./export/export_sweep.ts";
import type { Members, Values } from "./members.ts";
import type { Cluster } from "../cluster/cluster.ts";

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

export const AT_CLUSTER = ["status", "watch", "collect", "cancel"] as const;

export type Options = SweepArguments["options"];

export interface Given {
  experiment: Experiment;
  runs: string;
  request: RunRequest;
  options: Options;
  /** What the members are handed to; this machine without it. */
  cluster?: Cluster;
}

export function refuseTogether(options: Options) {
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
  if (id !== undefined && alone.length === 0 && !RUN_ID.test(id)) {
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

const EXAMPLE_ID = "20261123T160512Z-3f9a";

export function refuseNew({ seeds, set }: Options, parameters: Values, rest: string[]) {
  if (seeds === undefined && set.length === 0 && Object.keys(parameters).length === 0 && rest.length === 0) {
    return;
  }
  throw new Failure(2, "A sweep goes on as it was planned, so it takes no other seeds, values or arguments", {
    remedy: "deno task sweep --add-seeds N extends it by seeds; without these options a new sweep begins",
  });
}

export type New = Given & { members: Members; steps: string[]; parameters: Values };
