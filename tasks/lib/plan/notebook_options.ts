/** From the options of `deno task notebook` to the arguments of the driver that executes notebooks. */

import { glob } from "node:fs/promises";
import { resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { OptionTable, OptionValues } from "../cli/options.ts";
import { callerFolder } from "../system/project_root.ts";
import type { NotebookOptions } from "./plan.ts";
import { exists } from "../system/files.ts";

/** Options of `deno task notebook` beside those of every run. */
export const NOTEBOOK_OPTIONS = {
  parameter: {
    value: "NAME=VALUE",
    short: "p",
    many: true,
    help: "value for a name that the cell tagged `parameters` sets; VALUE is read as YAML, so 3 is a number",
  },
  "parameters-file": { value: "FILE", short: "f", help: "a YAML file with such values by name" },
  "list-parameters": { help: "show what can be set, with its defaults, and execute nothing" },
  kernel: { value: "NAME", help: "use this kernel instead of the one that a notebook names" },
  cwd: { value: "DIR", help: "the folder that notebooks work in, instead of their own" },
  results: {
    value: "NAME",
    help: "where a notebook declares this parameter, it becomes a folder for results in the run folder",
  },
  timeout: { value: "SECONDS", help: "longest time for a cell" },
  "total-timeout": { value: "SECONDS", help: "longest time for all notebooks together" },
  "start-timeout": { value: "SECONDS", help: "longest time for the start of a kernel (60)" },
  "allow-errors": { help: "go on after a cell that fails, and record the error" },
  html: { help: "also write a page to read beside each executed notebook" },
  jobs: { value: "N", help: "execute so many notebooks at a time (1)" },
} as const satisfies OptionTable;

type Values = OptionValues<typeof NOTEBOOK_OPTIONS>;

/** Tells an experiment from notebooks, and finds the notebooks that patterns stand for. */
export async function splitPositionals(
  positionals: string[],
): Promise<{ experiment?: string; notebooks?: string[] }> {
  if (!positionals.some(isNotebook)) {
    if (positionals.length > 1) {
      throw new Failure(2, `One experiment at a time, current value is "${positionals.join(" ")}"`);
    }
    return { experiment: positionals[0] };
  }
  const stranger = positionals.find((one) => !isNotebook(one));
  if (stranger !== undefined) {
    throw new Failure(2, `"${stranger}" must be a notebook like the others: a path ending in .ipynb`);
  }
  return { notebooks: (await Promise.all(positionals.map(expand))).flat() };
}

function isNotebook(positional: string): boolean {
  return positional.endsWith(".ipynb") || /[*?]/.test(positional);
}

async function expand(pattern: string): Promise<string[]> {
  const path = resolve(callerFolder(), pattern);
  if (await exists(path)) return [path];
  if (!/[*?[]/.test(pattern)) throw new Failure(2, `There is no notebook ${pattern}`);
  const found = await Array.fromAsync(glob(pattern, { cwd: callerFolder() }));
  if (found.length === 0) throw new Failure(2, `No notebook matches ${pattern}`);
  return found.sort().map((one) => resolve(callerFolder(), one));
}

/** @throws Failure(2) for a value that is no number of seconds or jobs, or parameters that can't be read. */
export async function notebookOptions(values: Values, notebooks?: string[]): Promise<NotebookOptions> {
  const cwd = values.cwd === undefined ? undefined : resolve(callerFolder(), values.cwd);
  if (cwd !== undefined && !await isFolder(cwd)) {
    throw new Failure(2, `--cwd must be a folder that is there, current value is "${values.cwd}"`);
  }
  return {
    notebooks,
    parameters: {
      ...await parametersOfFile(values["parameters-file"]),
      ...await givenParameters(values.parameter),
    },
    results: values.results,
    cwd,
    flags: [
      ...seconds("timeout", values.timeout),
      ...seconds("total-timeout", values["total-timeout"]),
      ...seconds("start-timeout", values["start-timeout"]),
      ...numberFlag("jobs", values.jobs, /^[1-9]\d*$/, "a whole number from 1"),
      ...(values.kernel === undefined ? [] : ["--kernel", values.kernel]),
      ...(values["allow-errors"] ? ["--allow-errors"] : []),
      ...(values.html ? ["--html"] : []),
    ],
  };
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}

function seconds(name: string, value: string | undefined): string[] {
  return numberFlag(name, value, /^(?=.*[1-9])\d+(\.\d+)?$/, "a number of seconds above 0, such as 600");
}

function numberFlag(name: string, value: string | undefined, pattern: RegExp, wanted: string): string[] {
  if (value === undefined) return [];
  if (!pattern.test(value)) throw new Failure(2, `--${name} must be ${wanted}, current value is "${value}"`);
  return [`--${name}`, value];
}

async function parametersOfFile(file: string | undefined): Promise<Record<string, string>> {
  if (file === undefined) return {};
  const text = await Deno.readTextFile(resolve(callerFolder(), file)).catch((error) => {
    throw new Failure(2, `Cannot read the parameters in ${file}: ${(error as Error).message}`);
  });
  const { readParameters } = await import("./notebook_parameters.ts");
  return readParameters(text, file);
}

async function givenParameters(given: string[]): Promise<Record<string, string>> {
  if (given.length === 0) return {};
  const { readValue } = await import("./notebook_parameters.ts");
  return Object.fromEntries(given.map((one) => {
    const equals = one.indexOf("=");
    if (equals < 1) {
      throw new Failure(2, `-p must be NAME=VALUE, such as -p epochs=3, current value is "${one}"`);
    }
    return [one.slice(0, equals), readValue(one.slice(equals + 1), `-p ${one}`)];
  }));
}
