/** The shape of experiment.yaml, as a zod schema; its messages say what is expected. */

import * as z from "zod/mini";
import { SIZE_PATTERN, TIME_PATTERN } from "./experiment.ts";
import { ENGINE_NAMES } from "./engine_name.ts";
import { THOUSANDS } from "../values/written_number.ts";
import type { Path } from "./yaml_document.ts";

// Each schema is used once or twice in a process: generating code for it takes longer than it saves.
z.config({ jitless: true });

/** Names of experiments, steps and data: also good names of folders, containers and images. */
export const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** The step of a run of notebooks that were named on the command line: no declared step can be called that. */
export const NAMED_NOTEBOOKS = "_notebooks";

/** `NAME` in words, as they go on after "must be". */
export const A_NAME =
  "made of small letters, digits, _ and -, beginning with a letter or digit, at most 64 long";

// zod/mini loads and builds in 18 ms where zod takes 30.
// The messages say what is expected; `wrongValue` puts the field before and the current value after them.
const path = (example: string) => z.string({ error: `a path, e.g. ${example}` });

const paths = (example: string) => z.array(path(example), { error: `a list of paths, e.g. [${example}]` });

/** A text of this pattern, built once: `check()` would make a second one of it. */
const matching = (expected: string, pattern: RegExp, ofOther = expected) =>
  new z.ZodMiniString({
    type: "string",
    error: () => ofOther,
    checks: [z.regex(pattern, { error: expected })],
  });

const name = (what: string) => matching(A_NAME, NAME, `${what}, e.g. my-paper`);

/** As programs call them: N_EPOCHS, learning-rate. */
export const PARAMETER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** `PARAMETER_NAME` in words, likewise. */
export const A_PARAMETER_NAME =
  "made of letters, digits, _ and -, beginning with a letter or digit, at most 64 long";

const parameterNames = matching(A_PARAMETER_NAME, PARAMETER_NAME);

/** What a parameter's value may be, in words. */
export const PARAMETER = "a finite number, a text, true, false, null, a list or a mapping";

const parameterSchema = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.unknown()),
  z.record(z.string(), z.unknown()),
], { error: PARAMETER });

const PLACE = "a file and a key, e.g. params.yaml#train.lr";

const names = matching(A_NAME, NAME);

const text = (example: string) =>
  matching("a text without control characters", /^(?:[\t\n\r]|\P{Cc})*$/u, `a text, e.g. ${example}`);

const anyScalar = (expected: string) => z.union([z.string(), z.number(), z.boolean()], { error: expected });

const size = (example: string) => {
  const error = `a finite number that is not negative, e.g. ${example}`;
  return z.number({ error }).check(z.nonnegative({ error }));
};

const wholeNumber = (expected: string, least: number) =>
  z.int({ error: expected }).check(z.minimum(least, { error: expected }));

const argumentList = (example: string) =>
  z.array(anyScalar(`a text or number, in quotes if it begins with a brace, e.g. "{out}"`), {
    error: `a list of arguments, e.g. ${example}`,
  }).check(z.minLength(1, { error: `a list of at least one argument, e.g. ${example}` }));

const SIZE = "a size, e.g. 8g";

const CPUS = "a number of processors, e.g. 2 or 0.5";

const GPUS = `none, optional, all, a count or a list of device ids, e.g. 1 or ["0", "2"]`;

const gpusSchema = z.union([
  z.enum(["none", "optional", "all"]),
  z.int().check(z.minimum(1)),
  z.array(z.union([z.string().check(z.minLength(1)), z.int().check(z.minimum(0))])).check(z.minLength(1)),
], { error: GPUS });
const REQUIREMENTS = "a path, e.g. requirements.txt, a list of paths, or active";

const PYTHON = 'a minor version in quotes, e.g. "3.10"';

const DAY = "a day in the past, e.g. 2022-09-29";

