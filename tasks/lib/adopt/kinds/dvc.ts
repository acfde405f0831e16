/** Stages of `dvc.yaml`: commands, dependencies, outputs and parameters, with foreach and matrix written out. */

import { dirname, join, normalize } from "node:path/posix";
import { type Draft, type Found, type StepDraft, stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { plainStep } from "../plain_step.ts";
import type { Repository } from "../repository.ts";
import { type Loose, mapping, readYaml, texts, type YamlFile } from "../yaml_file.ts";

/** Stages that foreach or matrix make; more than this is a sweep, which is not what a reader repeats. */
const MOST_ITEMS = 12;

export const DVC: Kind = {
  name: "dvc.yaml",
  look(repository, draft) {
    const path = repository.has("dvc.yaml") ? "dvc.yaml" : repository.named(/(?:^|\/)dvc\.yaml$/)[0];
    const file = path && readYaml(repository, path);
    if (!path || !file) return;
    const steps: Found<StepDraft>[] = [];
    const vars = variables(repository, path, file);
    for (const [name, stage] of Object.entries(mapping(file.data?.stages))) {
      const found = `${path}:${file.line(["stages", name])}`;
      for (const { suffix, item, key } of items(stage, vars)) {
        const body = mapping(stage.do ?? stage);
        const fill = (text: string) => filled(text, { ...vars, item, key });
        const taken = steps.map(({ value }) => value.name);
        const step = stepFor(stepName(name + suffix, taken), body, dirname(path), fill);
        if (step === undefined) continue;
        steps.push({ value: step, found, certainty: "stated" });
        addParams(repository, draft, body, dirname(path), found);
      }
    }
    if (steps.length > 0) draft.kinds.push({ kind: path, tier: "pipeline", steps });
  },
};

function stepFor(
  name: string,
  body: Record<string, Loose>,
  folder: string,
  fill: (text: string) => string,
): StepDraft | undefined {
  const command = [body.cmd ?? []].flat().map((text: Loose) => fill(String(text)));
  if (command.length === 0) return undefined;
  const outputs = [
    "outs",
    "metrics",
    "plots",
    "outs_persist",
    "outs_no_cache",
    "metrics_no_cache",
    "plots_no_cache",
  ];
  const cwd = normalize(join(folder, fill(String(body.wdir ?? ".")))).replace(/^\.$/, "");
  const step = plainStep({
    name,
    command,
    cwd,
    inputs: texts(body.deps).map(fill),
    outputs: outputs.flatMap((key) => texts(body[key])).map(fill),
  });
  const open = /\$\{[^}]*\}/.exec(JSON.stringify(step))?.[0];
  return open === undefined ? step : { ...step, doubt: `${open} is not known` };
}

/** What `${…}` can stand for: `vars`, and params.yaml without being named. */
function variables(repository: Repository, path: string, { data }: YamlFile): Record<string, Loose> {
  const beside = (name: string) => normalize(join(dirname(path), name));
  const read = (name: string) =>
    repository.has(beside(name)) ? mapping(readYaml(repository, beside(name))?.data) : {};
  const own = [data?.vars ?? []].flat().map((one: Loose) =>
    typeof one === "string" ? read(one.split(":")[0]!) : mapping(one)
  );
  return Object.assign({}, read("params.yaml"), ...own);
}

interface Item {
  suffix: string;
  item?: Loose;
  key?: Loose;
}

function items(stage: Loose, vars: Record<string, Loose>): Item[] {
  if (stage?.foreach !== undefined) {
    const given = resolved(stage.foreach, vars);
    const pairs: [Loose, Loose][] = Array.isArray(given)
      ? given.map((item) => [typeof item === "object" ? given.indexOf(item) : item, item])
      : Object.entries(mapping(given));
    return pairs.slice(0, MOST_ITEMS).map(([key, item]) => ({ suffix: `-${key}`, item, key }));
  }
  if (stage?.matrix !== undefined) {
    const axes = Object.entries(mapping(stage.matrix)).map(([axis, values]) =>
      [axis, [resolved(values, vars)].flat()] as const
    );
    const all = axes.reduce<Record<string, Loose>[]>(
      (rows, [axis, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [axis]: value }))),
      [{}],
    );
    return all.slice(0, MOST_ITEMS).map((item) => ({ suffix: `-${Object.values(item).join("-")}`, item }));
  }
  return [{ suffix: "" }];
}

/** A value that is itself `${name}`. */
function resolved(value: Loose, vars: Record<string, Loose>): Loose {
  const name = typeof value === "string" ? /^\$\{\s*([\w.-]+)\s*\}$/.exec(value)?.[1] : undefined;
  return name === undefined ? value : at(vars, name) ?? value;
}

function filled(text: string, vars: Record<string, Loose>): string {
  return text.replace(/\$\{\s*([\w.-]+)\s*\}/g, (whole, name) => {
    const value = at(vars, name);
    return value === undefined || typeof value === "object" ? whole : String(value);
  });
}

function at(data: Loose, keys: string): Loose {
  return keys.split(".").reduce((value, key) => value?.[key], data);
}

/** `params: [train.lr]` are of params.yaml, `params: [{ other.yaml: [lr] }]` of another file. */
function addParams(
  repository: Repository,
  draft: Draft,
  body: Record<string, Loose>,
  folder: string,
  found: string,
) {
  for (const one of [body.params ?? []].flat()) {
    const [file, keys] = typeof one === "string"
      ? ["params.yaml", [one]]
      : [Object.keys(mapping(one))[0] ?? "", texts(Object.values(mapping(one))[0])];
    const path = normalize(join(folder, file));
    if (!repository.has(path) || !/\.(?:ya?ml|json)$/.test(path)) continue;
    const data = readYaml(repository, path)?.data;
    for (const key of keys) {
      for (const leaf of leaves(at(data, key), key)) addPlace(draft, path, leaf, found);
    }
  }
}

/** A name for all that stands below it. */
function leaves(value: Loose, key: string): string[] {
  if (value === undefined || value === null || Array.isArray(value)) return [];
  if (typeof value !== "object") return [key];
  return Object.entries(value).flatMap(([name, one]) => leaves(one, `${key}.${name}`));
}

function addPlace(draft: Draft, path: string, key: string, found: string) {
  const place = `${path}#${key}`;
  if (draft.params.some(({ value }) => value.place === place)) return;
  draft.params.push({ value: { name: key, place }, found, certainty: "stated" });
}
