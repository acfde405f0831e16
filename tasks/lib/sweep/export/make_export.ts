/** `sweep --export`: the file that others run a sweep by, from what was typed. */

import type { Terminal } from "../../cli/terminal.ts";
import type { ExportKind } from "./export_sweep.ts";
import type { New, SweepOutcome } from "../sweep_options.ts";

export async function exportSweep(
  { members: { members }, experiment, request, options, steps, parameters }: New,
  terminal: Terminal,
): Promise<SweepOutcome> {
  const { requireDigest, gpusOf, quantity, RUNS } = await import("./handed_over.ts");
  const { exportText, writeExport } = await import("./export_sweep.ts");
  const { newRunId } = await import("../../record/run_folder.ts");
  const { experimentArgument } = await import("../../publish/texts.ts");
  const { readCount } = await import("../members.ts");
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
