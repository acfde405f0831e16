/** Rules of a Snakefile that are plain commands; one that is a program stays one step. */

import { dirname } from "node:path/posix";
import { type Found, type StepDraft, stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { plainStep } from "../plain_step.ts";

interface Rule {
  name: string;
  line: number;
  /** Directive by directive, the text behind the colon. */
  parts: Record<string, string>;
}

export const SNAKEMAKE: Kind = {
  name: "Snakefile",
  look(repository, draft) {
    const path = ["Snakefile", "workflow/Snakefile"].find((one) => repository.has(one));
    const text = path && repository.text(path);
    if (!path || !text) return;
    const rules = readRules(text);
    const steps: Found<StepDraft>[] = [];
    const isProgram = /^\s*(?:for|def|if|include|module|checkpoint|use rule)\b/m.test(text) ||
      rules.length === 0;
    const plain = isProgram ? [] : rules.map(stepOf).filter((step) => step !== "no command");
    if (plain.length > 0 && plain.every((step) => step !== undefined)) {
      for (const [step, line] of plain as [StepDraft, number][]) {
        steps.push({ value: step, found: `${path}:${line}`, certainty: "stated" });
      }
    } else {
      const outputs = rules.flatMap(({ parts }) =>
        literals(parts.output ?? "")?.map(([, path]) => path) ?? []
      )
        .filter((output) => !output.includes("{"));
      steps.push({
        value: plainStep({
          name: "snakemake",
          command: ["snakemake --cores 1"],
          cwd: "",
          inputs: [path],
          outputs: [],
        }),
        found: path,
        certainty: "guessed",
      });
      draft.notes.push(
        `${path} is a program, with wildcards or Python: it is one step, which needs snakemake` +
          (outputs.length > 0 ? `; perhaps it writes ${outputs.slice(0, 5).join(", ")} (outputs:)` : ""),
      );
    }
    draft.kinds.push({ kind: path, tier: "pipeline", steps });
  },
};

function readRules(text: string): Rule[] {
  const rules: Rule[] = [];
  let rule: Rule | undefined;
  let key: string | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const head = /^rule\s+(\w+)\s*:/.exec(line);
    if (head) rules.push(rule = { name: head[1]!, line: index + 1, parts: {} });
    else if (/^\S/.test(line) && !line.startsWith("#")) rule = undefined;
    if (head || rule === undefined) {
      key = undefined;
      continue;
    }
    const directive = /^\s+(\w+)\s*:(.*)$/.exec(line);
    if (
      directive &&
      /^(?:input|output|shell|script|notebook|run|params|threads|log|conda|resources|message|benchmark|wildcard_constraints|priority|container|envmodules|wrapper)$/
        .test(directive[1]!)
    ) {
      key = directive[1]!;
      rule.parts[key] = directive[2]!;
    } else if (key !== undefined) rule.parts[key] += `\n${line}`;
  }
  return rules;
}

/** `name="text"` and `"text"`, with names; undefined where there is more than literals. */
function literals(text: string): [name: string, value: string][] | undefined {
  const found: [string, string][] = [];
  const rest = text.replace(/#[^\n]*/g, "").replace(
    /(?:(\w+)\s*=\s*)?(?:"""([\s\S]*?)"""|'''([\s\S]*?)'''|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|(\d+(?:\.\d+)?)(?![\w(]))/g,
    (_, name = "", ...values) => {
      found.push([name, values.slice(0, 5).find((value) => value !== undefined) ?? ""]);
      return "";
    },
  );
  return /^[\s,]*$/.test(rest) ? found : undefined;
}

function stepOf({ name, line, parts }: Rule): [StepDraft, number] | "no command" | undefined {
  const input = literals(parts.input ?? "");
  const output = literals(parts.output ?? "");
  const params = literals(parts.params ?? "");
  if (input === undefined || output === undefined || params === undefined || parts.run !== undefined) {
    return undefined;
  }
  const command = parts.shell !== undefined
    ? literals(parts.shell)?.map(([, text]) => text).join("")
    : parts.script !== undefined
    ? undefined
    : "";
  if (command === undefined) return undefined;
  if (command === "") return "no command";
  const lists: Record<string, [string, string][]> = {
    input,
    output,
    params,
    threads: [["", "1"]],
    log: literals(parts.log ?? "") ?? [],
  };
  let isKnown = true;
  const filled = command.trim().replace(
    /\{\{|\}\}|\{(\w+)(?:\.(\w+)|\[(\w+)\])?\}/g,
    (whole: string, list?: string, key?: string, index?: string): string => {
      if (list === undefined) return whole[0]!;
      const values = lists[list];
      const chosen = key ?? (/^\D/.test(index ?? "") ? index : undefined);
      const value = values === undefined
        ? undefined
        : chosen !== undefined
        ? values.find(([name]) => name === chosen)?.[1]
        : index !== undefined
        ? values[Number(index)]?.[1]
        : values.map(([, one]) => one).join(" ");
      if (value === undefined) isKnown = false;
      return value ?? whole;
    },
  );
  const all = [...input, ...output].map(([, path]) => path);
  if (!isKnown || all.some((path) => path.includes("{"))) return undefined;
  const made = output.map(([, path]) => path);
  const folders = made.map(dirname).filter((folder) => folder !== ".");
  // Snakemake makes the folders of outputs itself.
  const lines = folders.length > 0 ? [`mkdir -p ${[...new Set(folders)].join(" ")}`, filled] : [filled];
  return [
    plainStep({
      name: stepName(name),
      command: lines,
      cwd: "",
      inputs: input.map(([, path]) => path),
      outputs: made,
    }),
    line,
  ];
}
