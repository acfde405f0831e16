/** The shape of evidence.json: what was asked, on what machine, what ran, and what came out. */

import * as z from "zod/mini";
import { NAME, NAMED_NOTEBOOKS } from "../experiment/schema.ts";
import { engineSchema, needSchema, parametersSchema, plannedImageSchema } from "../plan/plan_schema.ts";
import { hostSchema } from "../system/host_schema.ts";

const texts = z.array(z.string());

const textByName = z.record(z.string(), z.string());

const TIME = "a time, e.g. 2026-11-23T16:05:12.000Z";

/** ISO 8601, UTC, as every time here. */
export const timeSchema = z.string().check(
  z.refine((text) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) && !Number.isNaN(Date.parse(text)), {
    error: TIME,
  }),
);

const INSIDE = "a path inside the step's folder";

/** A file's name may hold anything; the path must not lead elsewhere. */
const insideSchema = z.string().check(
  z.refine((path) => !path.startsWith("/") && !path.includes("\0") && path.split("/").every(isPart), {
    error: INSIDE,
  }),
);

function isPart(part: string): boolean {
  return part !== "" && part !== "." && part !== "..";
}

const STEP_NAME = new RegExp(`^${NAMED_NOTEBOOKS}$|${NAME.source}`);

const stepName = z.string().check(z.regex(STEP_NAME, { error: "the name of a step" }));

/** `running` in a record whose runner is gone means that it was killed. */
const RUN_STATUSES = ["planned", "running", "done", "failed", "interrupted"] as const;

const runStatusSchema = z.enum(RUN_STATUSES);

const stepStatusSchema = z.enum([...RUN_STATUSES, "reused", "not run"]);

const codeSchema = z.object({
  /** Hashes of source files by path relative to the root. */
  files: textByName,
  /** SHA-256 over all of `files`: two runs of the same code have the same. */
  sha256: z.string(),
  /** Absent in a copy without `.git`, or where git is not installed. */
  commit: z.optional(z.string()),
  /** Files that differ from the commit, as `git status --porcelain` names them. */
  dirty: texts,
  /** What differs, at most `DIFF_LIMIT` characters. */
  diff: z.optional(z.string()),
});

/** Under which conditions the steps of an attempt ran, and how it ended. */
const attemptSchema = z.object({
  /** When it began. */
  started: timeSchema,
  /** When it ended; absent while it runs, or where it was killed. */
  ended: z.optional(timeSchema),
  /** How it ended. */
  status: runStatusSchema,
  /** Number of the runner's process. */
  pid: z.number(),
  /** Why it ended early. */
  because: z.optional(z.string()),
  /** What differs from the attempt before. */
  differs: z.optional(texts),
  /** The machine. */
  host: hostSchema,
  /** The job of a cluster that it was. */
  job: z.optional(z.object({
    /** Name of the cluster, as `--on` takes it. */
    cluster: z.string(),
    /** The scheduler's number for it. */
    id: z.optional(z.string()),
    /** Name of the node. */
    node: z.optional(z.string()),
  })),
  /** What the steps ran in. */
  environment: z.object({
    /** The Python of the steps. */
    python: z.string(),
    /** Its version, of a virtual environment that this project made. */
    pythonVersion: z.optional(z.string()),
    /** SHA-256 of the lock that the environment was made from. */
    lockSha256: z.optional(z.string()),
    /** GPUs that were asked for, in words. */
    gpus: z.string(),
    /** What the steps' containers were made from. */
    image: z.optional(plannedImageSchema),
  }),
  /** Environment variables that numerics depend on; never others. */
  variables: textByName,
  /** The code that ran. */
  code: codeSchema,
});

/** What can't be asked is recorded as why. */
const orError = <T>(schema: z.ZodMiniType<T>) =>
  z.optional(z.union([
    schema,
    z.looseObject({
      /** Why it could not be asked for. */
      error: z.string(),
    }),
  ]));

/** Versions, devices and flags of a framework. */
const frameworkSchema = z.looseObject({
  /** With properties, or as names such as `/physical_device:GPU:0`. */
  devices: orError(z.array(z.union([
    z.string(),
    z.looseObject({
      name: z.string(),
      compute_capability: z.optional(z.string()),
      sm_count: z.optional(z.number()),
    }),
  ]))),
});

