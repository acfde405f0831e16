/** Targets of a Makefile that are plain commands. */

import { stepFromCommand } from "../command.ts";
import { type Found, type StepDraft, stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { plainStep } from "../plain_step.ts";
import type { Repository } from "../repository.ts";

/** Targets that care for the repository, and give no result. */
const CARE =
  /^(?:\.|all$|help|clean|install|uninstall|setup|init|venv|env|deps|requirements|lint|format|fmt|check|tests?$|unittest|coverage|docs?$|html|docker|build$|image|push|pull|deploy|release|publish|dist|upload|sync|serve|notebook$|jupyter|create_environment|manual|pre-?commit)/i;

export const MAKEFILE: Kind = {
  name: "Makefile",
  look(repository, draft) {
    const path = ["Makefile", "makefile", "GNUmakefile"].find((one) => repository.has(one));
    const text = path && repository.text(path);
    if (!path || !text) return;
    const variables = variablesOf(text);
    const steps: Found<StepDraft>[] = [];
    for (const { target: written, inputs, recipe, line } of targetsOf(text)) {
      const target = filled(written, { target: written, inputs, variables }) ?? written;
      if (CARE.test(target) || recipe.length === 0 || target.includes("%")) continue;
      const context = { target, inputs, variables };
      const commands = recipe.map((one) => filled(one.replace(/^[@-]+\s*/, ""), context));
      if (!commands.some((one) => one !== undefined && runsOwn(one, repository))) continue;
      const isPlain = commands.every((one) => one !== undefined);
      const isFile = /\/|\.\w+$/.test(target);
      const files = inputs.map((one) => filled(one, context) ?? one);
      const step = plainStep({
        name: stepName(target.split("/").at(-1)!, steps.map(({ value }) => value.name)),
        command: isPlain ? commands as string[] : recipe,
        cwd: "",
        inputs: files,
        outputs: isFile ? [target] : [],
      });
      if (!isPlain) step.doubt = "it uses variables of make that are not known";
      step.sources = [...step.sources, ...commands.flatMap((one) => one ? sourceIn(one, repository) : [])];
      // A target that this one wants is a step before it, if it is one.
      step.needs = files.map((one) => stepName(one.split("/").at(-1)!)).filter((name) =>
        steps.some(({ value }) => value.name === name)
      );
      steps.push({ value: step, found: `${path}:${line}`, certainty: "stated" });
    }
    if (steps.length > 0) draft.kinds.push({ kind: path, tier: "pipeline", steps });
  },
};

interface Target {
  target: string;
  inputs: string[];
  recipe: string[];
  line: number;
}

function targetsOf(text: string): Target[] {
  const found: Target[] = [];
  let current: Target | undefined;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    let whole = lines[i]!;
    while (whole.endsWith("\\") && i + 1 < lines.length) {
      whole = `${whole.slice(0, -1).trimEnd()} ${lines[++i]!.trim()}`;
    }
    if (whole.startsWith("\t")) current?.recipe.push(whole.trim());
    else if (/^[^\s#:=]+\s*:(?!=)/.test(whole)) {
      const [, target, inputs] = /^([^\s#:=]+)\s*::?\s*([^#|]*)/.exec(whole)!;
      current = {
        target: target!,
        inputs: inputs!.trim().split(/\s+/).filter((one) => one !== ""),
        recipe: [],
        line,
      };
      found.push(current);
    } else if (whole.trim() !== "" && !whole.startsWith("#")) current = undefined;
  }
  for (const one of found) one.recipe = one.recipe.filter((line) => line !== "" && !line.startsWith("#"));
  return found;
}

function variablesOf(text: string): Map<string, string> {
  const found = new Map<string, string>([["PYTHON", "python"]]);
  for (
    const [, name, value] of text.matchAll(/^(?:export\s+)?([A-Za-z_]\w*)\s*(?::|\?|::)?=[ \t]*([^\n#]*)/gm)
  ) {
    found.set(name!, value!.trim());
  }
  return found;
}

/** Undefined where something of it is not known. */
function filled(
  text: string,
  context: { target: string; inputs: string[]; variables: Map<string, string> },
  depth = 0,
): string | undefined {
  let isKnown = depth < 8;
  const result = text.replace(/\$\$|\$[@<^]|\$[({]([^(){}$]*)[)}]|\$./g, (whole, name?: string) => {
    if (whole === "$$") return "$";
    if (whole === "$@") return context.target;
    if (whole === "$<") return context.inputs[0] ?? "";
    if (whole === "$^") return context.inputs.join(" ");
    const value = name === undefined ? undefined : context.variables.get(name);
    const inner = value === undefined ? undefined : filled(value, context, depth + 1);
    if (inner === undefined) isKnown = false;
    return inner ?? whole;
  });
  return isKnown ? result : undefined;
}

function runsOwn(command: string, repository: Repository): boolean {
  return command.split(/\s*&&\s*/).some((part) => stepFromCommand(part, repository) !== undefined);
}

function sourceIn(command: string, repository: Repository): string[] {
  return command.split(/\s*&&\s*/).flatMap((part) => stepFromCommand(part, repository)?.sources ?? []);
}