const TORCH = "cpu, auto, or a build of CUDA or ROCm, e.g. cu128";

const labels = (key: string) => {
  const error = `a list of names, e.g. ${key === "extras" ? "[cpu]" : "[experiments]"}`;
  return z.array(z.string({ error }).check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, { error })), { error });
};

export const environmentSchema = z.strictObject({
  image: z.optional(
    text("user/image:1.0").check(
      z.minLength(1, { error: "the name of an image" }),
    ),
  ),
  requirements: z.optional(z.union([
    z.string(),
    z.array(z.string({ error: "a path, e.g. requirements.txt" })).check(z.minLength(1)),
  ], { error: REQUIREMENTS })),
  extras: z.optional(labels("extras")),
  groups: z.optional(labels("groups")),
  install: z.optional(argumentList("[-e, .]")),
  python: z.optional(matching(PYTHON, /^3\.\d+$/)),
  as_of: z.optional(
    matching(DAY, /^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/),
  ),
  torch: z.optional(
    matching(TORCH, /^(?:cpu|auto|cu\d{2,3}|rocm\d\.\d|xpu)$/),
  ),
  gpus: z.optional(gpusSchema),
  engine: z.optional(z.enum(ENGINE_NAMES, { error: ENGINE_NAMES.join(", ") })),
  shm_size: z.optional(matching(SIZE, SIZE_PATTERN)),
  memory: z.optional(matching(SIZE, SIZE_PATTERN)),
  cpus: z.optional(z.number({ error: CPUS }).check(z.positive({ error: CPUS }))),
  network: z.optional(z.enum(["none"], { error: '"none", or left out' })),
}, { error: "a mapping, e.g. { requirements: requirements.txt, gpus: optional }" });

const URLS = "a list of addresses, e.g. [https://example.org/photos.zip]";

const HEX = "in quotes if they look like a number";

const SHA256 = `64 hexadecimal digits, or at least their first 8, ${HEX}`;

const MD5 = `32 hexadecimal digits, ${HEX}`;

/** What an archive of data may be; how a tar is compressed, its content tells. */
export const ARCHIVES = ["zip", "tar"] as const;

const UNPACK = "zip or tar, or left out for a file";

const FROM =
  "doi:10.…/…#FILE, hf:[datasets/]OWNER/NAME@REVISION/PATH, or croissant:FILE.json#DISTRIBUTION, in quotation marks";

