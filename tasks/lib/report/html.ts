/** HTML from templates: every value that is put in is text, unless it was made by a template itself. */

import { visible } from "../cli/visible.ts";

/** Markup that was made by {@link html}, or is the project's own. */
export class Html {
  constructor(readonly markup: string) {}
}

/** What a template takes: `undefined` and `false` leave nothing, a list its items in turn. */
export type Content = Html | string | number | undefined | false | readonly Content[];

/** A template whose values are escaped; lists are joined, `undefined` and `false` leave nothing. */
export function html(parts: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(
    parts.map((part, index) => part + (index < values.length ? markupOf(values[index]) : "")).join(""),
  );
}

function markupOf(value: Content): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Html) return value.markup;
  return Array.isArray(value) ? value.map(markupOf).join("") : escape(String(value));
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for HTML, SVG and attribute values; what would not be seen, or would turn the direction of writing, is shown. */
export function escape(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** A text of at most so many characters. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