/** What an interpreter recorded of itself. */
const processSchema = z.looseObject({
  /** Version of Python. */
  python: orError(z.string()),
  /** Versions of packages by their names. */
  packages: z.optional(textByName),
}).check(z.superRefine((process, context) => {
  // Which frameworks there are, only the recorder in the environment knows.
  for (const [name, entry] of Object.entries(process)) {
    if (name === "packages" || typeof entry !== "object" || entry === null || Array.isArray(entry)) continue;
    for (const issue of frameworkSchema.safeParse(entry).error?.issues ?? []) {
      context.issues.push(
        { ...issue, path: [name, ...issue.path], input: entry } as typeof context.issues[number],
      );
    }
  }
}));

/** What a step itself recorded, in step.json and notebooks.json: resources, package versions, framework settings. */
export const recordedSchema = z.looseObject({
  /** The processor as the step saw it. */
  cpu: z.optional(z.looseObject({
    /** Its model. */
    model: z.optional(z.string()),
    /** Vector instruction sets that numerics depend on. */
    instruction_sets: z.optional(texts),
  })),
  /** Of the step's own process. */
  environment: z.optional(processSchema),
  /** Notebooks that it executed. */
  notebooks: z.optional(z.array(z.looseObject({
    /** What the kernel ran with. */
    kernel: z.optional(z.nullable(processSchema)),
  }))),
});

const usedDataSchema = z.object({
  /** What the step was told, absolute. */
  path: z.string(),
  /** Of the file or archive. */
  sha256: z.string(),
  /** Over paths and bytes of what the archive was unpacked to. */
  treeSha256: z.optional(z.string()),
  /** Of the file or archive. */
  bytes: z.optional(z.number()),
  /** Address or path that it is from. */
  source: z.optional(z.string()),
});

const outputSchema = z.object({
  /** Relative to the step's folder, with `/`. */
  path: insideSchema,
  /** Size of the file. */
  bytes: z.number(),
  /** Target of a symbolic link, as it is written. */
  link: z.optional(z.string()),
  /** SHA-256 of the bytes; a link has none. */
  sha256: z.optional(z.string()),
});

const stepEvidenceSchema = z.object({
  /** How it ended. */
  status: stepStatusSchema,
  /** The step's own command. */
  argv: texts,
  /** The whole command line, with the engine. */
  command: texts,
  /** Index of the attempt it ran in. */
  attempt: z.number(),
  /** SHA-256 over all that determines the step's result; equal means that it need not run again. Empty: never equal. */
  fingerprint: z.string(),
  /** Hashes of the files in `inputs:` by path; a step without it reads all of the attempt's code. */
  inputs: z.optional(textByName),
  /** Source files that were edited while the run was under way, so that what ran is not what was recorded at first. */
  edited: z.optional(texts),
  /** Folders of other steps that it read. */
  needs: z.record(
    z.string(),
    z.extend(needSchema, {
      /** SHA-256 over all files of the folder. */
      sha256: z.string(),
    }),
  ),
  /** Data that were fetched, as they were when the run was planned; absent where the step reads none. */
  data: z.optional(z.record(z.string(), usedDataSchema)),
  /** Environment variables of the step's own; secrets are in no record. */
  settings: z.optional(textByName),
  /** When it began. */
  started: z.optional(timeSchema),
  /** When it ended. */
  ended: z.optional(timeSchema),
  /** How long it took. */
  seconds: z.optional(z.number()),
  /** Its exit code. */
  exitCode: z.optional(z.number()),
  /** The signal that ended it. */
  signal: z.optional(z.string()),
  /** What went wrong, in a sentence. */
  problem: z.optional(z.string()),
  /** Run whose outputs were copied instead of running the step again. */
  reusedFrom: z.optional(z.string()),
  /** Every file that it left, with its hash. */
  outputs: z.optional(z.array(outputSchema)),
  /** Files at the places of its outputs that were there before, and that it has not written. */
  untouched: z.optional(texts),
  /** Files of the project, of data and of other steps that its Python processes opened, or its commands named. */
  opened: z.optional(texts),
  /** What a reviewer would ask about: `opened published/metrics.json, which are the authors' own results`. */
  remarks: z.optional(texts),
  /** What its own process recorded. */
  recorded: z.optional(recordedSchema),
});

