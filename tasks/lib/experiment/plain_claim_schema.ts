/** The shape of a claim as plain JSON. */

import * as z from "zod/mini";
import { THOUSANDS } from "../values/written_number.ts";

const toleranceSchema = z.object({
  /** So many samples. */
  samples: z.optional(z.number()),
  /** So much, in the unit of the value. */
  absolute: z.optional(z.number()),
  /** So much of the claimed value: 0.01 is one percent. */
  relative: z.optional(z.number()),
  /** Where the tolerance is from. */
  because: z.string(),
  /** The environments that it is for; all of them without it. */
  when: z.optional(z.object({
    /** `same` or `other` than the authors' image, or an image's name. */
    image: z.optional(z.string()),
    /** `same` or `other` than the authors' GPU model, or a model. */
    gpu: z.optional(z.string()),
    /** `same` or `other` than the authors' GPU driver, or a version. */
    driver: z.optional(z.string()),
    /** `same` or `other` than the authors' device, or `cpu` or `cuda`. */
    device: z.optional(z.string()),
  })),
  /** Ids of the runs that it rests on; it judges none of these. */
  runs: z.optional(z.array(z.string())),
  /** It rests on no runs yet. */
  provisional: z.optional(z.boolean()),
});

/** A claim as JSON; all numbers are texts, so that their digits stay. */
export const plainClaimSchema = z.object({
  /** What is claimed, in words. */
  name: z.string(),
  /** Where the value is found in a run folder, as experiment.yaml writes it. */
  from: z.string(),
  /** How the file writes its values, where its name or its first line does not tell. */
  format: z.optional(z.object({
    /** Between the cells of a table: one character, or `space` for any number of blanks. */
    separator: z.optional(z.string()),
    /** `,` where 86,10 is written for 86.10. */
    decimal: z.optional(z.enum([",", "."])),
    /** What stands between the thousands: `.` in 1.068,10. */
    thousands: z.optional(z.enum(THOUSANDS)),
    /** False if the first row holds values. */
    header: z.optional(z.boolean()),
  })),
  /** What the value is. */
  type: z.enum(["number", "text", "boolean", "curve", "range", "mean"]),
  /** The value with its source text: a number as it is printed, a curve as a list of them, the ends of a range. */
  value: z.union([
    z.string(),
    z.array(z.string()),
    z.object({
      /** Mean over the runs. */
      mean: z.string(),
      /** Their standard deviation. */
      std: z.string(),
      /** Number of runs. */
      n: z.number(),
    }),
    z.object({
      /** The smallest value with which the claim holds. */
      least: z.optional(z.string()),
      /** The largest value with which the claim holds. */
      most: z.optional(z.string()),
    }),
  ]),
  /** Unit, for people; a cell or match may end in it. */
  unit: z.optional(z.string()),
  /** The value is a count of so many samples, printed as a percentage, and compared as a count. */
  of: z.optional(z.number()),
  /** What of the values over seeds is claimed; one run does not judge it. */
  over: z.optional(z.union([
    z.object({
      /** Their mean, smallest or largest, or the interval that they are in. */
      kind: z.enum(["mean", "min", "max", "interval"]),
    }),
    z.object({
      /** How many of them are above a number. */
      kind: z.literal("count"),
      /** That number, as it is printed. */
      above: z.string(),
      /** Number of seeds. */
      of: z.number(),
    }),
  ])),
  /** Classes, of which the first that matches the environment is used; the widest if none does. */
  tolerance: z.array(toleranceSchema),
});

export type PlainClaim = z.infer<typeof plainClaimSchema>;
