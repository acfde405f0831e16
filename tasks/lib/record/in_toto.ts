/**
 * A receipt as others read it: in-toto's Statement v1 with its test result predicate, and DSSE's envelope once it is
 * signed (https://github.com/in-toto/attestation, https://github.com/secure-systems-lab/dsse).
 */

import { sha256 } from "../system/files.ts";
import { canonicalJson } from "./canonical_json.ts";
import type { Envelope, InToto, Statement } from "./receipt_schema.ts";

/** `_type` of in-toto's Statement v1. */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";

/** `predicateType` of in-toto's test result v0.1. */
export const PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1";

const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** The statement for others: a claim is a test, and what `predicate.reproduction` adds they may pass over. */
export function toInToto(statement: Statement): InToto {
  const { files, ...stated } = statement;
  const named = sorted(files);
  return {
    _type: STATEMENT_TYPE,
    subject: named.flatMap(([name, file]) =>
      "link" in file ? [] : [{ annotations: { bytes: file.bytes }, digest: { sha256: file.sha256 }, name }]
    ),
    predicateType: PREDICATE_TYPE,
    predicate: {
      result: stated.holds ? "PASSED" : "FAILED",
      configuration: [
        {
          name: "code",
          digest: {
            sha256: stated.code.sha256,
            ...(stated.code.commit === undefined ? {} : { gitCommit: stated.code.commit }),
          },
        },
        ...sorted(stated.inputs).map(([name, hash]) => ({ name, digest: { sha256: hash } })),
      ],
      ...testsOf(stated.verdicts),
      reproduction: {
        ...stated,
        sha256: sha256(canonicalJson(statement)),
        links: Object.fromEntries(named.flatMap(([name, file]) => "link" in file ? [[name, file.link]] : [])),
      },
    },
  };
}

/** Claims as tests, by what became of them. */
export function testsOf(verdicts: Statement["verdicts"]) {
  const tests = (...names: string[]) =>
    verdicts.filter(({ verdict }) => names.includes(verdict)).map(({ claim }) => claim);
  return {
    passedTests: tests("identical", "within tolerance", "consistent", "equivalent"),
    warnedTests: tests("not applicable"),
    failedTests: tests("different", "missing", "inconclusive"),
  };
}

/** The order in which they were stated is not kept in the receipt. */
function sorted<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1);
}

/** What a statement says; that all else in it follows from this, `toInToto` shows. */
export function fromInToto({ subject, predicate: { reproduction } }: InToto): Statement {
  const { links, sha256: _, ...stated } = reproduction;
  const files = subject.map(({ name, digest, annotations }): [string, Statement["files"][string]] => [
    name,
    { bytes: annotations.bytes, sha256: digest.sha256 },
  ]);
  return {
    ...stated,
    files: Object.fromEntries([...files, ...Object.entries(links).map(([name, link]) => [name, { link }])]),
  };
}

/** @param sig base64 of what ssh-keygen made over {@link signedBytes} */
export function makeEnvelope(statement: string, keyid: string, sig: string): Envelope {
  return {
    payloadType: PAYLOAD_TYPE,
    payload: new TextEncoder().encode(statement).toBase64(),
    signatures: [{ keyid, sig }],
  };
}

/** The statement's text in an envelope; undefined if it is none, or written otherwise than {@link makeEnvelope} does. */
export function openEnvelope(value: unknown): { statement: string; sig: string } | undefined {
  const { payloadType, payload, signatures } = (value ?? {}) as Partial<Envelope>;
  if (payloadType !== PAYLOAD_TYPE || typeof payload !== "string" || !Array.isArray(signatures)) {
    return undefined;
  }
  const [{ sig } = { sig: undefined }] = signatures;
  const statement = decoded(payload);
  return statement !== undefined && typeof sig === "string" ? { statement, sig } : undefined;
}

/** Undefined unless it is the one way to write a text in base64. */
function decoded(payload: string): string | undefined {
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(payload));
    return new TextEncoder().encode(text).toBase64() === payload ? text : undefined;
  } catch {
    return undefined;
  }
}

/** What is signed: DSSE's pre-authentication encoding, so that a payload is never taken for one of another type. */
export function signedBytes(statement: string): Uint8Array<ArrayBuffer> {
  const { length } = new TextEncoder().encode(statement);
  return new TextEncoder().encode(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${length} ${statement}`);
}