const FROM_PATTERN =
  /^(?:doi:10\.\d{4,9}(?:\.\d+)*\/[^\s#]+#\S.*|hf:(?:datasets\/)?[\w.-]+(?:\/[\w.-]+)?@[^\s/]+\/\S.*|croissant:[^\s#]+#\S.*)$/;

export const dataSchema = z.strictObject({
  urls: z.optional(
    z.array(z.string({ error: "an address, e.g. https://example.org/photos.zip" }), { error: URLS }).check(
      z.minLength(1, { error: URLS }),
    ),
  ),
  how: z.optional(
    text('"ask at example.org, then put it here"').check(
      z.regex(/\S/, { error: "how these data are had, in words" }),
    ),
  ),
  from: z.optional(matching(FROM, FROM_PATTERN)),
  sha256: z.optional(matching(SHA256, /^[0-9a-fA-F]{8,64}$/)),
  md5: z.optional(matching(MD5, /^[0-9a-fA-F]{32}$/)),
  size: z.optional(wholeNumber("the number of bytes, a positive whole number", 1)),
  unpack: z.optional(z.enum(ARCHIVES, { error: UNPACK })),
  to: path("data/photos"),
}, { error: "a mapping with to, and with urls or how and a hash, or with from" });

const TIME = "a number and s, m, h or d, e.g. 90s, 30m or 4h";

const time = matching(TIME, TIME_PATTERN);

const DISK = "a number and m, g or t, e.g. 30g";

const expectSchema = z.strictObject({
  time: z.optional(time),
  disk: z.optional(matching(DISK, /^[1-9]\d*[mgtMGT]$/)),
  on: z.optional(text("1x A100")),
}, { error: 'a mapping, e.g. { time: 4h, disk: 30g, on: "1x A100" }' });

const VARIABLE_NAME = "names of environment variables, made of letters, digits and _";

const variableName = matching(VARIABLE_NAME, /^[A-Za-z_][A-Za-z0-9_]*$/);

const SECRETS = "a list of names of environment variables, e.g. [HF_TOKEN]";

const onlyTrue = z.literal(true, { error: "true, or left out" });

export const stepSchema = z.strictObject({
  description: z.optional(text("Trains for 15 epochs")),
  run: z.optional(argumentList(`[python, -m, src.train, --out, "{out}"]`)),
  shell: z.optional(
    text("python train.py | tee log.txt").check(z.regex(/\S/, { error: "the text of a bash script" })),
  ),
  notebook: z.optional(path("notebooks/train.ipynb")),
  needs: z.optional(
    z.array(z.string({ error: "the name of a step" }), { error: "a list of steps, e.g. [train]" }),
  ),
  produces: z.optional(paths("metrics.json")),
  outputs: z.optional(paths("results/metrics.csv")),
  inputs: z.optional(paths("src")),
  resume: z.optional(argumentList("[--resume]")),
  cwd: z.optional(path("src")),
  env: z.optional(z.record(variableName, anyScalar("a text, a number, true or false"), {
    error: "a mapping of names to values, e.g. { OMP_NUM_THREADS: 1 }",
  })),
  secrets: z.optional(z.array(variableName, { error: SECRETS })),
  timeout: z.optional(time),
  tty: z.optional(onlyTrue),
  optional: z.optional(onlyTrue),
  gpus: z.optional(gpusSchema),
  expect: z.optional(expectSchema),
  data: z.optional(
    z.array(z.string({ error: "the name of data" }), { error: "a list of names of data, e.g. [photos]" }),
  ),
}, { error: "a mapping with run, shell or notebook, e.g. { run: [python, train.py] }" });

const WHEN = "same, other, or a text to be equal to, e.g. { image: same, gpu: same } or { device: cpu }";

const condition = z.optional(z.string({ error: WHEN }).check(z.minLength(1, { error: WHEN })));

const DEVICE = "same, other, cpu or cuda";

/** What both a tolerance for every environment and a class of tolerance have. */
const toleranceShape = {
  samples: z.optional(wholeNumber("a whole number of samples that is not negative, e.g. 1", 0)),
  absolute: z.optional(size("0.01")),
  relative: z.optional(size("0.01")),
  because: text("spread over 10 seeds, published/spread.json"),
  runs: z.optional(
    z.array(text("20261123T181243Z-067d"), { error: "a list of the runs that it rests on" }).check(
      z.minLength(1, { error: "a list of at least one run that it rests on" }),
    ),
  ),
  provisional: z.optional(z.literal(true, { error: "true, or left out" })),
};

const toleranceClassSchema = z.strictObject({
  when: z.optional(z.strictObject({
    image: condition,
    gpu: condition,
    driver: condition,
    device: z.optional(z.enum(["same", "other", "cpu", "cuda"], { error: DEVICE })),
  }, { error: "a mapping, e.g. { image: same, gpu: same }" })),
  ...toleranceShape,
}, { error: 'a mapping, e.g. { when: { device: cpu }, samples: 1, because: "…", provisional: true }' });

/** One for every environment, or a list of classes. */
const toleranceSchema = z.union([
  z.strictObject(toleranceShape),
  z.array(toleranceClassSchema).check(
    z.minLength(1, { error: "a list of at least one class of tolerance" }),
  ),
], { error: `a mapping, e.g. { samples: 1, because: "spread over threads" }, or a list of classes` });

export const VALUE =
  "a finite number, a text, true or false, a list of numbers, or a range, e.g. { at_least: 94 } or { between: [93, 95] }";

const BOUND = "a finite number, e.g. 94";

const BETWEEN = "a list of two numbers, e.g. [93, 95]";

const bound = z.optional(z.number({ error: BOUND }));

/** A range, or a mean over runs; `checkRange` says which keys go together. */
const rangeSchema = z.strictObject({
  at_least: bound,
  at_most: bound,
  between: z.optional(
    z.array(z.number({ error: BOUND }), { error: BETWEEN }).check(z.length(2, { error: BETWEEN })),
  ),
  mean: bound,
  std: z.optional(size("0.2")),
  n: z.optional(wholeNumber("the number of runs, at least 2", 2)),
}, { error: "a mapping, e.g. { at_least: 94 }" });

const POINT = "a finite number, e.g. 48.89";

const valueSchema = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.array(z.number({ error: POINT })).check(z.minLength(1, { error: "a list of at least one number" })),
  rangeSchema,
], { error: VALUE });

