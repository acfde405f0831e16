/** The order in which steps run. */

import { relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { didYouMean } from "../cli/suggest.ts";
import type { Experiment } from "./experiment.ts";

/**
 * The named steps and all that they need, in the order to run them: what is needed comes first,
 * otherwise the order of the file.
 *
 * @throws {Failure} 2 if there is no such step
 */
export function stepOrder(experiment: Experiment, names: readonly string[]): string[] {
  const all = Object.keys(experiment.steps);
  const expected = new Set<string>();
  const want = (name: string): void => {
    const step = Object.hasOwn(experiment.steps, name) ? experiment.steps[name] : undefined;
    if (!step) throw unknownStep(experiment, name);
    if (expected.has(name)) return;
    expected.add(name);
    step.needs.forEach(want);
  };
  names.forEach(want);
  const order = new Set<string>();
  while (order.size < expected.size) {
    const ready = (name: string) => experiment.steps[name]!.needs.every((need) => order.has(need));
    const next = all.find((name) => expected.has(name) && !order.has(name) && ready(name));
    if (next === undefined) {
      throw new Failure(
        2,
        `Cannot order the steps of "${experiment.name}": they need each other in a circle`,
      );
    }
    order.add(next);
  }
  return [...order];
}

function unknownStep(experiment: Experiment, name: string): Failure {
  const all = Object.keys(experiment.steps);
  const hint = didYouMean(name, all);
  const message = `Cannot find step ${JSON.stringify(name)} in ${
    relative(experiment.root, experiment.file)
  }${hint}`;
  return new Failure(2, message, { remedy: `The steps are ${all.join(", ")}` });
}