/** Whether the claims were fixed before the run. */
export const fixedSchema = z.object({
  /** Whether the file that they stand in was committed as it was. */
  state: z.enum(["committed", "not committed", "without git"]),
  /** The last commit that changed the file. */
  commit: z.optional(z.string()),
  /** When that was, as the committer's clock had it. */
  date: z.optional(z.string()),
  /** The first tag in which the file is the same. */
  tag: z.optional(z.string()),
  /** When the tag was made. */
  tagged: z.optional(z.string()),
  /** The tag has a signature; whose, git verify-tag says. */
  signed: z.optional(z.boolean()),
  /** Claims with another value or tolerance than the published run, which they were made from, was judged by. */
  changed: z.optional(texts),
});

/** evidence.json. */
export const evidenceSchema = z.object({
  /** Version of this shape. */
  schema: z.number(),
  /** Identifies the run. */
  run: z.string(),
  /** The task that was asked for. */
  task: z.string(),
  /** How the run ended; `running` where its runner is gone means that it was killed. */
  status: runStatusSchema,
  /** When it was planned. */
  created: timeSchema,
  /** When it ended. */
  ended: z.optional(timeSchema),
  /** The experiment that the run is of. */
  experiment: z.object({
    /** Its name. */
    name: z.string(),
    /** One line for people. */
    title: z.optional(z.string()),
  }),
  /** SHA-256 of plan.json, which holds the claims that the run is judged by. */
  planSha256: z.string(),
  /** Where the steps ran. */
  engine: engineSchema,
  /** Values of the parameters in this run. */
  parameters: parametersSchema,
  /** Whether the claims were fixed before the run; absent without claims. */
  claims: z.optional(fixedSchema),
  /** What is not as the authors declared it. */
  changed: texts,
  /** Nothing but the values of declared parameters was changed. */
  onlyParameters: z.boolean(),
  /** A run that was taken up again has more than one; each step says in which it ran. */
  attempts: z.array(attemptSchema).check(z.minLength(1, { error: "a list of at least one attempt" })),
  /** What became of each step, by its name. */
  steps: z.record(stepName, stepEvidenceSchema),
});

/** Of a run that has ended, what a sweep looks at: of thousands of members the rest is not checked each time. */
export const endedRunSchema = z.object({
  /** As in the evidence. */
  status: runStatusSchema,
  /** The last tells why the run ended. */
  attempts: z.array(z.object({
    /** As in the evidence. */
    because: z.optional(z.string()),
    /** As in the evidence. */
    code: z.pick(codeSchema, { sha256: true }),
  })).check(z.minLength(1)),
  /** As in the evidence. */
  steps: z.record(
    stepName,
    z.pick(stepEvidenceSchema, { problem: true, seconds: true, outputs: true, untouched: true }),
  ),
});

export type EndedRun = z.infer<typeof endedRunSchema>;

/** How far a run or an attempt is. */
export type RunStatus = z.infer<typeof runStatusSchema>;

/** As of a run; `reused` are outputs that were copied from an earlier run. */
export type StepStatus = z.infer<typeof stepStatusSchema>;

/** The sources that a run had, by their hashes, and how they differ from the commit. */
export type Code = z.infer<typeof codeSchema>;

/** One go at a run: machine, environment, variables and code. A run that was resumed has several. */
export type Attempt = z.infer<typeof attemptSchema>;

/** What a framework says of itself; which keys there are beside `devices` depends on the framework. */
export type Framework = z.infer<typeof frameworkSchema>;

export type ProcessRecord = z.infer<typeof processSchema>;

/** What a step's own process recorded of itself. */
export type Recorded = z.infer<typeof recordedSchema>;

export type UsedData = z.infer<typeof usedDataSchema>;

/** A file or link that a step left. */
export type Output = z.infer<typeof outputSchema>;

/** What a step read, ran and left. */
export type StepEvidence = z.infer<typeof stepEvidenceSchema>;

/** The record of a run; nothing in it is derived from claims. */
export type Evidence = z.infer<typeof evidenceSchema>;
