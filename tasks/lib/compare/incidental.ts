/** Differences that every two runs have, whatever they compute: when they ran, for how long, and in which folder. Pure. */

/** Texts by which a run names itself in its outputs; the longest first, so that a folder goes before the id in it. */
export interface Masks {
  a: string[];
  b: string[];
}

const TIMES: RegExp[] = [
  /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?/g,
  /(?<![\d:])\d{1,3}:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\d:])/g,
  /(?<![\w.])\d+(?:[.,]\d+)? ?(?:ns|µs|us|ms|s|min|h|seconds?|minutes?|hours?|(?:it|batch|step)\/s|s\/(?:it|batch|step))(?!\w)/g,
];

const DURATION = /(?:^|[/_.-])(?:seconds|elapsed|duration|runtime|wall_?time|started|ended|timestamp|pid)$/i;

/** Whether a quantity of that name is a time, not a result. */
export function isDurationName(name: string): boolean {
  return DURATION.test(name);
}

/** What two differing values differ in, if that is only the runs' own names or times; numbers are never masked. */
export function maskedBy(a: unknown, b: unknown, masks: Masks): string | undefined {
  if (typeof a !== "string" || typeof b !== "string") return undefined;
  const [left, right] = [withoutNames(a, masks.a), withoutNames(b, masks.b)];
  if (left === right) return "the run's own folder";
  if (withoutTimes(left) !== withoutTimes(right)) return undefined;
  return left === a && right === b ? "times" : "times and the run's own folder";
}

function withoutNames(text: string, names: string[]): string {
  return names.reduce((masked, name) => masked.replaceAll(name, "<run>"), text);
}

function withoutTimes(text: string): string {
  // Columns of printed times are padded to their width.
  return TIMES.reduce((masked, time) => masked.replace(time, "<time>"), text).replace(/ +<time>/g, " <time>");
}
