/** The frameworks of numerical work that a process recorded, whatever they are called. */

import type { Framework, ProcessRecord } from "./evidence_schema.ts";

/** A framework's entry with the key that it is recorded under. */
export type NamedFramework = Framework & { name: string };

/** What every process records of its interpreter; any other entry with a version is a framework. */
const INTERPRETER = ["python", "implementation", "executable", "platform", "machine", "packages"];

/** E.g. `[{ name: "framework", version: "2.13.0", devices: [], … }]`. */
export function frameworksOf(process: ProcessRecord | null | undefined): NamedFramework[] {
  return Object.entries(process ?? {}).flatMap(([name, entry]) =>
    INTERPRETER.includes(name) || !isFramework(entry) ? [] : [{ ...entry, name }]
  );
}

function isFramework(entry: unknown): entry is Framework {
  return typeof entry === "object" && entry !== null && !Array.isArray(entry);
}