const SEEDS = "a number of seeds, e.g. 10, or a list of them, e.g. [1, 5, 9]";

const POINTS = "a list of values, e.g. [0.1, 0.01]";

export const sweepSchema = z.strictObject({
  seeds: z.optional(z.union([
    z.int().check(z.minimum(1)),
    z.array(z.union([z.string(), z.number()])).check(z.minLength(1)),
  ], { error: SEEDS })),
  seed: z.optional(text("seed")),
  grid: z.optional(z.record(
    parameterNames,
    z.array(z.unknown(), { error: POINTS }).check(z.minLength(1, { error: POINTS })),
    { error: "a mapping of parameters to lists of values, e.g. { lr: [0.1, 0.01] }" },
  )),
  list: z.optional(
    z.array(z.record(parameterNames, z.unknown()), {
      error: "a list of mappings of parameters to values, e.g. [{ lr: 0.1, epochs: 5 }]",
    }).check(z.minLength(1, { error: "a list of at least one mapping of parameters to values" })),
  ),
  steps: z.optional(
    z.array(z.string({ error: "the name of a step" }), { error: "a list of steps, e.g. [train]" }),
  ),
  reproduce: z.optional(onlyTrue),
}, { error: "a mapping, e.g. { seeds: 10 } or { seeds: 5, grid: { lr: [0.1, 0.01] } }" });

/** The environment that the published values are from, where published/evidence.json does not say. */
const authorsSchema = z.strictObject({
  image: z.optional(text("user/image:1.0")),
  gpu: z.optional(text("NVIDIA A100-SXM4-40GB")),
  driver: z.optional(text("575.57.08")),
  device: z.optional(z.enum(["cpu", "cuda"], { error: "cpu or cuda" })),
}, { error: "a mapping, e.g. { image: user/image:1.0, device: cuda }" });

const SEPARATOR = `one character, e.g. ";", or "space" for any number of blanks`;

const DECIMAL = '"," or "."';

const BETWEEN_THOUSANDS = `one of ${THOUSANDS.map((one) => JSON.stringify(one)).join(", ")}`;

