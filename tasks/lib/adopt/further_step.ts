/** A step and its claims put into an experiment.yaml that is there; all else in it stays as it is. */

import { join } from "node:path";
import { Digits, type NewValue, setValue } from "../claim/yaml_edit.ts";
import { parseExperiment } from "../experiment/parse.ts";
import type { Proposal } from "./compose.ts";
import { stepName } from "./draft.ts";

/**
 * @param text experiment.yaml as it is
 * @throws Failure(2) with what is wrong with it
 */
export function withSteps(text: string, { steps, claims }: Proposal, root: string): string {
  const file = join(root, "experiment.yaml");
  let changed = text;
  for (const { value: step } of steps) {
    const experiment = parseExperiment(changed, file, root);
    const same = Object.values(experiment.steps).some(({ run }) =>
      JSON.stringify(run) === JSON.stringify(step.run)
    );
    if (same) continue;
    const name = stepName(step.name, Object.keys(experiment.steps));
    const { run, cwd, outputs, inputs } = step;
    changed = setValue(changed, ["steps", name], {
      run,
      cwd,
      outputs: outputs.length > 0 ? outputs : undefined,
      inputs: inputs && inputs.length > 0 ? inputs : undefined,
    });
    const names = new Set(experiment.claims.map(({ name }) => name));
    let index = experiment.claims.length;
    for (const { value: claim } of claims.filter(({ value }) => value.from.split(/[/~]/)[0] === step.name)) {
      const value: NewValue = Array.isArray(claim.value)
        ? claim.value.map((one) => new Digits(one))
        : new Digits(claim.value);
      changed = setValue(changed, ["claims", index++], {
        name: names.has(claim.name) ? `${claim.name}, ${name}` : claim.name,
        from: name + claim.from.slice(step.name.length),
        value,
        unit: claim.unit,
        of: claim.of,
      });
    }
  }
  parseExperiment(changed, file, root);
  return changed;
}
