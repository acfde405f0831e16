/** What the checks of an experiment.yaml have in common. */

import * as z from "zod/mini";
import { insideProblem, tidyPath } from "../values/relative_path.ts";
import { A_NAME, NAME, type RawClaim as WholeClaim } from "./schema.ts";
import { fieldName, type Path, type YamlDocument } from "./yaml_document.ts";

/** Fields that are missing here were wrong in themselves, and are reported already. */
export type RawClaim = Partial<WholeClaim>;

/** Those fields of a mapping whose own shape is right. */
export function soundFields<S extends z.ZodMiniObject>(
  document: YamlDocument,
  part: S,
  value: unknown,
): Partial<z.infer<S>> {
  if (typeof value !== "object" || value === null) return {};
  if (document.wellFormed) return value as z.infer<S>;
  const shape: Record<string, z.core.$ZodType> = part.shape;
  const fields = Object.entries(value).filter(([key, field]) =>
    Object.hasOwn(shape, key) && z.safeParse(shape[key]!, field).success
  );
  return Object.fromEntries(fields) as Partial<z.infer<S>>;
}

/** The entries of a mapping at the top; none where something else stands there. */
export function entriesAt(document: YamlDocument, key: string): [string, unknown][] {
  const value = document.data[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

/** Words that are true or false to YAML 1.1 (and so to Python), and texts to YAML 1.2. */
const YAML_1_1_BOOLEAN = /^(?:yes|no|on|off)$/i;

/**
 * Adds a problem for a text with a NUL, and for `yes`, `no`, `on` and `off` without quotes, which YAML's versions
 * read differently.
 */
export function checkScalar(document: YamlDocument, path: Path, value: unknown): void {
  if (typeof value !== "string") return;
  if (value.includes("\0")) document.add(path, `${fieldName(path)} must hold no NUL character`);
  if (!YAML_1_1_BOOLEAN.test(value) || document.quoted(path)) return;
  document.add(
    path,
    `${fieldName(path)} must be true or false, or a quoted text, current value is ${value} without quotes`,
  );
}

/**
 * Adds a problem for a path that leads out.
 *
 * @param inside of what, for the message
 */
export function checkPath(
  document: YamlDocument,
  path: Path,
  value: string | undefined,
  inside = "the project",
): void {
  const problem = value === undefined ? undefined : insideProblem(tidyPath(value));
  if (!problem) return;
  const field = fieldName(path);
  document.add(
    path,
    `${field} must be a path inside ${inside}, current value ${JSON.stringify(value)} ${problem}`,
  );
}

/** A path of a list of files is taken as it is, where a pattern would silently be the name of no file. */
export function checkNoPattern(document: YamlDocument, path: Path, value: string): void {
  if (!/[*?]/.test(value)) return;
  const parts = tidyPath(value).split("/");
  const folder = parts.slice(0, parts.findIndex((part) => /[*?]/.test(part))).join("/");
  const instead = folder === ""
    ? "name the files one by one, or their folder"
    : `name the folder, ${folder}/`;
  document.add(
    path,
    `${fieldName(path)} must be a file or a folder and no pattern: ${instead}, current value is ${
      document.show(path)
    }`,
  );
}

/**
 * Adds a problem for a name that does not match.
 *
 * @param form the pattern in words, as it goes on after "must be"
 */
export function checkName(
  document: YamlDocument,
  path: Path,
  name: string,
  [pattern, form]: [RegExp, string] = [NAME, A_NAME],
): void {
  if (!pattern.test(name)) document.add(path, `the name ${JSON.stringify(name)} must be ${form}`, "key");
}
