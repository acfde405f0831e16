/** The engines by their names; see `engine.ts` for what one is. */

import { Failure } from "../cli/failure.ts";
import { ENGINE_NAMES, type EngineName } from "../experiment/engine_name.ts";
import type { Plan, PlannedStep } from "../plan/plan.ts";
import type { Engine } from "./engine.ts";

/**
 * Loads an engine, from the file of its name: most commands need one of them at the most.
 *
 * @throws Failure(2) if there is none of that name, as in the record of a run by another version.
 */
export async function engineOf(name: string): Promise<Engine> {
  if (!ENGINE_NAMES.includes(name as EngineName)) {
    throw new Failure(2, `There is no engine "${name}"; there are ${ENGINE_NAMES.join(", ")}`);
  }
  const { ENGINE } = await import(`./engines/${name}.ts`) as { ENGINE?: Engine };
  if (ENGINE?.name !== name) throw new Error(`engine/engines/${name}.ts must export the engine as ENGINE`);
  return ENGINE;
}

/** All of them, in the order of `ENGINE_NAMES`. */
export async function allEngines(): Promise<Engine[]> {
  return await Promise.all(ENGINE_NAMES.map(engineOf));
}

/** @throws Failure(2) if there is no such engine. */
export async function engineCommand(plan: Plan, step: PlannedStep, resuming = false): Promise<string[]> {
  return (await engineOf(plan.engine.name)).command(plan, step, resuming);
}
