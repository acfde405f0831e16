/** What authors left of their own runs over seeds, for a claim over seeds. */

import { readFrom } from "../sources/sources.ts";
import type { ClaimSource, FoundValue, RunFiles } from "../sources/source.ts";
import { summarize } from "../statistics/summary.ts";
import { parseDecimal } from "../values/decimal.ts";
import { type Claim, rangeText, type Spread } from "./experiment.ts";

/**
 * Reads one published number, the values of the authors' runs one by one, or their mean, standard deviation and count.
 *
 * @throws Error for anything else, and what reading throws
 */
export async function publishedOverSeeds(
  source: ClaimSource,
  files: RunFiles,
): Promise<FoundValue | Spread> {
  const alone = await readFrom(source, files, "value").then(({ values }) => values[0]!, (error) => error);
  if (!(alone instanceof Error)) return number(alone);
  const listed = await readFrom(source, files, "list").then(({ values }) => values, () => undefined);
  if (listed !== undefined && listed.length > 1) return spreadOf(listed.map((one) => number(one).text));
  const parts = await partsOf(source, files);
  if (parts === undefined) throw alone;
  return parts;
}

function number({ value, text }: FoundValue): FoundValue {
  const trimmed = text.trim();
  if (parseDecimal(trimmed) !== undefined) return { value, text: trimmed };
  throw new Error(`it must be a number over seeds, it is ${JSON.stringify(trimmed)}`);
}

/** With two decimals more than the values have, as a mean of some of them has. */
function spreadOf(texts: string[]): Spread {
  const decimals = Math.min(20, Math.max(...texts.map((text) => parseDecimal(text)!.scale)) + 2);
  const { n, mean, sd } = summarize(texts.map(Number));
  return { kind: "spread", mean: mean.toFixed(decimals), std: sd.toFixed(decimals), n };
}

/** `{ "mean": 94.1, "std": 0.2, "n": 5 }` at a pointer; undefined where there is none. */
async function partsOf(source: ClaimSource, files: RunFiles): Promise<Spread | undefined> {
  const pointer = "pointer" in source ? source.pointer : undefined;
  if (!Array.isArray(pointer)) return undefined;
  const part = async (name: string) => {
    const inside = { ...source, pointer: [...pointer, name] } as ClaimSource;
    return await readFrom(inside, files, "value").then(
      ({ values }) => number(values[0]!).text,
      () => undefined,
    );
  };
  const [mean, std, sd, n] = await Promise.all(["mean", "std", "sd", "n"].map(part));
  const deviation = std ?? sd;
  if (mean === undefined && deviation === undefined && n === undefined) return undefined;
  if (mean === undefined || deviation === undefined || n === undefined) {
    throw new Error('it must have mean, std and n, e.g. { "mean": 94.1, "std": 0.2, "n": 5 }');
  }
  if (!/^\d+$/.test(n) || Number(n) < 2) {
    throw new Error(`n must be a whole number of at least 2, it is ${n}`);
  }
  if (Number(deviation) < 0) throw new Error(`std must not be below 0, it is ${deviation}`);
  return { kind: "spread", mean, std: deviation, n: Number(n) };
}

/** The claim with what was read. */
export function claimOverSeeds(claim: Claim, found: FoundValue | Spread): Claim {
  if (!("kind" in found)) return { ...claim, value: Number(found.text), text: found.text };
  if (claim.tolerance.length === 0) {
    throw new Error(
      "it is a mean over runs, so the claim must have a tolerance that says how far two means may be apart, e.g. " +
        'tolerance: { absolute: 0.5, because: "…" }',
    );
  }
  return { ...claim, value: found, text: rangeText(found) };
}
