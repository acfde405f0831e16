/** Numbers as people and tables write them: 1.068,10 and **94.1** ± 0.2. */

/** How a file writes its numbers. */
export interface NumberFormat {
  /** `,` where 86,10 is written for 86.10. */
  decimal?: "," | ".";
  /** What stands between the thousands: `.` in 1.068,10. */
  thousands?: Thousands;
}

/** A blank is also a narrow one and one at which no line breaks. */
export const THOUSANDS = [",", ".", " ", "'", "_"] as const;

export type Thousands = typeof THOUSANDS[number];

const BLANKS = " \u00a0\u2009\u202f";

/** Characters of a cell that are looked at. */
const LONGEST = 200;

/**
 * The text with its first number written as programs do: 1.068,10 is 1068.10. A text that does not begin with a number in
 * this format stays what it is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(withPoint("1.068,10 €", { decimal: ",", thousands: "." }), "1068.10 €");
 * assert.equal(withPoint("1.06", { decimal: ",", thousands: "." }), "1.06"); // no thousands are parted there
 * ```
 */
export function withPoint(text: string, { decimal = ".", thousands }: NumberFormat): string {
  const [lead, rest] = parted(text);
  const between = thousands === undefined ? undefined : separatorClass(thousands);
  const whole = between === undefined ? String.raw`\d*` : String.raw`\d{1,3}(?:${between}\d{3})+|\d*`;
  const end = between === undefined ? String.raw`(?!\d)` : String.raw`(?!${between}?\d)`;
  const pattern = new RegExp(String.raw`^(${whole})(?:${RegExp.escape(decimal)}(\d+))?${end}`);
  const [number = "", digits = "", decimals] = pattern.exec(rest) ?? [];
  if (number === "") return text;
  const bare = digits.replace(/\D/g, "");
  return `${lead}${bare}${decimals === undefined ? "" : `.${decimals}`}${rest.slice(number.length)}`;
}

/** Blanks, marks and the sign before a number, and what follows. */
function parted(text: string): [lead: string, rest: string] {
  const [lead] = /^[\s*_`$~]*[+\u2212-]?/.exec(text)!;
  return [lead, text.slice(lead.length)];
}

function separatorClass(thousands: string): string {
  return thousands === " " ? `[${BLANKS}]` : RegExp.escape(thousands);
}

/** What to say behind a text that was no number: with which `format:` it is one. */
export function formatHint(text: string): string {
  const formats = formatsOf(text).map(({ format, number }) => `format: ${format} (${number})`);
  return formats.length === 0 ? "" : `, which is a number with ${formats.join(" or ")}`;
}

/** What `format:` must say so that the text reads as a number, and which number that is; of 1,068 there are two. */
function formatsOf(text: string): { format: string; number: string }[] {
  const trimmed = text.trim().slice(0, LONGEST);
  const [lead, rest] = parted(trimmed);
  const number = new RegExp(String.raw`^\d[\d.,'_${BLANKS}]*\d`).exec(rest)?.[0];
  if (number === undefined || /^\d+(?:\.\d+)?$/.test(number)) return [];
  const candidates: Required<NumberFormat>[] = THOUSANDS.flatMap((thousands) =>
    ([".", ","] as const).flatMap((decimal) => decimal === thousands ? [] : [{ decimal, thousands }])
  );
  const found = new Map<string, string>();
  for (const { decimal, thousands } of candidates) {
    const hasThousands = new RegExp(`\\d${separatorClass(thousands)}\\d{3}(?!\\d)`).test(number);
    if (decimal === "," && !number.includes(",") && !(hasThousands && thousands === ".")) continue;
    const format = { decimal, ...(hasThousands ? { thousands } : {}) };
    const read = withPoint(number, format);
    if (!/^\d+(?:\.\d+)?$/.test(read) || read === number) continue;
    const parts = [
      ...(decimal === "," && read.includes(".") || thousands === "." && hasThousands ? [`decimal: ","`] : []),
      ...(hasThousands ? [`thousands: ${JSON.stringify(thousands)}`] : []),
    ];
    found.set(`{ ${parts.join(", ")} }`, `${lead.trim()}${read}`);
  }
  return [...found].map(([format, number]) => ({ format, number }));
}

const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;

/** A number of a spread may be written in any way; it is left out. */
const OTHER = String.raw`[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?`;

/** ± 0.2, (0.2), (±0.2), [93.9, 94.3], _{0.2} and ^{+0.1}. */
const SPREAD = new RegExp(
  [
    String.raw`(?:±|\+/?-)\s*${OTHER}`,
    String.raw`[([]\s*±?\s*${OTHER}(?:\s*(?:[,;–-]|to)\s*${OTHER})?\s*%?\s*[)\]]`,
    String.raw`[_^]\{?\s*±?\s*${OTHER}\s*%?\s*\}?`,
  ].join("|"),
  "g",
);

/**
 * The number that a cell of a table is about, with its unit and without its spread, emphasis and marks of footnotes; the
 * cell itself where it is none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(numberInCell("**94.1** ± 0.2 %"), "94.1 %");
 * assert.equal(numberInCell("LeNet-5"), "LeNet-5");
 * ```
 */
export function numberInCell(cell: string): string {
  const text = cell.trim();
  if (text.length > LONGEST) return text;
  const plain = text
    .replace(/\\(?:text|math)[a-z]{2}\s*\{([^{}]*)\}/g, "$1")
    .replace(/\\pm(?![A-Za-z])/g, "±")
    .replace(/\\%/g, "%")
    .replace(/[$`]|\*\*|__/g, "")
    .replace(/\u2212/g, "-")
    .replace(/^[\s*_]+(?=[+-]?[\d.])/, "")
    .trim();
  const number = new RegExp(`^${NUMBER}`).exec(plain)?.[0];
  if (number === undefined) return text;
  const rest = plain.slice(number.length);
  // 27,000 is not 27.
  if (new RegExp(`^[.,'_${BLANKS}]\\d`).test(rest)) return text;
  const unit = rest.replace(SPREAD, " ").replace(/[\s*_†‡§¶]+$/, "").trim()
    .replace(/^(\S+)\s+\1$/, "$1");
  return unit === "" ? number : `${number} ${unit}`;
}
