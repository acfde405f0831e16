/** The shape of the statement in receipt.json. Strict: nothing is signed that is not understood. */

import * as z from "zod/mini";
import { evidenceSchema } from "./evidence_schema.ts";

const recordedFileSchema = z.union([
  z.strictObject({
    /** Size of the file. */
    bytes: z.number(),
    /** SHA-256 of its bytes. */
    sha256: z.string(),
  }),
  z.strictObject({
    /** Target of a symbolic link, as it is written. */
    link: z.string(),
  }),
], { error: "bytes and sha256, or link" });

const digestSchema = z.strictObject({
  /** SHA-256 in small hexadecimal digits. */
  sha256: z.string(),
  /** The commit that the code is. */
  gitCommit: z.optional(z.string()),
});

/** What is stated of a run, its files aside. */
const statedSchema = z.strictObject({
  /** Version of this shape. */
  schema: z.union([z.literal(1), z.literal(2)]),
  /** Identifies the run. */
  run: z.string(),
  /** Name of the experiment. */
  experiment: z.string(),
  /** How the run ended. */
  status: evidenceSchema.shape.status,
  /** When it ended. */
  ended: evidenceSchema.shape.ended,
  /** Every claim that applies holds, the run is done, and nothing was altered. */
  holds: z.boolean(),
  /** In the order of the claims. */
  verdicts: z.array(z.strictObject({
    /** Name of the claim. */
    claim: z.string(),
    /** Whether it was reproduced, in the words of verdict.json. */
    verdict: z.string(),
  })),
  /** The sources that ran. */
  code: z.strictObject({
    /** SHA-256 over all source files. */
    sha256: z.string(),
    /** The commit, where there was one. */
    commit: z.optional(z.string()),
  }),
  /** What the steps' containers were made from. */
  image: z.optional(z.looseObject({
    /** Name with its tag. */
    name: z.string(),
    /** The engine's own name for it. */
    id: z.string(),
    /** Digest of its configuration. */
    config: z.optional(z.string()),
    /** Its layers, as a chain id. */
    layers: z.optional(z.string()),
    /** The registry's digest of it. */
    digest: z.optional(z.string()),
  })),
  /** SHA-256 by name: what was read that this run did not make. */
  inputs: z.record(z.string(), z.string()),
});

/** What a receipt states of a run. */
export const statementSchema = z.extend(statedSchema, {
  /** By path relative to the run folder: evidence, plan, log, verdict and every output. */
  files: z.record(z.string(), recordedFileSchema),
});

/** The first version of receipt.json. */
export const firstReceiptSchema = z.strictObject({
  /** SHA-256 of the statement's text. */
  sha256: z.string(),
  /** What is stated of the run. */
  statement: statementSchema,
});

/** The second version: in-toto's Statement v1. */
export const inTotoSchema = z.strictObject({
  /** That it is a statement of in-toto. */
  _type: z.literal("https://in-toto.io/Statement/v1"),
  /** Every file of the record and every output. */
  subject: z.array(z.strictObject({
    /** Path relative to the run folder. */
    name: z.string(),
    /** What its bytes are. */
    digest: digestSchema,
    /** What is said of it besides. */
    annotations: z.strictObject({
      /** Size of the file. */
      bytes: z.number(),
    }),
  })),
  /** That it is in-toto's test result. */
  predicateType: z.literal("https://in-toto.io/attestation/test-result/v0.1"),
  /** The claims as tests, and what a reproduction says beyond that. */
  predicate: z.strictObject({
    /** Whether every claim that applies holds. */
    result: z.enum(["PASSED", "FAILED"]),
    /** What was tested: the code and what it read. */
    configuration: z.array(z.strictObject({
      /** `code`, or the path of an input. */
      name: z.string(),
      /** What it is known by. */
      digest: digestSchema,
    })),
    /** Claims that hold. */
    passedTests: z.array(z.string()),
    /** Claims that do not apply. */
    warnedTests: z.array(z.string()),
    /** Claims that do not hold, or could not be decided. */
    failedTests: z.array(z.string()),
    /** What is stated of the run. */
    reproduction: z.extend(statedSchema, {
      /** SHA-256 over what is stated, by which a change to the receipt itself shows. */
      sha256: z.string(),
      /** Targets of symbolic links by path. */
      links: z.record(z.string(), z.string()),
    }),
  }),
});

/** The second version, signed: DSSE's envelope. */
export const envelopeSchema = z.strictObject({
  /** That the payload is a statement of in-toto. */
  payloadType: z.literal("application/vnd.in-toto+json"),
  /** The statement's text in base64. */
  payload: z.string(),
  /** Who signed. */
  signatures: z.array(z.strictObject({
    /** Fingerprint of the SSH key. */
    keyid: z.string(),
    /** What ssh-keygen made over DSSE's pre-authentication encoding: the blob of PROTOCOL.sshsig in base64. */
    sig: z.string(),
  })).check(z.minLength(1)),
});

/** A file of the run folder as it was when the run ended. */
export type RecordedFile = z.infer<typeof recordedFileSchema>;

/** What a receipt says; a pure function of evidence, verdict and files, so that it can be drawn up again. */
export type Statement = z.infer<typeof statementSchema>;

export type InToto = z.infer<typeof inTotoSchema>;

/** A statement with its signature. */
export type Envelope = z.infer<typeof envelopeSchema>;
