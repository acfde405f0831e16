/** `cog.yaml`: Python, packages and GPU of a model; its predictor is no plain command, and is named only. */

import { type Found, type StepDraft, stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { type Loose, mapping, readYaml, texts } from "../yaml_file.ts";

export const COG: Kind = {
  name: "cog.yaml",
  look(repository, draft) {
    const path = "cog.yaml";
    const file = repository.has(path) ? readYaml(repository, path) : undefined;
    if (file === undefined) return;
    const build: Record<string, Loose> = mapping(mapping(file.data).build);
    const at = (key: string) => `${path}:${file.line(["build", key])}`;
    if (typeof build.python_requirements === "string" && repository.has(build.python_requirements)) {
      draft.requirements.unshift({
        value: [build.python_requirements],
        found: at("python_requirements"),
        certainty: "stated",
      });
    } else if (texts(build.python_packages).length > 0) {
      draft.install.unshift({
        value: texts(build.python_packages),
        found: at("python_packages"),
        certainty: "stated",
      });
    }
    const python = /^3\.\d+/.exec(String(build.python_version ?? ""))?.[0];
    if (python) draft.pythons.push({ value: python, found: at("python_version"), certainty: "stated" });
    if (build.gpu === true) draft.gpus = { value: "optional", found: at("gpu"), certainty: "stated" };
    const steps: Found<StepDraft>[] = [];
    for (const key of ["train", "predict"]) {
      const [script, name] = String(mapping(file.data)[key] ?? "").split(":");
      if (!script || !name || !repository.has(script)) continue;
      steps.push({
        value: {
          name: stepName(key),
          run: ["python", script],
          needs: [],
          outputs: [],
          reads: [],
          sources: [script],
          doubt: `${script} has ${name} for cog, which may be no program by itself`,
        },
        found: `${path}:${file.line([key])}`,
        certainty: "guessed",
      });
    }
    if (steps.length > 0) draft.kinds.push({ kind: path, tier: "code", steps });
  },
};
