/** The shape of sweep.json. */

import * as z from "zod/mini";
import { timeSchema } from "./evidence_schema.ts";

/** One run of a sweep: the values it has, and what came of it. */
export const memberSchema = z.object({
  /** Texts of the values that the sweep sets, by parameter. */
  values: z.record(z.string(), z.string()),
  /** How far its run is. */
  status: z.enum(["waiting", "running", "submitted", "done", "failed", "interrupted"]),
  /** Id of its run, a folder beside sweep.json; of the last one where it was run again. */
  run: z.optional(z.string()),
  /** What its steps took. */
  seconds: z.optional(z.number()),
  /** Why it failed, in words. */
  problem: z.optional(z.string()),
  /** The scheduler's number for it, where a cluster runs it. */
  job: z.optional(z.string()),
  /** What it gave for each claim on a number, or in words why it gave none; its files say it, too. */
  found: z.optional(z.record(z.string(), z.union([z.number(), z.string()]))),
  /** SHA-256 of the evidence that says where it was found. */
  evidence: z.optional(z.string()),
  /** SHA-256 of its receipt, by which the sweep's own covers all that it left. */
  receipt: z.optional(z.string()),
  /** SHA-256 of the sources it ran with. */
  code: z.optional(z.string()),
});

/** sweep.json. */
export const sweepSchema = z.object({
  /** Version of this shape. */
  schema: z.literal(1),
  /** Identifies the sweep; the name of its folder. */
  sweep: z.string(),
  /** What was run. */
  experiment: z.object({
    /** Its name. */
    name: z.string(),
    /** For people. */
    title: z.optional(z.string()),
    /** Path of experiment.yaml. */
    file: z.string(),
    /** Folder of the project. */
    root: z.string(),
    /** experiment.yaml as it was, whose claims are judged. */
    text: z.string(),
  }),
  /** `done` if every member is. */
  status: z.enum(["running", "done", "failed", "interrupted"]),
  /** When it was planned. */
  created: timeSchema,
  /** When the last attempt ended. */
  ended: z.optional(timeSchema),
  /** Name of the parameter that takes the seed. */
  seed: z.optional(z.string()),
  /** Steps of each member, in order. */
  steps: z.array(z.string()),
  /** Each time that somebody worked on it. */
  attempts: z.array(z.object({
    /** When it began. */
    started: timeSchema,
    /** When it ended; absent where the runner was killed. */
    ended: z.optional(timeSchema),
    /** Members at a time. */
    jobs: z.number(),
    /** Joules that the processors' own counters counted meanwhile; absent where they could not be read. */
    joules: z.optional(z.number()),
    /** GPUs that were dealt out to them, by id. */
    gpus: z.optional(z.array(z.string())),
    /** Threads of the processor for each member, where they were divided. */
    threads: z.optional(z.number()),
    /** Name of the cluster that the members were handed to. */
    on: z.optional(z.string()),
  })),
  /** One for each run. */
  members: z.array(memberSchema),
});

/** What a list of sweeps shows of a member: of thousands nothing else is checked. */
export const listedMemberSchema = z.pick(memberSchema, { status: true });

/** The parts of the record that a list of sweeps shows. */
export const sweepSummarySchema = z.extend(
  z.pick(sweepSchema, { experiment: true, status: true, created: true }),
  {
    /** How far each run is. */
    members: z.array(listedMemberSchema),
  },
);

const hashSchema = z.strictObject({
  /** SHA-256 in small hexadecimal digits. */
  sha256: z.string(),
});

/** What the receipt of a sweep states of a member. */
export const statedMemberSchema = z.strictObject({
  /** Texts of the values that the sweep sets, by parameter. */
  values: z.record(z.string(), z.string()),
  /** How far its run is. */
  status: memberSchema.shape.status,
  /** Id of its run. */
  run: z.optional(z.string()),
  /** SHA-256 of its receipt. */
  receipt: z.optional(z.string()),
});

const statedSweepSchema = z.strictObject({
  /** Version of this shape. */
  schema: z.literal(2),
  /** Identifies the sweep. */
  sweep: z.string(),
  /** Name of the experiment. */
  experiment: z.string(),
  /** How the sweep ended. */
  status: sweepSchema.shape.status,
  /** When it ended. */
  ended: z.optional(timeSchema),
  /** Every claim over seeds holds, every member is done, and nothing was altered. */
  holds: z.boolean(),
  /** In the order of the claims. */
  verdicts: z.array(z.strictObject({
    /** Name of the claim. */
    claim: z.string(),
    /** In the words of verdict.json. */
    verdict: z.string(),
  })),
  /** SHA-256 of the sources that the members ran with; one, unless the code changed between them. */
  code: z.array(z.string()),
  /** As in sweep.json. */
  members: z.array(statedMemberSchema),
});

/** A file that the receipt of a sweep covers. */
export const statedFileSchema = z.strictObject({
  /** Path relative to the sweep's folder. */
  name: z.string(),
  /** What its bytes are. */
  digest: hashSchema,
});

/** The receipt of a sweep, second version: in-toto's Statement v1. Strict: nothing is taken on trust that is not understood. */
export const sweepStatementSchema = z.strictObject({
  /** That it is a statement of in-toto. */
  _type: z.literal("https://in-toto.io/Statement/v1"),
  /** The sweep's record, its verdict and the receipts of its members. */
  subject: z.array(statedFileSchema),
  /** That it is in-toto's test result. */
  predicateType: z.literal("https://in-toto.io/attestation/test-result/v0.1"),
  /** The claims over seeds as tests, and what a sweep says beyond that. */
  predicate: z.strictObject({
    /** Whether every claim holds. */
    result: z.enum(["PASSED", "FAILED"]),
    /** What was tested: the code of the members. */
    configuration: z.array(z.strictObject({
      /** `code`. */
      name: z.string(),
      /** What it is known by. */
      digest: hashSchema,
    })),
    /** Claims that hold. */
    passedTests: z.array(z.string()),
    /** Claims that do not apply. */
    warnedTests: z.array(z.string()),
    /** Claims that do not hold, or could not be decided. */
    failedTests: z.array(z.string()),
    /** What is stated of the sweep. */
    sweep: z.extend(statedSweepSchema, {
      /** SHA-256 over what is stated, by which a change to the receipt itself shows. */
      sha256: z.string(),
    }),
  }),
});

export type SweepStatement = z.infer<typeof sweepStatementSchema>;

/** What is stated of a sweep, with the hashes of its own records by their names. */
export type StatedSweep = z.infer<typeof statedSweepSchema> & { files: Record<string, string> };

export type SweepSummary = z.infer<typeof sweepSummarySchema>;

export type SweepRecord = z.infer<typeof sweepSchema>;

export type Member = z.infer<typeof memberSchema>;
