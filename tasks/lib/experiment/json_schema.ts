/** The JSON Schema that editors check and explain experiment.yaml with. */

import * as z from "zod/mini";
import { experimentSchema } from "./schema.ts";

function describeTolerance(path: string): Record<string, string> {
  return {
    [`${path}.samples`]: "So many samples.",
    [`${path}.absolute`]: "So much, in the unit of the value.",
    [`${path}.relative`]: "So much of the claimed value: 0.01 is one percent.",
    [`${path}.because`]: "Where the tolerance is from.",
    [`${path}.runs`]: "Ids of the runs it rests on; it judges none of these.",
    [`${path}.provisional`]: "It rests on no runs yet.",
  };
}

/** By the path of a key; `*` stands for any step, parameter or claim. */
const DESCRIPTIONS: Record<string, string> = {
  name: "Name of the experiment, and of its folder in runs/.",
  title: "One line for people.",
  environment: "What the steps run in.",
  "environment.image": "Container image that holds the authors' environment.",
  "environment.requirements":
    "What the Python environment is made from: requirements.txt, pyproject.toml, uv.lock, pylock.toml, poetry.lock, Pipfile, environment.yml, conda-lock.yml, pixi.toml or setup.py, whose locks go before them; several requirements files as a list; a folder, in which they are looked for; or active, the Python that is active.",
  "environment.extras": "Extras of a pyproject.toml or its lock.",
  "environment.groups": "Dependency groups of a pyproject.toml or its lock.",
  "environment.install": "What pip is given after the requirements, e.g. [-e, .].",
  "environment.python": 'Minor version of Python, e.g. "3.10".',
  "environment.as_of": "Day whose newest packages are taken for what nothing pins, e.g. 2021-08-23.",
  "environment.torch":
    "PyTorch's build: cpu, cu128, …; auto, or left out, is the one that fits the GPUs that are asked for and here.",
  "environment.gpus": "none (the default), optional, all, a count, or a list of device ids.",
  "environment.engine": "Where the steps run unless --engine says otherwise.",
  "environment.shm_size": "Size of /dev/shm in a container, e.g. 8g.",
  "environment.memory": "Limit for the memory of a step's container, e.g. 16g.",
  "environment.cpus": "Number of processors that a step's container may use, e.g. 2 or 0.5.",
  "environment.network": "none: the steps' containers have no network.",
  parameters: "Names and default values; each is an option of the tasks, and {name} in a command.",
  params:
    "Parameters that stand in a file of the repository, e.g. params.yaml#train.lr. Their values there are the declared ones; other values are written into a copy that the steps see.",
  data: "What is fetched: data sets and weights, kept in a cache that all your projects share.",
  "data.*.urls": "Where it is, best first; http and https.",
  "data.*.how":
    "Instead of urls: how these data are had, where nobody may hand them on. Without either, a step downloads them by itself, and they are hashed after it.",
  "data.*.from":
    "Instead of urls: a file of a deposit (Zenodo, figshare, Dataverse), of the Hugging Face Hub, or of a Croissant description in the project. It is looked up once; experiment.lock pins address and hash.",
  "data.*.sha256":
    "SHA-256 of the file or archive, or of a folder that you put there: all 64 digits, or at least the first 8.",
  "data.*.md5": "MD5 of the file or archive, where its authors publish no SHA-256.",
  "data.*.size": "Bytes of the file or archive.",
  "data.*.unpack": "zip or tar (compressed or not); without it, a file.",
  "data.*.to": "Where steps find it in the project: a link into the cache. Let git ignore it.",
  steps: "What is run, in this order unless `needs` says otherwise.",
  "steps.*.run":
    "The command as a list of arguments. {name} is a parameter, {out} this step's own folder, {steps.train} the folder of a step it needs, {data.photos} what was fetched, {cache} a folder of the project for what can be derived again; a literal brace is doubled.",
  "steps.*.notebook": "A notebook, which gets the parameters and `out`.",
  "steps.*.description": "What the step does, in a line for people.",
  "steps.*.shell":
    "Instead of run: a script for bash -euo pipefail. Parameters are its variables ($epochs; - becomes _), and so are $out, $cache, $steps_train and $data_photos; nothing is pasted into it.",
  "steps.*.needs": "Steps whose folders this one reads.",
  "steps.*.produces": "Files in the step's own folder that must be there when it ends.",
  "steps.*.outputs":
    "Files and folders that the step writes into the project. They end in its own folder; the project is as it was after the run.",
  "steps.*.cwd": "The folder it works in; the project's root without it.",
  "steps.*.env": "Environment variables, with placeholders as in run.",
  "steps.*.secrets":
    "Environment variables that are passed through from the caller, and that no record holds.",
  "steps.*.timeout": "The step is ended, as failed, after this time: 90s, 30m, 4h, 2d.",
  "steps.*.tty": "The step gets a terminal of 80 columns.",
  "steps.*.optional": "If the step fails, the run goes on without it.",
  "steps.*.gpus": "As environment.gpus, for a step that needs others.",
  "steps.*.expect":
    "What the step took its authors; it is said before, and asked where this machine clearly lacks it.",
  "steps.*.expect.time": "E.g. 4h.",
  "steps.*.expect.disk": "Free space for the run folder, e.g. 30g.",
  "steps.*.expect.on": "The machine, e.g. 1x A100.",
  "steps.*.inputs": "Files and folders that this step reads; all tracked files unless given.",
  "steps.*.data": "Data that this step reads without a placeholder in its command, as a notebook does.",
  "steps.*.resume": "Arguments that are added when an interrupted run is taken up again.",
  claims: "Published values that a run is checked against.",
  "claims.*.name": "What is claimed, in words.",
  "claims.*.from":
    "Where the value is found: step/file.json#/pointer (-1 is the last item of a list), step/file.csv?epoch=10#column, step/file#sha256, or by a regular expression with one group in the outputs of a notebook or in a text, 'step/file~/accuracy: (\\S+)/', or in what the step printed, 'step~/accuracy: (\\S+)/' (JavaScript's, with the flags m and u; best in single quotes). For a list of values: a pointer to a list, step/file.csv#column, or every match; [-1], [0], [max], [min], [mean] or [count] at the end takes one of them. A * in the path stands for any part of a name, ** for any folders; exactly one file must match.",
  "claims.*.format": "How the file writes its values, where its name or its first line does not tell.",
  "claims.*.format.separator":
    "Between the cells of a table: one character, or space for any number of blanks.",
  "claims.*.format.decimal": "A comma where 86,10 is written for 86.10.",
  "claims.*.format.thousands":
    "What stands between the thousands where 1.068,10 (a point) or 1,068.10 (a comma) is written.",
  "claims.*.format.header":
    "false if the first row holds values; columns are then called 0, 1, 2, … (-1 is the last).",
  "claims.*.value":
    "The value as published: 86.10 has two decimals. A list is a curve, e.g. one value for each epoch. A mapping is a range, { at_least: 94 }, { at_most: 0.1 } or { between: [93, 95] }, or a mean over runs, { mean: 94.1, std: 0.2, n: 5 }.",
  "claims.*.published":
    "Instead of value: a file of the repository that has it at the same place, e.g. notebooks/Train.ipynb; or a file with a place of its own, e.g. README.md?Model=LeNet#Acc.",
  "claims.*.value.at_least": "The smallest value with which the claim holds.",
  "claims.*.value.at_most": "The largest value with which the claim holds.",
  "claims.*.value.between": "The smallest and the largest value with which the claim holds.",
  "claims.*.value.mean": "The mean over n runs, judged over seeds (over: seeds).",
  "claims.*.value.std": "The standard deviation of the n runs.",
  "claims.*.value.n": "The number of runs.",
  "claims.*.unit": "Unit, for people; a cell or match may end in it.",
  "claims.*.of": "The value is a count of so many samples, printed as a percentage, and compared as a count.",
  "claims.*.over":
    "seeds: the claim is about the runs of deno task sweep over seeds. Its verdict is consistent, equivalent, different or inconclusive.",
  "claims.*.statistic":
    "What of the values over seeds is claimed: mean (without it), min, max, interval (where one further run is expected), or how many are above a number.",
  "claims.*.statistic.above": "The values above this are counted.",
  "claims.*.statistic.of": "The number of seeds among which the authors counted.",
  "claims.*.tolerance":
    "How far an obtained value may be off; without it, only the same value holds. In a list, the first class whose `when` matches is used, the widest if none does.",
  ...describeTolerance("claims.*.tolerance"),
  ...describeTolerance("claims.*.tolerance.*"),
  "claims.*.tolerance.*.when": "The environments that the class is for; all without it.",
  "claims.*.tolerance.*.when.image": "same or other than the authors' container image, or an image's name.",
  "claims.*.tolerance.*.when.gpu": "same or other than the authors' GPU model, or a model.",
  "claims.*.tolerance.*.when.driver": "same or other than the authors' GPU driver, or a version.",
  "claims.*.tolerance.*.when.device": "same or other than the authors' device, or cpu or cuda.",
  sweep: "The runs that deno task sweep makes: over seeds, over parameters, or both.",
  "sweep.seeds": "How many seeds (1, 2, 3, …), or a list of them.",
  "sweep.seed": "Name of the parameter that takes the seed; seed without it.",
  "sweep.grid": "All combinations of these values, by parameter.",
  "sweep.list": "These combinations of values and no others.",
  "sweep.steps":
    "The steps that are run; without it those that claims over seeds are about (all, where there are none) and what they need.",
  "sweep.reproduce": "deno task reproduce makes the sweep, too.",
  authors:
    "The environment that the claimed values are from, where it is not that of published/evidence.json.",
  "authors.image": "Container image; the experiment's image without it.",
  "authors.gpu": "GPU model, as nvidia-smi names it.",
  "authors.driver": "Version of the GPU driver.",
  "authors.device": "Whether it ran on a CPU or on GPUs.",
};

/** The text of `schemas/experiment.schema.json`. */
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
    const forms: Json[] = (at?.anyOf as Json[] | undefined) ?? [at ?? {}];
    at = forms.map((form) =>
      (key === "*" ? form.additionalProperties || form.items : form.properties?.[key]) as Json | undefined
    ).find((found) => found);
  }
  if (!at) throw new Error(`The schema has no ${path.join(".")}`);
  at.description = description;
}
