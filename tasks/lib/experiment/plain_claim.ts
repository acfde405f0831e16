/** A claim as plain JSON, for judges that read no YAML: `tasks/inside/judge.py`, test/vectors. */

import { formatSource, parseSource } from "../sources/sources.ts";
import { type Claim, type Range, rangeText, type Spread } from "./experiment.ts";
import type { PlainClaim } from "./plain_claim_schema.ts";

export type { PlainClaim };

/** The claim as JSON, with the source text of its value. */
export function plainClaim({ name, from, value, text, unit, of, over, tolerance }: Claim): PlainClaim {
  return {
    name,
    from: formatSource(from),
    ...(from.format === undefined ? {} : { format: from.format }),
    ...plainValue(value, text),
    ...(unit === undefined ? {} : { unit }),
    ...(of === undefined ? {} : { of }),
    ...(over === undefined ? {} : { over }),
    tolerance,
  };
}

function plainValue(value: Claim["value"], text: Claim["text"]): Pick<PlainClaim, "type" | "value"> {
  if (Array.isArray(value)) return { type: "curve", value: text as string[] };
  if (typeof value === "object") {
    const { kind, ...rest } = value;
    return { type: kind === "range" ? "range" : "mean", value: rest };
  }
  if (typeof value === "string") return { type: "text", value };
  return { type: typeof value as "number" | "boolean", value: text as string };
}

/**
 * The claim that it says.
 *
 * @throws Error for a source that is none
 */
export function claimOf(plain: PlainClaim): Claim {
  const { name, type, value, unit, of, over, tolerance } = plain;
  const from = parseSource(plain.from, plain.format);
  if ("problem" in from) throw new Error(`The source of the claim "${name}" ${from.problem}`);
  const rest = {
    name,
    from,
    unit,
    of,
    ...(over && { over }),
    tolerance: tolerance as Claim["tolerance"],
    line: 0,
  };
  if (Array.isArray(value)) return { ...rest, value: value.map(Number), text: value };
  if (typeof value === "string") {
    const scalar = type === "number" ? Number(value) : type === "boolean" ? /^true$/i.test(value) : value;
    return { ...rest, value: scalar, text: value };
  }
  const range: Range | Spread = "mean" in value ? { kind: "spread", ...value } : { kind: "range", ...value };
  return { ...rest, value: range, text: rangeText(range) };
}