/** How a file writes its values. */
const formatSchema = z.strictObject({
  separator: z.optional(
    matching(SEPARATOR, /^(?:[^"\r\n\d]|space)$/),
  ),
  decimal: z.optional(z.enum([",", "."], { error: DECIMAL })),
  thousands: z.optional(z.enum(THOUSANDS, { error: BETWEEN_THOUSANDS })),
  header: z.optional(z.boolean({ error: "true or false" })),
}, { error: `a mapping, e.g. { separator: ";", decimal: "," }` });

const STATISTIC = "mean, min, max, interval, or how many are above a number, e.g. { above: 98, of: 10 }";

/** What of the values over seeds is claimed. */
const statisticSchema = z.union([
  z.enum(["mean", "min", "max", "interval"], { error: STATISTIC }),
  z.strictObject({
    above: z.number({ error: BOUND }),
    of: wholeNumber("the number of seeds that was counted among, a positive whole number", 1),
  }, { error: STATISTIC }),
], { error: STATISTIC });

const CLAIM_NAME = "one line of text that names the claim, at most 200 characters";

export const claimSchema = z.strictObject({
  name: matching(CLAIM_NAME, /^(?=.*\S)[^\p{Cc}]{1,200}$/u),
  from: text("train/metrics.json#/accuracy/-1"),
  format: z.optional(formatSchema),
  value: z.optional(valueSchema),
  published: z.optional(path("notebooks/Train.ipynb")),
  unit: z.optional(text(`"%"`)),
  of: z.optional(wholeNumber("the number of samples, a positive whole number", 1)),
  over: z.optional(z.literal("seeds", { error: '"seeds", or left out' })),
  statistic: z.optional(statisticSchema),
  tolerance: z.optional(toleranceSchema),
}, { error: "a mapping with name, from, and value or published" });

/** The shape of experiment.yaml; what one field says of another, `checkExperiment` looks at. */
export const experimentSchema = z.strictObject({
  name: name("the name of the experiment"),
  title: z.optional(text("What the experiment is about")),
  environment: z.optional(environmentSchema),
  parameters: z.optional(z.record(parameterNames, parameterSchema, {
    error: "a mapping of names to default values, e.g. { epochs: 15, seed: 23 }",
  })),
  params: z.optional(z.record(parameterNames, z.string({ error: PLACE }), {
    error: "a mapping of parameters to where they stand, e.g. { lr: params.yaml#train.lr }",
  })),
  data: z.optional(z.record(names, dataSchema, {
    error: "a mapping of names to what is fetched, e.g. { photos: { urls: […], md5: …, to: data/photos } }",
  })),
  steps: z.record(names, stepSchema, {
    error: "a mapping of names to steps, e.g. { train: { run: [python, train.py] } }",
  }),
  claims: z.optional(z.array(claimSchema, { error: "a list of claims" })),
  sweep: z.optional(sweepSchema),
  authors: z.optional(authorsSchema),
}, { error: "a mapping with name and steps" });

/** experiment.yaml as YAML gives it: of the right shape, and not checked further. */
export type RawExperiment = z.infer<typeof experimentSchema>;

export type RawEnvironment = z.infer<typeof environmentSchema>;

export type RawStep = z.infer<typeof stepSchema>;

export type RawData = z.infer<typeof dataSchema>;

export type RawClaim = z.infer<typeof claimSchema>;

export type RawSweep = z.infer<typeof sweepSchema>;

export type RawRange = z.infer<typeof rangeSchema>;

export type RawTolerance = z.infer<typeof toleranceClassSchema>;

/** The keys that may stand in the mapping at the path. */
export function keysAt(path: Path): string[] {
  let at: unknown = experimentSchema;
  for (const key of path) {
    at = optionFor(at, typeof key === "number" ? "list" : "mapping");
    if (at instanceof z.ZodMiniObject) at = at.shape[key];
    else if (at instanceof z.ZodMiniRecord) at = at.def.valueType;
    else if (at instanceof z.ZodMiniArray) at = at.def.element;
  }
  at = optionFor(at, "mapping");
  return at instanceof z.ZodMiniObject ? Object.keys(at.shape) : [];
}

/** The schema of what may be left out, or of what may be a mapping or a list. */
function optionFor(schema: unknown, expected: "mapping" | "list"): unknown {
  if (schema instanceof z.ZodMiniOptional) return optionFor(schema.def.innerType, expected);
  if (!(schema instanceof z.ZodMiniUnion)) return schema;
  return schema.def.options.find((option) =>
    option instanceof (expected === "list" ? z.ZodMiniArray : z.ZodMiniObject)
  );
}
