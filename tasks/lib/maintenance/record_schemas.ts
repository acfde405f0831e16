/** JSON Schemas of the records and of hosts/*.yaml, from the code's own types; what their fields mean is told by the comments there. */

import { join } from "node:path";
import * as z from "zod/mini";
import { clusterSchema } from "../cluster/cluster.ts";
import { planSchema } from "../plan/plan_schema.ts";
import { evidenceSchema } from "../record/evidence_schema.ts";
import { envelopeSchema, firstReceiptSchema, inTotoSchema } from "../record/receipt_schema.ts";
import { sweepSchema, sweepStatementSchema } from "../record/sweep_schema.ts";
import { verdictSchema } from "../record/verdict_schema.ts";
import { ROOT } from "../system/product.ts";

type Json = z.core.JSONSchema.BaseSchema;

/** Where the shapes stand that records are made of. */
const SOURCES = [
  "cluster/cluster.ts",
  "experiment/plain_claim_schema.ts",
  "plan/plan_schema.ts",
  "record/evidence_schema.ts",
  "record/receipt_schema.ts",
  "record/sweep_schema.ts",
  "record/verdict_schema.ts",
  "system/host_schema.ts",
];

/** A record: the schema, the name that it has in its source, and what it is. */
interface RecordKind {
  schema: z.ZodMiniType;
  constant: string;
  title: string;
  description: string;
}

/** By the file's name in `schemas/`. A new version of a record is a new line; older ones stay, as their readers do. */
const RECORDS: Record<string, RecordKind> = {
  "hosts": {
    schema: clusterSchema,
    constant: "clusterSchema",
    title: "hosts/NAME.yaml",
    description: "A cluster that runs are handed to by --on NAME, apart from any experiment.",
  },
  "plan.v1": {
    schema: planSchema,
    constant: "planSchema",
    title: "plan.json",
    description: "Exactly what was to run: command lines, environment, claims.",
  },
  "evidence.v1": {
    schema: evidenceSchema,
    constant: "evidenceSchema",
    title: "evidence.json",
    description: "What ran, on what, with which inputs, and what came out.",
  },
  "verdict.v1": {
    schema: verdictSchema,
    constant: "verdictSchema",
    title: "verdict.json",
    description: "One check for each claim, and whether the run holds.",
  },
  "receipt.v1": {
    schema: firstReceiptSchema,
    constant: "firstReceiptSchema",
    title: "receipt.json, first version",
    description: "A statement over every file of a run, with its hash.",
  },
  "receipt.v2": {
    schema: z.union([inTotoSchema, envelopeSchema]),
    constant: "[inTotoSchema, envelopeSchema]",
    title: "receipt.json",
    description: "A statement over every file of a run; in an envelope once it is signed.",
  },
  "sweep.v1": {
    schema: sweepSchema,
    constant: "sweepSchema",
    title: "sweep.json",
    description: "What ties the runs of a sweep together.",
  },
  "sweep_receipt.v2": {
    schema: sweepStatementSchema,
    constant: "sweepStatementSchema",
    title: "receipt.json of a sweep",
    description: "A statement over the sweep's record, its verdict and the receipts of its members.",
  },
};

/** The texts of the schemas by their paths from the root. */
export async function recordSchemas(): Promise<Record<string, string>> {
  const shapes = new Shapes(
    await Promise.all(SOURCES.map((path) => Deno.readTextFile(join(ROOT, "tasks/lib", path)))),
  );
  return Object.fromEntries(
    Object.entries(RECORDS).map(([name, { schema, constant, title, description }]) => {
      const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
      shapes.describe(json, constant);
      const file = `${name}.schema.json`;
      return [
        `schemas/${file}`,
        `${JSON.stringify({ $id: file, title, description, ...json }, null, 2)}\n`,
      ];
    }),
  );
}

interface Field {
  description?: string;
  expression: string;
}

/** The shapes that sources write as `const nameSchema = z.object({ … })`, with the comments on their fields. */
class Shapes {
  readonly #constants = new Map<string, string>();

