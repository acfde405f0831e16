/** Every record that the tests make is held to the JSON Schemas in schemas/, by a validator that is not ours. */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { join } from "node:path";
import { ROOT } from "../../tasks/lib/system/product.ts";

const VERSIONS: Record<string, string> = {
  "plan.json": "plan.v1",
  "evidence.json": "evidence.v1",
  "verdict.json": "verdict.v1",
  "receipt.json": "receipt.v2",
};

const validators = new Map<string, ValidateFunction>();

export function validatorOf(name: string): ValidateFunction {
  const known = validators.get(name);
  if (known !== undefined) return known;
  const schema = JSON.parse(Deno.readTextFileSync(join(ROOT, "schemas", `${name}.schema.json`)));
  // Records hold what later versions add; a format is no part of these schemas.
  const made = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);
  validators.set(name, made);
  return made;
}

const SWEEP_VERSIONS: Record<string, string> = {
  "sweep.json": "sweep.v1",
  "verdict.json": "verdict.v1",
  "receipt.json": "sweep_receipt.v2",
};

/** The same of the folder of a sweep; its members are run folders. */
export function sweepProblems(directory: string): string[] {
  return recordProblems(directory, SWEEP_VERSIONS);
}

/** What is wrong with the records of a run folder; those that are not there are not missed. */
export function recordProblems(directory: string, versions = VERSIONS): string[] {
  return Object.entries(versions).flatMap(([file, version]) => {
    let text: string;
    try {
      text = Deno.readTextFileSync(join(directory, file));
    } catch {
      return [];
    }
    const validate = validatorOf(version);
    if (validate(JSON.parse(text))) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${file}${instancePath} ${message}`);
  });
}
