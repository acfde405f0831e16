/** Stages and environments of `calkit.yaml`. */

import { type Found, type StepDraft, stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { plainStep } from "../plain_step.ts";
import { type Loose, mapping, readYaml, texts } from "../yaml_file.ts";

export const CALKIT: Kind = {
  name: "calkit.yaml",
  look(repository, draft) {
    const path = "calkit.yaml";
    const file = repository.has(path) ? readYaml(repository, path) : undefined;
    if (file === undefined) return;
    const data = mapping(file.data);
    for (const [name, environment] of Object.entries(mapping(data.environments))) {
      const found = `${path}:${file.line(["environments", name])}`;
      const { path: source, image } = mapping(environment);
      if (typeof source === "string" && repository.has(source) && !/dockerfile$/i.test(source)) {
        draft.requirements.unshift({ value: [source], found, certainty: "stated" });
      } else if (typeof image === "string") draft.images.push({ value: image, found, certainty: "stated" });
    }
    if (typeof data.title === "string") draft.title = { value: data.title, found: path, certainty: "stated" };
    const steps: Found<StepDraft>[] = [];
    for (const [name, stage] of Object.entries(mapping(mapping(data.pipeline).stages))) {
      const found = `${path}:${file.line(["pipeline", "stages", name])}`;
      const step = stepOf(stepName(name, steps.map(({ value }) => value.name)), mapping(stage));
      steps.push({ value: step, found, certainty: "stated" });
    }
    if (steps.length > 0) draft.kinds.push({ kind: path, tier: "pipeline", steps });
  },
};

function stepOf(name: string, stage: Record<string, Loose>): StepDraft {
  const words = texts(stage.args).map((word) => word.includes(" ") ? `'${word}'` : word);
  const script = stage.script_path ?? stage.notebook_path ?? stage.target_path;
  const wdir = typeof stage.wdir === "string" ? stage.wdir.replace(/\/$/, "") : "";
  const outputs = [stage.outputs ?? []].flat().flatMap((one: Loose) =>
    typeof one === "string" ? [one] : typeof one?.path === "string" ? [one.path] : []
  );
  const inputs = [stage.inputs ?? []].flat().filter((one: Loose) => typeof one === "string");
  const base = (command: string, more: string[] = []) =>
    plainStep({ name, command: [command], cwd: wdir, inputs: [...more, ...inputs], outputs });
  if (stage.kind === "jupyter-notebook" && typeof script === "string") {
    const { run: _, shell: __, ...rest } = base("python", [script]);
    return { ...rest, notebook: script, outputs };
  }
  if (stage.kind === "python-script") return base(["python", script, ...words].join(" "), [script]);
  if (stage.kind === "shell-script") {
    return base([stage.shell ?? "bash", script, ...words].join(" "), [script]);
  }
  if (typeof stage.command === "string") return base(stage.command);
  return { ...base("true"), doubt: `a stage of the kind ${stage.kind} has no plain command` };
}
