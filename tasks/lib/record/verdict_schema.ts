/** The shape of verdict.json: one check for each claim, and whether the run holds. */

import * as z from "zod/mini";
import { fixedSchema, timeSchema } from "./evidence_schema.ts";

const verdictWordSchema = z.enum([
  "identical",
  "within tolerance",
  "consistent",
  "equivalent",
  "inconclusive",
  "different",
  "missing",
  "not applicable",
]);

/** One claim with its verdict; all texts are ready to be shown in a table. */
const checkSchema = z.object({
  /** Name of the claim. */
  claim: z.string(),
  /** Unit of both values. */
  unit: z.optional(z.string()),
  /** As published, with the count it stands for: `99.44 (358 of 360)`. */
  claimed: z.string(),
  /** As found in the run, to two decimals more than claimed; `—` if nothing was found. */
  obtained: z.string(),
  /** `±1 sample`, `±0.01`, `±1 % of the value` or `none`. */
  tolerance: z.string(),
  /** Name of the class of tolerance that was used, e.g. `same image, same GPU model`, where the claim has classes. */
  class: z.optional(z.string()),
  /** Obtained minus claimed, e.g. `−1 sample`, `+0.003`; not given if there is none or it makes no sense. */
  difference: z.optional(z.string()),
  /** Whether it was reproduced. */
  verdict: verdictWordSchema,
  /** Why this verdict, as one sentence without a period. */
  detail: z.string(),
  /** Of a curve, every point; `samples` is obtained minus claimed where both are counts. */
  points: z.optional(z.array(z.object({
    /** The claimed value. */
    claimed: z.number(),
    /** The obtained value. */
    obtained: z.number(),
    /** Obtained minus claimed, as counts. */
    samples: z.optional(z.number()),
  }))),
  /** Index of the point of a curve that decided: the largest deviation. */
  worst: z.optional(z.number()),
  /** Of a claim over seeds: what was found with each, and the interval that decided. */
  seeds: z.optional(z.object({
    /** One for each seed. */
    values: z.array(z.object({
      /** The seed, as it was given. */
      seed: z.string(),
      /** What its run gave. */
      value: z.number(),
    })),
    /** Their mean. */
    mean: z.number(),
    /** Standard deviation with n − 1. */
    sd: z.number(),
    /** In the unit of the value; of a difference to the claimed mean if `of` says so, of a proportion for a count. */
    interval: z.optional(z.object({
      /** What it is an interval of. */
      kind: z.enum(["prediction", "mean", "difference", "proportion"]),
      /** E.g. 0.95. */
      confidence: z.number(),
      /** Its lower end. */
      low: z.number(),
      /** Its upper end. */
      high: z.number(),
    })),
    /** Where the mean is by resampling, without a normal distribution, at 10 seeds or more; it decides nothing. */
    bootstrap: z.optional(z.object({
      /** E.g. 0.95. */
      confidence: z.number(),
      /** Its lower end. */
      low: z.number(),
      /** Its upper end. */
      high: z.number(),
    })),
    /** What so many seeds can show, in words. */
    power: z.optional(z.string()),
    /** How many seeds in all would decide, where that is known. */
    wanted: z.optional(z.number()),
  })),
});

/** verdict.json. */
export const verdictSchema = z.object({
  /** Version of this shape. */
  schema: z.literal(1),
  /** Identifies the run. */
  run: z.string(),
  /** When it was judged. */
  judged: timeSchema,
  /** Hash of the evidence that was judged; other evidence is another verdict. */
  evidenceSha256: z.string(),
  /** Hash of the experiment.yaml whose claims were used. */
  claimsSha256: z.string(),
  /** One for each claim, in the order of the file. */
  checks: z.array(checkSchema),
  /** Whether the claims and tolerances were fixed before the run; absent where that was not recorded. */
  claims: z.optional(fixedSchema),
  /** What a reviewer would ask about how a step came to its numbers; absent where there is nothing. */
  remarks: z.optional(z.array(z.object({
    /** Name of the step. */
    step: z.string(),
    /** What it did, without its subject: `opened published/metrics.json, …`. */
    remark: z.string(),
  }))),
  /** Recorded files that are not what they were. */
  altered: z.array(z.string()),
  /** Every claim that applies holds, the run is done, and nothing was altered. */
  holds: z.boolean(),
});

/** The word for one claim. */
export type Verdict = z.infer<typeof verdictWordSchema>;

/** One claim, checked: what was claimed and obtained as texts, and the verdict. */
export type Check = z.infer<typeof checkSchema>;

/** The verdicts on all claims of a run. */
export type RunVerdict = z.infer<typeof verdictSchema>;
