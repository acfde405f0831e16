/** Parameters that stand in a file of the repository, such as `params.yaml`: read from it, and written into a copy. */

import { join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import { readRegularText } from "../system/regular_file.ts";
import { insideProblem, tidyPath } from "../values/relative_path.ts";
import type { Experiment, Parameter } from "./experiment.ts";
import { flowText } from "./flow_text.ts";
import { yaml } from "../values/yaml.ts";

/** Where a parameter stands: in `params.yaml`, at `train`, `lr`. */
export interface ParameterPlace {
  file: string;
  keys: string[];
}

/** Reads `params.yaml#train.lr`, or says what is wrong with it. */
export function parsePlace(text: string): ParameterPlace | string {
  const [, file, keys] = /^([^#]+)#([^#]+)$/.exec(text) ?? [];
  if (file === undefined || keys === undefined) return "must be a file and a key, e.g. params.yaml#train.lr";
  const problem = insideProblem(tidyPath(file));
  if (problem !== undefined) return `must name a file inside the project, its path ${problem}`;
  if (!/\.(?:ya?ml|json|toml)$/i.test(file)) {
    return "must name a YAML, JSON or TOML file, e.g. params.yaml#train.lr";
  }
  if (keys.split(".").includes("")) return "must have a name between its points, e.g. params.yaml#train.lr";
  return { file: tidyPath(file), keys: keys.split(".") };
}

/**
 * The experiment with the values that stand in files as its declared ones, unless it declares others itself.
 *
 * @throws Failure(2) for a file or key that is not there
 */
export async function withParameterFiles(experiment: Experiment): Promise<Experiment> {
  const texts: Record<string, string> = {};
  const parameters: Experiment["parameters"] = Object.create(null);
  for (const [name, { file, keys }] of Object.entries(experiment.params)) {
    const text = texts[file] ??= await readRegularText(join(experiment.root, file)).catch((error) => {
      throw new Failure(2, `Cannot read the parameter ${name} from ${file}: ${(error as Error).message}`);
    });
    const parameter = isToml(file)
      ? (await toml()).findInToml(text, file, keys)?.parameter
      : inYaml(text, file, keys);
    if (parameter === undefined) {
      const where = relative(experiment.root, experiment.file);
      throw new Failure(2, `Cannot read the parameter ${name}: ${file} has no ${keys.join(".")} (${where})`);
    }
    parameters[name] = parameter;
  }
  return { ...experiment, parameters: { ...parameters, ...experiment.parameters }, parameterFiles: texts };
}

function isToml(file: string): boolean {
  return /\.toml$/i.test(file);
}

/** Few repositories keep parameters in TOML, and then nothing of that is loaded. */
async function toml() {
  return await import("./toml_places.ts");
}

function inYaml(text: string, file: string, keys: string[]): Parameter | undefined {
  const node = nodeAt(text, file, keys);
  return node === undefined ? undefined : parameterOf(node);
}

function parameterOf(node: unknown): Parameter {
  const text = flowText(node);
  if (!yaml.isScalar(node) || node.value === null) return { value: text, text, structured: true };
  const value = node.value as Parameter["value"];
  return { value, text: typeof value === "string" ? value : text };
}

/**
 * A file's text with other values; all else in it stays as it is, to the byte.
 *
 * @param values by key, each as YAML in one line
 */
export async function replaceValues(
  text: string,
  file: string,
  values: { keys: string[]; text: string }[],
): Promise<string> {
  let result = text;
  for (const { keys, text: value } of values) {
    const range = isToml(file)
      ? (await toml()).findInToml(result, file, keys)?.range
      : (nodeAt(result, file, keys) as { range?: [number, number, number] | null } | undefined)?.range;
    if (!range) {
      throw new Failure(2, `Cannot write ${keys.join(".")} into a copy of ${file}: it is not there`);
    }
    const [start, end] = range;
    const old = result.slice(start, end);
    const tail = /\s*$/.exec(old)![0];
    const written = isToml(file) ? (await toml()).asToml(value, `${keys.join(".")} into ${file}`) : value;
    result = result.slice(0, start) + written + tail + result.slice(end);
  }
  return result;
}

/** Whether a value, as YAML in one line, is what the file has at the key. */
export async function holdsValue(
  text: string,
  file: string,
  keys: string[],
  value: string,
): Promise<boolean> {
  const flow = isToml(file)
    ? (await toml()).findInToml(text, file, keys)?.flow ?? "null"
    : flowText(nodeAt(text, file, keys));
  const [there, given] = [flow, value].map((one) => JSON.stringify(yaml.parse(one)));
  return there === given;
}

function nodeAt(text: string, file: string, keys: string[]): unknown {
  const document = yaml.parseDocument(text, { prettyErrors: false });
  const error = document.errors[0];
  if (error !== undefined) throw new Failure(2, `Cannot read ${file}: ${error.message.split("\n")[0]}`);
  const found = document.getIn(keys.map((key) => /^\d+$/.test(key) ? Number(key) : key), true) ??
    document.getIn(keys, true);
  return found ?? undefined;
}
