/** The shape of experiment.yaml, as a zod schema; its messages say what is wanted. */

import { z } from "zod";
import type { Path } from "./experiment_source.ts";

// Each schema is used once or twice in a process: generating code for it takes longer than it saves.
z.config({ jitless: true });

export const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
export const A_NAME =
  "made of small letters, digits, _ and -, beginning with a letter or digit, at most 64 long";

// The messages of the schema say what is wanted; `schemaProblems` puts the field before and the value after them.
const path = (example: string) => z.string({ error: `a path, e.g. ${example}` });
const paths = (example: string) => z.array(path(example), { error: `a list of paths, e.g. [${example}]` });
const name = (what: string) =>
  z.string({ error: `${what}, e.g. digits-resnet` }).regex(NAME, { error: A_NAME });
const text = (example: string) => z.string({ error: `a text, e.g. ${example}` });
const anyScalar = (wanted: string) => z.union([z.string(), z.number(), z.boolean()], { error: wanted });
const size = (example: string) => {
  const error = `a finite number that is not negative, e.g. ${example}`;
  return z.number({ error }).nonnegative({ error });
};
const wholeNumber = (wanted: string, least: number) => z.int({ error: wanted }).min(least, { error: wanted });
const argumentList = (example: string) =>
  z.array(anyScalar(`a text or number, in quotes if it begins with a brace, e.g. "{out}"`), {
    error: `a list of arguments, e.g. ${example}`,
  }).min(1, { error: `a list of at least one argument, e.g. ${example}` });

const GPUS = `none, optional, all, a count or a list of device ids, e.g. 1 or ["0", "2"]`;

export const environmentSchema = z.strictObject({
  image: text("cschranz/gpu-jupyter:v1.10_cuda-12.9_ubuntu-24.04").min(1, { error: "the name of an image" })
    .optional(),
  requirements: path("requirements.txt").optional(),
  gpus: z.union(
    [
      z.enum(["none", "optional", "all"]),
      z.int().min(1),
      z.array(z.union([z.string().min(1), z.int().min(0)])).min(1),
    ],
    { error: GPUS },
  ).optional(),
  shm_size: z.string({ error: "a size, e.g. 8g" }).regex(/^[1-9]\d*[bkmgBKMG]?$/, {
    error: "a size, e.g. 8g",
  })
    .optional(),
}, { error: "a mapping of image, requirements, gpus and shm_size" });

export const stepSchema = z.strictObject({
  run: argumentList(`[python, -m, src.train, --out, "{out}"]`).optional(),
  notebook: path("notebooks/train.ipynb").optional(),
  needs: z.array(z.string({ error: "the name of a step" }), { error: "a list of steps, e.g. [train]" })
    .optional(),
  produces: paths("metrics.json").optional(),
  inputs: paths("src").optional(),
  resume: argumentList("[--resume]").optional(),
}, { error: "a mapping with run or notebook, e.g. { run: [python, train.py] }" });

const toleranceSchema = z.strictObject({
  samples: wholeNumber("a whole number of samples that is not negative, e.g. 1", 0).optional(),
  absolute: size("0.01").optional(),
  relative: size("0.01").optional(),
  because: text("spread over 10 seeds, published/spread.json"),
}, { error: `a mapping, e.g. { samples: 1, because: "spread over threads" }` });

const CLAIM_NAME = "one line of text that names the claim, at most 200 characters";

export const claimSchema = z.strictObject({
  name: z.string({ error: CLAIM_NAME }).regex(/^(?=.*\S)[^\p{Cc}]{1,200}$/u, { error: CLAIM_NAME }),
  from: text("train/metrics.json#/accuracy/-1"),
  value: anyScalar("a finite number, a text, true or false"),
  unit: text(`"%"`).optional(),
  of: wholeNumber("the number of samples, a positive whole number", 1).optional(),
  tolerance: toleranceSchema.optional(),
}, { error: "a mapping with name, from and value" });

export const experimentSchema = z.strictObject({
  name: name("the name of the experiment"),
  title: text("A small ResNet on handwritten digits").optional(),
  environment: environmentSchema.optional(),
  parameters: z.record(
    z.string().regex(NAME, { error: A_NAME }),
    anyScalar("a finite number, a text, true or false"),
    {
      error: "a mapping of names to default values, e.g. { epochs: 15, seed: 23 }",
    },
  ).optional(),
  steps: z.record(z.string().regex(NAME, { error: A_NAME }), stepSchema, {
    error: "a mapping of names to steps, e.g. { train: { run: [python, train.py] } }",
  }),
  claims: z.array(claimSchema, { error: "a list of claims" }).optional(),
}, { error: "a mapping with name and steps" });

export type RawExperiment = z.infer<typeof experimentSchema>;
export type RawEnvironment = z.infer<typeof environmentSchema>;
export type RawStep = z.infer<typeof stepSchema>;
export type RawClaim = z.infer<typeof claimSchema>;

/** JSON Schema of experiment.yaml for editors, as the text of `experiment.schema.json`. */
export function jsonSchema(): string {
  const json = z.toJSONSchema(experimentSchema, { io: "input" });
  return JSON.stringify({ title: "experiment.yaml", ...json }, null, 2) + "\n";
}

/** The keys that may stand in the mapping at the path. */
export function keysAt(path: Path): string[] {
  let at: unknown = experimentSchema;
  for (const key of path) {
    while (at instanceof z.ZodOptional) at = at.unwrap();
    if (at instanceof z.ZodObject) at = at.shape[key];
    else if (at instanceof z.ZodRecord) at = at.valueType;
    else if (at instanceof z.ZodArray) at = at.element;
  }
  while (at instanceof z.ZodOptional) at = at.unwrap();
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}
