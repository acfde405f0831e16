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
  if (!/\.(?:ya?ml|json)$/i.test(file)) return "must name a YAML or JSON file, e.g. params.yaml#train.lr";
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
    const node = nodeAt(text, file, keys);
    if (node === undefined) {
      const where = relative(experiment.root, experiment.file);
      throw new Failure(2, `Cannot read the parameter ${name}: ${file} has no ${keys.join(".")} (${where})`);
    }
    parameters[name] = parameterOf(node);
  }
  return { ...experiment, parameters: { ...parameters, ...experiment.parameters }, parameterFiles: texts };
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
export function replaceValues(
  text: string,
  file: string,
  values: { keys: string[]; text: string }[],
): string {
  let result = text;
  for (const { keys, text: value } of values) {
    const node = nodeAt(result, file, keys) as { range?: [number, number, number] | null } | undefined;
    if (!node?.range) {
      throw new Failure(2, `Cannot write ${keys.join(".")} into a copy of ${file}: it is not there`);
    }
    const [start, end] = node.range;
    const old = result.slice(start, end);
    const tail = /\s*$/.exec(old)![0];
    result = result.slice(0, start) + value + tail + result.slice(end);
  }
  return result;
}

/** Whether a value, as YAML in one line, is what the file has at the key. */
export function holdsValue(text: string, file: string, keys: string[], value: string): boolean {
  const [there, given] = [flowText(nodeAt(text, file, keys)), value].map((one) =>
    JSON.stringify(yaml.parse(one))
  );
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
