/** What a sweep will be and take, said before it begins. */

import { duration, pluralize } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { SweepRecord } from "../record/sweep_record.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Workers } from "./workers.ts";

export interface Cost {
  /** Of one member, from the newest run of its steps, or from what their authors say. */
  seconds?: number;
  from?: string;
  total?: number;
}

/** What the members will take, as far as that is known. */
export async function costOf(
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
async function timeOfMembers(
  runs: string,
  experiment: string,
  steps: string[],
): Promise<Time | undefined> {
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
async function timeOfRun(
  runs: string,
  experiment: string,
  steps: string[],
): Promise<Time | undefined> {
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

export function announce(
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