  constructor(texts: string[]) {
    for (const text of texts) {
      for (const match of text.matchAll(/^(?:export )?const (\w+) = /gm)) {
        const start = match.index + match[0].length;
        this.#constants.set(match[1]!, text.slice(start, endOf(text, start, ";")));
      }
    }
  }

  /** Writes into a JSON Schema what the source of an expression says of its fields. */
  describe(json: Json, expression: string) {
    const fields = this.#fieldsOf(expression);
    for (const object of objectsIn(json)) {
      for (const [key, property] of Object.entries(object.properties as Record<string, Json>)) {
        const field = fields.get(key);
        if (field === undefined) continue;
        if (field.description !== undefined) property.description = field.description;
        this.describe(property, field.expression);
      }
    }
  }

  /** Of the objects that an expression writes, and of the constants that it names. */
  #fieldsOf(expression: string, seen: string[] = []): Map<string, Field> {
    const fields = new Map<string, Field>();
    let rest = expression;
    for (let open = rest.indexOf("{"); open >= 0; open = rest.indexOf("{")) {
      const end = endOf(rest, open + 1, "}");
      for (const [key, field] of entriesIn(rest.slice(open + 1, end))) {
        if (key !== "...") fields.set(key, field);
        else for (const [inner, of] of this.#fieldsOf(field.expression, seen)) fields.set(inner, of);
      }
      rest = `${rest.slice(0, open)} ${rest.slice(end + 1)}`;
    }
    for (const [name] of rest.matchAll(/\w+/g)) {
      const constant = seen.includes(name) ? undefined : this.#constants.get(name);
      if (constant === undefined) continue;
      for (const [key, field] of this.#fieldsOf(constant, [...seen, name])) {
        if (!fields.has(key)) fields.set(key, field);
      }
    }
    return fields;
  }
}

/** What a schema says of objects, in lists, in mappings and among alternatives. */
function objectsIn(json: Json): Json[] {
  const inner = [json.items, json.additionalProperties, ...(json.anyOf ?? []), ...(json.allOf ?? [])];
  return [
    ...(json.properties === undefined ? [] : [json]),
    ...inner.filter((one): one is Json => typeof one === "object" && one !== null).flatMap(objectsIn),
  ];
}

/** `key: expression` with the comment before it. */
function* entriesIn(text: string): Generator<[string, Field]> {
  const entry = /\s*(?:\/\*\*((?:[^*]|\*(?!\/))*)\*\/\s*)?(?:\/\/[^\n]*\s*)*(?:(\w+):|\.\.\.([\w.]+),?)/y;
  for (let at = 0; at < text.length;) {
    entry.lastIndex = at;
    const match = entry.exec(text);
    if (match === null) return;
    const end = endOf(text, entry.lastIndex, ",");
    const [, comment, key, spread] = match;
    if (key === undefined) {
      yield ["...", { expression: spread! }];
      at = entry.lastIndex;
      continue;
    }
    const description = comment?.replace(/\s*\n\s*\*\s?/g, " ").trim();
    yield [key, { description, expression: text.slice(entry.lastIndex, end) }];
    at = end + 1;
  }
}

/** The place of a character outside brackets, quotes and comments; the text's end without one. */
function endOf(text: string, start: number, wanted: string): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const one = text[at]!;
    if (depth === 0 && one === wanted) return at;
    if (text.startsWith("/*", at)) at = text.indexOf("*/", at) + 1;
    else if (text.startsWith("//", at)) at = text.indexOf("\n", at);
    else if (one === '"' || one === "'" || one === "`") at = endOfQuote(text, at);
    else if (one === "/" && /[(,=]\s*$/.test(text.slice(Math.max(start, at - 10), at))) {
      at = endOfQuote(text, at);
    } else if ("([{".includes(one)) depth++;
    else if (")]}".includes(one)) depth--;
  }
  return text.length;
}

function endOfQuote(text: string, at: number): number {
  const quote = text[at];
  for (at++; at < text.length && text[at] !== quote; at++) if (text[at] === "\\") at++;
  return at;
}
