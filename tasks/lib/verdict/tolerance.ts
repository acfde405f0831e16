/** Which of a claim's tolerances judges a run, and how it is called. */

import type { Claim, Conditions, Tolerance } from "../experiment/experiment.ts";
import { multiply, parseDecimal, toFixed } from "../values/decimal.ts";
import { className, matches } from "./conditions.ts";
import { pluralize } from "../cli/format.ts";

/** The tolerance that a claim is judged by in a run, and how the report speaks of it. */
export interface Chosen {
  /** Absent if none is declared, or none may judge this run. */
  tolerance?: Tolerance;
  /** Name of the class, where the claim has classes. */
  class?: string;
  /** What a verdict says beside the tolerance: the class, and why it. */
  because?: string;
  /** The tolerance was derived from the very run, so there is none for it. */
  isOwn?: boolean;
}

/**
 * The first class that matches the run's environment, the widest if none does. A tolerance never judges a run that it
 * was derived from.
 *
 * @param run id of the run
 */
export function chooseTolerance(
  { tolerance: classes }: Pick<Claim, "tolerance">,
  run: string | undefined,
  conditions: Conditions,
  authors: Conditions,
): Chosen {
  if (classes.length === 0) return {};
  const first = classes.find(({ when = {} }) => matches(when, conditions, authors));
  const tolerance = first ?? classes.reduce((widest, one) => width(one) > width(widest) ? one : widest);
  const hasClasses = classes.length > 1 || tolerance.when !== undefined;
  const name = hasClasses ? className(tolerance.when) : undefined;
  const isOwn = run !== undefined && (tolerance.runs?.includes(run) ?? false);
  const description = [
    ...(name === undefined ? [] : [name]),
    ...(tolerance.provisional ? ["provisional"] : []),
    ...(first === undefined ? ["the widest, since no class matches this environment"] : []),
  ].join(", ");
  return {
    tolerance: isOwn ? undefined : tolerance,
    class: name,
    because: description === "" ? undefined : description,
    isOwn,
  };
}

/** All classes of a claim are of one kind. */
function width({ samples, absolute, relative }: Tolerance): number {
  return samples ?? absolute ?? relative ?? 0;
}

/** A verdict, and the sentence that explains it. */
export interface Conclusion {
  verdict: "within tolerance" | "different";
  detail: string;
}

/**
 * The verdict on a deviation that the tolerance lets pass, or not.
 *
 * @param difference subject of the sentence
 */
export function conclude(
  difference: string,
  isInside: boolean,
  { tolerance, because, isOwn }: Chosen,
): Conclusion {
  const description = because === undefined ? "" : ` (${because})`;
  if (isInside) {
    return {
      verdict: "within tolerance",
      detail: `${difference} is within ${showTolerance(tolerance)}${description}: ${tolerance!.because}`,
    };
  }
  const detail = tolerance !== undefined
    ? `${difference} is outside ${showTolerance(tolerance)}${description}`
    : !isOwn
    ? `${difference.replace(/,$/, "")}, no tolerance is declared`
    : `${
      difference.replace(/,$/, "")
    }, and the tolerance rests on this very run, so it does not judge it${description}`;
  return { verdict: "different", detail };
}

/** `±1 sample`, `±0.01`, `±1 % of the value` or `none`. */
export function showTolerance(tolerance: Tolerance | undefined): string {
  if (tolerance?.samples !== undefined) {
    return `±${pluralize(tolerance.samples, "sample")}`;
  }
  if (tolerance?.absolute !== undefined) return `±${tolerance.absolute}`;
  if (tolerance?.relative === undefined) return "none";
  const percent = multiply(parseDecimal(String(tolerance.relative))!, { digits: 100n, scale: 0 });
  return `±${Number(toFixed(percent, 12))} % of the value`;
}
