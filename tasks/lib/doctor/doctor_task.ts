/** `deno task doctor`: looks at this machine and says what works, what does not, and what to do. */

import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { findExperiment } from "../experiment/find.ts";
import { readExperiment } from "../experiment/read.ts";
import { callerFolder } from "../system/project_root.ts";
import { countOf, render } from "./findings.ts";
import { diagnose } from "./diagnose.ts";
import { probe } from "./probe.ts";
import { DEFAULT_DEMANDS, demandsOf } from "./demands.ts";

/** @returns exit code 3 if the experiment can't run here. */
export async function doctor(
  [which]: string[],
  terminal: Terminal,
): Promise<{ exitCode: 0 | 3; result: unknown }> {
  const experiment = await experimentIfAny(which);
  const demands = experiment === undefined ? DEFAULT_DEMANDS : demandsOf(experiment);
  const groups = diagnose(
    await probe(experiment?.root ?? callerFolder(), experiment),
    demands,
  );
  const paint: Terminal["paint"] = (...text) => terminal.paint(...text);
  render(groups, demands.name ?? "An experiment", terminal.width, paint).forEach((line) =>
    terminal.line(line)
  );
  const blocks = countOf("blocker", groups) > 0;
  const findings = groups.flatMap(({ topic, findings }) => findings.map((one) => ({ topic, ...one })));
  return { exitCode: blocks ? 3 : 0, result: { demands, blocks, findings } };
}

/** @throws Failure(2) if one was named and is not there, or if it has mistakes. */
async function experimentIfAny(which?: string): Promise<Experiment | undefined> {
  try {
    await findExperiment(which, callerFolder());
  } catch (error) {
    if (which === undefined && error instanceof Failure) return undefined;
    throw error;
  }
  return await readExperiment(which, callerFolder());
}
