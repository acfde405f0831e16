/** Entry points of MLflow's `MLproject`: commands with parameters. */

import { PARAMETER_NAME } from "../../experiment/schema.ts";
import { RESERVED_PARAMETERS } from "../../experiment/reserved_names.ts";
import { type Found, type StepDraft, stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { plainStep } from "../plain_step.ts";
import { type Loose, mapping, readYaml } from "../yaml_file.ts";

export const MLPROJECT: Kind = {
  name: "MLproject",
  look(repository, draft) {
    const path = repository.named(/^mlproject$/i)[0];
    const file = path && readYaml(repository, path);
    if (!path || !file) return;
    const data = mapping(file.data);
    for (const key of ["conda_env", "python_env"]) {
      const source = data[key];
      if (key === "conda_env" && typeof source === "string" && repository.has(source)) {
        draft.requirements.unshift({
          value: [source],
          found: `${path}:${file.line([key])}`,
          certainty: "stated",
        });
      }
    }
    const image = mapping(data.docker_env).image;
    if (typeof image === "string") {
      draft.images.push({
        value: image,
        found: `${path}:${file.line(["docker_env", "image"])}`,
        certainty: "stated",
      });
    }
    const steps: Found<StepDraft>[] = [];
    for (const [name, entry] of Object.entries(mapping(data.entry_points))) {
      const command = mapping(entry).command;
      if (typeof command !== "string") continue;
      const found = `${path}:${file.line(["entry_points", name])}`;
      const taken = steps.map(({ value }) => value.name);
      const step = plainStep({
        name: stepName(name, taken),
        command: [command.trim().replace(/\{(\w+)\}/g, `${MARK}$1${MARK}`)],
        cwd: "",
        inputs: [],
        outputs: [],
      });
      const script = /[\w./-]+\.(?:py|ipynb|sh|R)\b/.exec(command)?.[0];
      if (script !== undefined && repository.has(script)) step.sources = [script];
      for (const [parameter, given] of Object.entries(mapping(mapping(entry).parameters))) {
        fill(step, parameter, given, (value) => {
          if (draft.parameters.some((one) => one.value.name === parameter)) return;
          const line = `${path}:${file.line(["entry_points", name, "parameters", parameter])}`;
          draft.parameters.push({ value: { name: parameter, value }, found: line, certainty: "stated" });
        });
      }
      steps.push({ value: step, found, certainty: "stated" });
    }
    if (steps.length > 0) draft.kinds.push({ kind: path, tier: "pipeline", steps });
  },
};

/** Stands around a parameter's name until it is known what becomes of it. */
const MARK = "\u0001";

/** `{alpha}` of MLflow becomes a parameter, or its default. */
function fill(
  step: StepDraft,
  name: string,
  given: Loose,
  declare: (value: string | number | boolean) => void,
) {
  const mark = MARK + name + MARK;
  const value = typeof given === "object" && given !== null ? given.default : undefined;
  const isKnown = ["string", "number", "boolean"].includes(typeof value);
  const isUsed = [...step.run ?? [], step.shell ?? ""].some((word) => word.includes(mark));
  if (!isKnown && isUsed) step.doubt ??= `its parameter ${name} has no default`;
  const isFit = isKnown && PARAMETER_NAME.test(name) && !RESERVED_PARAMETERS.includes(name) &&
    step.run !== undefined;
  const text = isFit ? `{${name}}` : isKnown ? String(value) : `<${name}>`;
  step.run = step.run?.map((word) => word.replaceAll(mark, text));
  if (step.shell !== undefined) step.shell = step.shell.replaceAll(mark, text);
  if (isFit && isUsed) declare(value);
}
