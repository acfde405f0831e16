/**
 * Values that were printed, as patterns that find them again. Lines of the same words with other numbers are one curve.
 */

export interface PrintedLine {
  text: string;
  /** e.g. `demo.ipynb, cell 5` */
  found: string;
  /** What was evaluated, where the line is nothing but its value. */
  source?: string;
}

export interface PrintedValue {
  /** What stands before the number, e.g. `validation accuracy`. */
  label: string;
  /** A regular expression with one group. */
  pattern: string;
  /** Which match it is, where a lonely number is one of several. */
  index?: number;
  /** Source texts; one, or the points of a curve. */
  values: string[];
  unit?: "%";
  /** Size of the split, where the line gives the count, too: `358/360 (99.44%)`. */
  of?: number;
  found: string;
}

/** `Wed, 15 Nov 2023`, `Nov 15, 2023`, `2023-11-15`: the day on which a line was printed. */
const DATE = String.raw`(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,?\s+)?(?:${String
  .raw`\d{1,2}\s+(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\.?,?\s+\d{4}`}|${String
  .raw`(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\.?\s+\d{1,2},?\s+\d{4}`}|\d{4}-\d\d-\d\d)(?![\w-])`;

const NUMBER = String.raw`[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?`;

/** `2.19s`: what a clock says, and changes each time, so that the line is the same one all the same. */
const GLUED_UNIT = String.raw`(?:s|secs?|ms|us|µs|min|h|MB|GB|KB|kB)\b`;

/** A number that is no part of a word, a version, a date or an address. */
const NUMBERS = new RegExp(
  String.raw`(?<![\w.,:\\-]|[A-Za-z]\/)(?:${DATE}|${NUMBER}(?!(?!${GLUED_UNIT})[\w\\]|\/[A-Za-z]|[.,:-]\d))`,
  "g",
);

/** A decimal that letters follow, as in `0.0475X`: no value that could be claimed, and another one the next time. */
const GLUED = /(?<![\w.])[-+]?\d+\.\d+(?=[A-Za-z*])/g;

const IS_DATE = new RegExp(`^${DATE}$`);

/** In a pattern; a value may be any number the next time. */
const GROUP = String.raw`([-+.\deE]+)`;

const ANY = String.raw`\S+`;

const GLUED_VALUE = String.raw`[-+.\d]+`;

const ANY_DATE = String.raw`(?:\w+,\s+)?[\w.]+[-\s][\w.,]+[-\s]\d+`;

/** Lines of progress bars, warnings, logs, paths and tables of layers: they tell of the machine, or change each time. */
const NOISE =
  /^\s*\(\w+\): \w+\(|it\/s|s\/it|\bETA\b|[█▏▎▍▌▋▊▉]|\d\d:\d\d|\d+h\s*\d+m|\d+m\s*\d+s|0x[0-9a-f]{4,}|Warning|Traceback|\w(?:Error|Exception):|^\s*File |https?:\/\/|[A-Za-z]:\\|(?:^|\s)~?\/[\w.-]+\/|\bdownload|Requirement already|Collecting |Installing|successfully|\bdevice\b|\bGPU\b|\bCUDA\b|\bversion\b|\b(?:MB|GB|kB)\b|tensor\(|array\(|dtype|<[\w.]+ (?:object|at)|\[={3,}|={2,}>|^[\d/]+ \[/i;

/** What a number is called that counts, names or times, and is no result. */
const NO_RESULT =
  /(?:^|[\s_])(?:epochs?|it|iter(?:ation)?s?|steps?|batch(?:es|_size)?|fold|round|trial|seed|\w*time(?:_?elapsed)?|secs?|seconds?|minutes?|hours?|elapsed|took|duration|speed|ms|eta|lr|learning.?rate|rank|port|pid|memory|worker|year|date|page|line|chapter|figure|table|row|unnamed|index|idx|id|of|in|to|at|from|step.?size|n_(?:neighbors|estimators|components|clusters|splits|jobs|iter)|max_(?:depth|iter|features)|min_samples\w*|random_state|cv|verbose)[\s:=(#]*$/i;

/** An estimator as it prints itself, with its settings: `KNeighborsClassifier(n_neighbors=13)`; parts of a plot. */
const SETTINGS = /\b[A-Z]\w+\(\w+=|^\s*\[?(?:Text|Axes\w*)\(|^\s*\w+=[^=,]+,\s*(?:\w+=|$)/;

/** Text without estimators that print themselves over several lines. */
export function withoutEstimators(text: string): string {
  let open = 0;
  return text.split("\n").filter((line) => {
    const from = open > 0 ? 0 : line.search(/\b[A-Z]\w+\(\w+=/);
    if (from < 0) return true;
    for (const letter of line.slice(from)) open += letter === "(" ? 1 : letter === ")" ? -1 : 0;
    open = Math.max(0, open);
    return false;
  }).join("\n");
}

/** What joins words with the number that they tell of. */
const LINK = /(?:[:=≈~(]|\b(?:is|was|are|were|equals?))\s*[$'"]?$/i;

/** Words of a label that stands before a number without a link: more are a sentence that mentions it. */
const LONGEST_LABEL = 5;

/** Units of what a clock or a machine says. */
const MACHINE_UNIT = /^\s*(?:s|secs?|seconds?|ms|us|µs|min|minutes?|hours?|h|it|MB|GB|KB|kB|Hz|°C|W)\b/i;

/** Points of a curve beyond which only the last is claimed. */
const LONGEST_CURVE = 200;

/** Of one notebook; more are not looked at by anybody. */
const MOST = 60;

export function printedValues(lines: PrintedLine[]): PrintedValue[] {
  const groups = new Map<string, Group>();
  for (const line of lines) addLine(groups, line);
  const found: PrintedValue[] = [];
  for (const group of groups.values()) {
    for (let place = 0; place < group.numbers[0]!.length; place++) {
      const value = valueAt(group, place);
      if (value !== undefined) found.push(value);
    }
  }
  return withSizes(found.slice(0, MOST), lines);
}

/**
 * Percentages that are all counts of a number that is printed, too: `Sizes of train/val datasets: 2160 / 540`. It has to
 * be small enough for the digits to tell.
 */
function withSizes(found: PrintedValue[], lines: PrintedLine[]): PrintedValue[] {
  const sizes = new Set(
    lines.filter(({ text }) =>
      /size|sample|image|example|dataset|\b(?:train|val|test)/i.test(text) && text.length < 300
    )
      .flatMap(({ text }) =>
        [...text.matchAll(/(?<![\w.,])\d{2,6}(?![\w.]|,\d)/g)].map(([size]) => Number(size))
      ),
  );
  const sorted = [...sizes].sort((a, b) => a - b);
  return found.map((value) => {
    if (value.unit !== "%" || value.of !== undefined) return value;
    const of = sorted.find((size) => value.values.every((text) => isCountOf(size, text)));
    return of === undefined ? value : { ...value, of };
  });
}

function isCountOf(size: number, percent: string): boolean {
  const decimals = percent.split(".")[1]?.length ?? 0;
  if (size < 10 || size >= 10 ** (decimals + 2)) return false;
  const count = Math.round(Number(percent) * size / 100);
  return (100 * count / size).toFixed(decimals) === Number(percent).toFixed(decimals);
}

/** Lines of the same words. */
interface Group {
  /** What stands around the numbers. */
  words: string[];
  numbers: string[][];
  first: PrintedLine;
  /** Blanks between the words differ, or are more than one: columns that are aligned. */
  isAligned: boolean;
  /** Blanks stand at a line's end. */
  isPadded: boolean;
}

function addLine(groups: Map<string, Group>, line: PrintedLine) {
  const text = line.text.trimEnd();
  if (text === "" || text.length > 300 || NOISE.test(text)) return;
  const matches = [...text.matchAll(NUMBERS)];
  if (matches.length === 0 || matches.length > 12 || SETTINGS.test(text)) return;
  const words: string[] = [];
  let end = 0;
  for (const match of matches) {
    words.push(text.slice(end, match.index));
    end = match.index + match[0].length;
  }
  words.push(text.slice(end));
  const isLonely = words.every((word) => word.trim() === "") && matches.length === 1;
  if (isLonely && line.source === undefined) return;
  // A number alone is a value of its own; two of them are no curve.
  const key = isLonely
    ? `\0${groups.size}`
    : words.map((word) => word.replace(GLUED, "\u0001").replace(/\s+/g, " ")).join("\0");
  const group = groups.get(key) ?? { words, numbers: [], first: line, isAligned: false, isPadded: false };
  group.isAligned ||= words.some((word, index) => /\s{2}|\t/.test(word) || word !== group.words[index]);
  group.isPadded ||= text !== line.text;
  group.numbers.push(matches.map(([number]) => number));
  groups.set(key, group);
}

function valueAt(group: Group, place: number): PrintedValue | undefined {
  const { words, numbers, first } = group;
  const values = numbers.map((row) => row[place]!);
  if (values.some((value) => IS_DATE.test(value) || isRoundingNoise(value))) return undefined;
  const [before, after] = [words[place]!, words[place + 1]!];
  const isLonely = words.every((word) => word.trim() === "");
  const label = isLonely ? first.source! : labelOf(words, place);
  if (label === undefined || NO_RESULT.test(before) || MACHINE_UNIT.test(after) || NO_RESULT.test(label)) {
    return undefined;
  }
  // `lambda = 0.05 : 0.97`: a setting, and behind it what it gives.
  if (/^\s*(?::|->|=>)\s*$/.test(after)) return undefined;
  if (!isLonely && !LINK.test(before) && label.split(/\s+/).length > LONGEST_LABEL) return undefined;
  const isWhole = values.every((value) => /^[-+]?\d+$/.test(value));
  // The index of a table that is printed.
  if (isCounter(values) || (isWhole && isLonely && words.length > 2)) return undefined;
  // The count of a percentage that is claimed: it is in the claim's `of`.
  if (isWhole && /^\s*\/\s*$/.test(after) && words.some((word) => /^\s*%/.test(word))) return undefined;
  // A whole number is a result where it is said what it is: `errors: 12`.
  if (isWhole && !isLonely && !/[:=]\s*$/.test(before)) return undefined;
  if (isWhole && isLonely && !/len|count|sum|score|shape|correct/i.test(label)) return undefined;
  const unit = /^\s*%/.test(after) ? "%" as const : undefined;
  const of = unit && numbers.length === 1 ? sizeOf(numbers[0]!, words, place) : undefined;
  const pattern = patternOf(group, place);
  const last = values.length > LONGEST_CURVE ? { index: -1, values: [values.at(-1)!] } : { values };
  return {
    label,
    pattern,
    ...last,
    ...(unit && { unit }),
    ...(of !== undefined && { of }),
    found: first.found,
  };
}

/** All digits of a double that is zero but for the last bits of what it was made from. */
function isRoundingNoise(text: string): boolean {
  const size = Math.abs(Number(text));
  return hasAllDigits(text) && size > 1e-18 && size < 1e-14;
}

/** Printed as Python prints a double: with as many digits as tell it from its neighbours. */
export function hasAllDigits(text: string): boolean {
  const digits = text.replace(/[eE].*$/, "").replace(/^[-+]?0*\.?0*/, "").replace(".", "");
  return digits.length >= 15;
}

/** Whole numbers in even steps. */
function isCounter(values: string[]): boolean {
  if (values.length < 3 || !values.every((value) => /^[-+]?\d+$/.test(value))) return false;
  const step = Number(values[1]) - Number(values[0]);
  return step !== 0 &&
    values.every((value, index) => index === 0 || Number(value) - Number(values[index - 1]) === step);
}

/** The words before a number, without what belongs to the number before them. */
function labelOf(words: string[], place: number): string | undefined {
  // `y = 1.5 + 0.2*tv + 0.1*radio`: a coefficient is called by what it multiplies.
  const factor = /^\s?\*\s?([A-Za-z_]\w*)/.exec(words[place + 1]!)?.[1];
  if (factor !== undefined && /[-+=(]\s*$/.test(words[place]!)) return `coefficient of ${factor}`;
  // `correct: 358/360 (99.44%)`: what is said before the count is said of the percentage, too.
  let from = place;
  while (from > 0 && /^\s*(?:\/|\(|=|±|:|->|=>)\s*$/.test(words[from]!)) from--;
  const before = words[from]!.replace(/[\s:=~≈([{'"$]+$/, "");
  const last = before.split(/[,;|]|\s{2,}|\)\s|\s-\s/).at(-1)!;
  const plain = last.replace(/^\w+\((?=\w+$)/, "").replace(/^[^\p{L}\d]+/u, "").replace(/['"]/g, "").trim();
  return /\p{L}{2}/u.test(plain) && plain.length <= 100 ? plain : undefined;
}

function patternOf({ words, numbers, isAligned, isPadded }: Group, place: number): string {
  const parts = words.map((word, index) => {
    const text = word.split(GLUED).map((part) =>
      part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replace(/\s+/g, isAligned ? "\\s+" : " ")
    ).join(GLUED_VALUE);
    if (index === words.length - 1) return text;
    return text + (index === place ? GROUP : IS_DATE.test(numbers[0]![index]!) ? ANY_DATE : ANY);
  });
  return `^${parts.join("").replace(/^\\s\+/, "\\s*")}${isPadded ? "\\s*" : ""}$`;
}

/** `358/360 (99.44%)`: the percentage is a count of 360. */
function sizeOf(numbers: string[], words: string[], place: number): number | undefined {
  const text = numbers.map((number, index) => words[index]! + number).join("") + words.at(-1);
  const percent = numbers[place]!;
  const decimals = percent.split(".")[1]?.length ?? 0;
  for (const [, count, size] of text.matchAll(/(?<![\d.])(\d+)\s*\/\s*(\d+)(?![\d.])/g)) {
    const exact = 100 * Number(count) / Number(size);
    if (Number(size) > 1 && exact.toFixed(decimals) === Number(percent).toFixed(decimals)) {
      return Number(size);
    }
  }
}
