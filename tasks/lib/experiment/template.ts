/** Placeholders in the arguments of a step: `{epochs}`, `{out}`, `{steps.train}`; a literal brace is doubled. */

import { Failure } from "../cli/failure.ts";

/** A piece of an argument: text as it is, or the name in braces. */
export type TemplatePart = { text: string } | { placeholder: string };

/** What is wrong with a template; `offset` counts UTF-16 units from its beginning. */
export interface TemplateProblem {
  message: string;
  offset: number;
}

/** Splits an argument into literal text and placeholders, or says what is wrong with it. */
export function parseTemplate(template: string): TemplatePart[] | TemplateProblem {
  const parts: TemplatePart[] = [];
  let text = "";
  const token = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;
  for (const match of template.matchAll(token)) {
    const [found, placeholder] = match;
    if (found === "{{" || found === "}}") text += found[0];
    else if (found === "{" || found === "}") return unbalanced(found, match.index);
    else if (placeholder === undefined) text += found;
    else if (placeholder.trim() === "") return emptyPlaceholder(found, match.index);
    else {
      if (text !== "") parts.push({ text });
      parts.push({ placeholder });
      text = "";
    }
  }
  if (text !== "" || parts.length === 0) parts.push({ text });
  return parts;
}

function unbalanced(brace: string, offset: number): TemplateProblem {
  const partner = brace === "{" ? "closing" : "opening";
  return {
    message: `"${brace}" has no ${partner} brace; a literal brace is doubled: "${brace}${brace}"`,
    offset,
  };
}

function emptyPlaceholder(found: string, offset: number): TemplateProblem {
  return { message: `"${found}" names nothing; literal braces are doubled: "{{}}"`, offset };
}

/** Names of the placeholders in an argument, in order; none if the template is malformed. */
export function placeholders(template: string): string[] {
  const parts = parseTemplate(template);
  return Array.isArray(parts) ? parts.flatMap((part) => "placeholder" in part ? [part.placeholder] : []) : [];
}

/**
 * Puts the values in place of the placeholders. A value is put in as it is, whatever it holds.
 *
 * @param values by placeholder name: `epochs`, `out`, `steps.train`
 * @throws {Failure} 2 if the template is malformed or names something that has no value
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(fillTemplate("--out={out}", new Map([["out", "runs/a b"]])), "--out=runs/a b");
 * ```
 */
export function fillTemplate(template: string, values: ReadonlyMap<string, string>): string {
  const parts = parseTemplate(template);
  if (!Array.isArray(parts)) throw new Failure(2, `Cannot fill "${template}": ${parts.message}`);
  return parts.map((part) => "text" in part ? part.text : valueOf(part.placeholder, template, values)).join(
    "",
  );
}

function valueOf(name: string, template: string, values: ReadonlyMap<string, string>): string {
  const value = values.get(name);
  if (value !== undefined) return value;
  const known = [...values.keys()].map((key) => `{${key}}`).join(", ");
  throw new Failure(2, `Cannot fill "${template}": {${name}} has no value, known are ${known || "none"}`);
}
