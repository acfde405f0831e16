/** The JSON Schema that editors check and explain experiment.yaml with. */

import * as z from "zod/mini";
import { experimentSchema } from "./experiment_schema.ts";

/** By the path of a key; `*` stands for any step, parameter or claim. */
const DESCRIPTIONS: Record<string, string> = {
  name: "Name of the experiment, and of its folder in runs/.",
  title: "One line for people.",
  environment: "What the steps run in.",
  "environment.image": "Container image that holds the authors' environment.",
  "environment.requirements": "Python requirements file; its locks stand beside it.",
  "environment.gpus": "none (the default), optional, all, a count, or a list of device ids.",
  "environment.engine": "Where the steps run unless --engine says otherwise.",
  "environment.shm_size": "Size of /dev/shm in a container, e.g. 8g.",
  "environment.memory": "Limit for the memory of a step's container, e.g. 16g.",
  "environment.cpus": "Number of processors that a step's container may use, e.g. 2 or 0.5.",
  "environment.network": "none: the steps' containers have no network.",
  parameters: "Names and default values; each is an option of the tasks, and {name} in a command.",
  steps: "What is run, in this order unless `needs` says otherwise.",
  "steps.*.run":
    "The command as a list of arguments. {name} is a parameter, {out} this step's own folder, {steps.train} the folder of a step it needs; a literal brace is doubled.",
  "steps.*.notebook": "A notebook, which gets the parameters and `out`.",
  "steps.*.needs": "Steps whose folders this one reads.",
  "steps.*.produces": "Files in the step's own folder that must be there when it ends.",
  "steps.*.inputs": "Files and folders that this step reads; all tracked files unless given.",
  "steps.*.resume": "Arguments that are added when an interrupted run is taken up again.",
  claims: "Published values that a run is held against.",
  "claims.*.name": "What is claimed, in words.",
  "claims.*.from":
    "Where the value is found: step/file.json#/pointer (-1 is the last item of a list) or step/file#sha256.",
  "claims.*.value": "The value as published: 86.10 has two decimals.",
  "claims.*.unit": "Unit, for people.",
  "claims.*.of": "The value is a count of so many samples, printed as a percentage, and compared as a count.",
  "claims.*.tolerance": "How far an obtained value may be off; without it, only the same value holds.",
  "claims.*.tolerance.samples": "So many samples.",
  "claims.*.tolerance.absolute": "So much, in the unit of the value.",
  "claims.*.tolerance.relative": "So much of the claimed value: 0.01 is one percent.",
  "claims.*.tolerance.because": "Where the tolerance is from.",
};

/** The text of `experiment.schema.json`. */
export function jsonSchema(): string {
  const json = z.toJSONSchema(experimentSchema, { io: "input" });
  for (const [path, description] of Object.entries(DESCRIPTIONS)) {
    describe(json, path.split("."), description);
  }
  return JSON.stringify({ title: "experiment.yaml", ...json }, null, 2) + "\n";
}

type Json = z.core.JSONSchema.BaseSchema;

function describe(schema: Json, path: string[], description: string): void {
  let at: Json | undefined = schema;
  for (const key of path) {
    at = (key === "*" ? at?.additionalProperties ?? at?.items : at?.properties?.[key]) as Json;
  }
  if (!at) throw new Error(`The schema has no ${path.join(".")}`);
  at.description = description;
}
