/**
 * Overview: measures fine-tuning on this machine's GPU beside the published loop, in eight minutes; on made images.
 * Arguments: --minutes N, --device cuda|cpu, --share X, --epochs N, --results DIR, and the options of every run.
 * Example: deno task gpu
 */

import { join, resolve } from "node:path";
import { Failure } from "./lib/cli/failure.ts";
import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import type { Terminal } from "./lib/cli/terminal.ts";
import { RUN_OPTIONS, type RunOutcome, runTask } from "./lib/run/run_task.ts";
import { writeAtomic, writeJson } from "./lib/system/files.ts";
import { inspectHost } from "./lib/system/host.ts";
import { ROOT } from "./lib/system/product.ts";
import { callerFolder } from "./lib/system/project_root.ts";
import { onlyInOwnRepository } from "./lib/maintenance/own_repository.ts";
import { type Figures, fileName, gpuChart } from "./lib/maintenance/gpu_chart.ts";

export const task = defineTask({
  name: "gpu",
  description: "Measure training on this machine's GPU, beside the published loop",
  permissions: ["run"],
  maintainers: true,
  summary:
    "Measures fine-tuning on this machine's GPU, in exact and in feature mode, beside the published loop: images per " +
    "second, the share of the card's peak, whole trainings, the first batch, memory. Writes DATE-CARD.json and a " +
    "plot. What there is no time for is skipped, and named. Without a GPU it ends with 3; --device cpu --share 0.01 " +
    "runs the same small on the CPU, and calls it that.",
  examples: [
    ["deno task gpu", "on a GPU host, in 8 minutes"],
    ["deno task gpu --engine docker --yes", "in the GPU-Jupyter image"],
    ["deno task gpu --device cpu --share 0.01 --epochs 1", "try it without a GPU"],
  ],
  parameters: true,
  options: {
    results: { value: "DIR", help: "where the figures go (bench/results)" },
    ...RUN_OPTIONS,
  },
  async run({ options, ...args }, terminal) {
    await onlyInOwnRepository("gpu");
    const onCpu = args.parameters.device === "cpu";
    if (!onCpu && !options.plan) await requireGpu();
    const gpus = options.gpus ?? (onCpu ? "none" : undefined);
    const experiment = join(ROOT, "experiments/gpu");
    const request = { task: "gpu", experiment, steps: ["figures"] };
    const outcome = await runTask(request, { ...args, options: { ...options, gpus } }, terminal);
    const results = resolve(callerFolder(), options.results ?? join(ROOT, "bench/results"));
    const files = await writeFigures(outcome, results, terminal);
    return { exitCode: outcome.exitCode, result: { ...outcome.result as object, files } };
  },
});

/** @throws Failure(3) where there is none. */
async function requireGpu() {
  if ((await inspectHost()).gpus.length > 0) return;
  throw new Failure(3, "Cannot measure on a GPU: nvidia-smi finds none here", {
    remedy: "Run it on a GPU host (deno task doctor says what is missing), or try it on the CPU: " +
      "deno task gpu --device cpu --share 0.01 --epochs 1",
  });
}

/** Takes over what the run left, which after a failure or an interruption is what was measured until then. */
async function writeFigures({ run }: RunOutcome, results: string, terminal: Terminal): Promise<string[]> {
  const text = run && await Deno.readTextFile(join(run.directory, "figures", "figures.json")).catch(() => "");
  if (!text) return [];
  const figures: Figures = JSON.parse(text);
  const [json, svg] = [".json", ".svg"].map((end) => join(results, fileName(figures) + end)) as [
    string,
    string,
  ];
  await Deno.mkdir(results, { recursive: true });
  await writeJson(json, figures);
  const { renderChartFile } = await import("./lib/report/render_chart.ts");
  await writeAtomic(svg, await renderChartFile(gpuChart(figures)));
  terminal.line(`Figures: ${json}, ${svg}`);
  return [json, svg];
}

if (import.meta.main) await main(task);
