/** docs/reference.md: what can be looked up, made from the code that decides it. */

import { rules } from "../audit/audit.ts";
import { EXIT_CODES } from "../cli/failure.ts";
import { help } from "../cli/help.ts";
import type { OptionTable, Task } from "../cli/options.ts";
import { jsonSchema } from "../experiment/json_schema.ts";
import { SOURCE_KINDS } from "../sources/kinds.ts";

const HEAD = `# Reference

For whoever looks something up. Written by \`deno task generate\` from the code that decides it.

- [Commands](#commands)
- [experiment.yaml](#experimentyaml)
- [Addresses of claims](#addresses-of-claims)
- [Rules of the audit](#rules-of-the-audit)
- [Exit codes](#exit-codes)
`;

/** The page's text. */
export async function referencePage(tasks: Task<OptionTable>[]): Promise<string> {
  return [
    HEAD,
    "## Commands",
    "",
    ...tasks.filter(({ maintainers }) => !maintainers).flatMap(command),
    "## experiment.yaml",
    "",
    "`*` stands for a name that you choose, `[]` for each entry of a list. Unknown keys are errors.",
    "[The experiment file](experiment.md) explains them.",
    "",
    "| key | value | meaning |",
    "| --- | --- | --- |",
    ...keys(JSON.parse(jsonSchema()), "").map((row) => `| ${row.join(" | ")} |`),
    "",
    "## Addresses of claims",
    "",
    "What a claim's `from` may say. `[-1]` and `[max]` choose one of many values; `*` and `**` stand for parts of a path.",
    "",
    "| kind | examples |",
    "| --- | --- |",
    ...SOURCE_KINDS.map(({ name, examples }) =>
      `| ${name} | ${examples.map((one) => code(one)).join("<br>")} |`
    ),
    "",
    "## Rules of the audit",
    "",
    "| rule | severity | what | what to do |",
    "| --- | --- | --- | --- |",
    ...(await rules()).map(({ id, severity, title, remedy }) =>
      `| [${id}](audit.md#${id.toLowerCase()}) | ${severity} | ${cellText(title)} | ${cellText(remedy)} |`
    ),
    "",
    "## Exit codes",
    "",
    "| code | meaning |",
    "| ---: | --- |",
    ...Object.entries(EXIT_CODES).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    "",
  ].join("\n");
}

function command(task: Task<OptionTable>): string[] {
  const alias = task.alias === undefined ? [] : [`Also \`deno task ${task.alias}\`.`, ""];
  return [`### deno task ${task.name}`, "", ...alias, "```text", help(task), "```", ""];
}

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  description?: string;
  required?: string[];
}

/** Every key with what it may be, in the order of the schema. */
function keys(schema: Schema, prefix: string): string[][] {
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    return [...row(path, inner), ...keys(inner, path)];
  });
  const any = typeof schema.additionalProperties === "object"
    ? keys(schema.additionalProperties, `${prefix}.*`)
    : [];
  const items = schema.items === undefined ? [] : keys(schema.items, `${prefix}[]`);
  const choices = (schema.anyOf ?? []).flatMap((one) => keys(one, prefix));
  const all = [...named, ...any, ...items, ...choices];
  return all.filter(([path], index) => all.findIndex(([other]) => other === path) === index);
}

function row(path: string, schema: Schema): string[][] {
  return [[code(path), cellText(kindOf(schema)), cellText(schema.description ?? "")]];
}

function kindOf(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map(String).join(", ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(kindOf))].join(" or ");
  if (schema.type === "array") {
    const items = schema.items === undefined || Object.keys(schema.items).length === 0
      ? ""
      : ` of ${kindOf(schema.items)}`;
    return `list${items}`;
  }
  if (schema.type === "object") return "mapping";
  return [schema.type ?? "anything"].flat().join(" or ");
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

function cellText(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ").replaceAll("<", "&lt;");
}
