/** What evidence holds of how one step ran, wherever in it that stands. Pure. */

import type { Attempt, Evidence, StepEvidence } from "../record/evidence.ts";
import type { Framework as FrameworkRecord, ProcessRecord } from "../record/evidence_schema.ts";
import { frameworksOf } from "../record/frameworks.ts";

/** All that was recorded of how one step ran. */
export interface StepRecord {
  evidence: Evidence;
  step: StepEvidence;
  attempt: Attempt;
  /** The process that computed: the step's own, or a notebook's kernel. */
  process: ProcessRecord;
  framework?: Framework;
  cpu?: { instruction_sets?: string[] };
  /** The texts by which the run names itself. */
  names: string[];
}

export type { ProcessRecord };

/** Versions, devices and flags of a framework. */
export type Framework = FrameworkRecord & { name: string };

/** A GPU that is described, not only named. */
export type Device = Exclude<Extract<FrameworkRecord["devices"], unknown[]>[number], string>;

/**
 * @param names texts by which the run names itself
 * @returns undefined for a step that never ran
 */
export function recordOf(evidence: Evidence, name: string, names: string[]): StepRecord | undefined {
  const step = evidence.steps[name];
  const attempt = step && evidence.attempts[step.attempt];
  if (attempt === undefined) return undefined; // it never ran
  const recorded = step!.recorded;
  const processes = [...(recorded?.notebooks ?? []).map(({ kernel }) => kernel), recorded?.environment];
  const process = processes.find((one) => frameworksOf(one).length > 0) ?? processes.find((one) => one) ??
    {};
  return {
    evidence,
    step: step!,
    attempt,
    names,
    process,
    cpu: recorded?.cpu,
    framework: frameworksOf(process)[0],
  };
}
