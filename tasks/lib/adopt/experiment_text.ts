/** A proposal as experiment.yaml: each value with the place where it was found. */

import { yaml } from "../values/yaml.ts";
import type { ClaimDraft, Found, StepDraft } from "./draft.ts";
import type { Proposal } from "./compose.ts";

/** Width at which a list is broken into lines. */
const WIDTH = 110;

export function experimentText(proposal: Proposal): string {
  const lines = [
    "# What runs, in which environment, and what is claimed to come out of it. `deno task reproduce` runs the steps and",
    "# holds the claims against the results. Proposed by `deno task new`: read it, correct it, and commit it.",
    "",
    withNote(`name: ${scalar(proposal.name.value)}`, proposal.name),
    ...(proposal.title ? [withNote(`title: ${scalar(proposal.title.value)}`, proposal.title)] : []),
    ...environment(proposal),
    ...parameters(proposal),
    ...steps(proposal),
    ...claims(proposal),
  ];
  return `${lines.join("\n")}\n`;
}

function environment(
  { requirements, install, python, asOf, image, gpus, otherEnvironments }: Proposal,
): string[] {
  const lines: string[] = [];
  if (image) lines.push(withNote(`  image: ${scalar(image.value)}`, image));
  if (requirements) {
    const [only, ...more] = requirements.value;
    const value = more.length === 0 ? scalar(only!) : flowList(requirements.value);
    lines.push(withNote(`  requirements: ${value}`, requirements));
  }
  if (install.length > 0) {
    const found = [...new Set(install.map(({ found }) => found))].join("; ");
    const certainty = install.some((one) => one.certainty === "guessed")
      ? "guessed" as const
      : "read" as const;
    const all = install.flatMap(({ value }) => value);
    lines.push(withNote(`  install: ${flowList(all)}`, { found, certainty }));
  }
  if (asOf) lines.push(withNote(`  as_of: ${asOf.value}`, asOf));
  if (python) lines.push(withNote(`  python: "${python.value}"`, python));
  if (gpus) lines.push(withNote(`  gpus: ${gpus.value}`, gpus));
  const others = otherEnvironments.map(({ value, found }) => `  # passed over: ${oneLine(value)} (${found})`);
  if (lines.length === 0) return others.length === 0 ? [] : ["", ...others];
  return ["", "environment:", ...lines, ...others];
}

function parameters({ parameters, params, constants }: Proposal): string[] {
  const own = parameters.map((one) => withNote(`  ${key(one.value.name)}: ${scalar(one.value.value)}`, one));
  const placed = params.map((one) => withNote(`  ${key(one.value.name)}: ${scalar(one.value.place)}`, one));
  return [
    ...(own.length > 0 ? ["", "parameters:", ...own] : []),
    ...(placed.length > 0 ? ["", "params:", ...placed] : []),
    ...(constants.length > 0
      ? [
        "",
        "# perhaps parameters, too, if the cell is tagged `parameters` (a value that a later cell replaces is none):",
        ...constants.map((one) => withNote(`#   ${key(one.value.name)}: ${scalar(one.value.value)}`, one)),
      ]
      : []),
  ];
}

function steps({ steps, otherSteps }: Proposal): string[] {
  return [
    "",
    "steps:",
    ...steps.flatMap(step),
    ...perhaps(otherSteps, step),
  ];
}

function step({ value, ...found }: Found<StepDraft>): string[] {
  const { name, run, shell, notebook, cwd, env, needs, outputs, inputs, produces, optional } = value;
  return [
    withNote(`  ${name}:`, found),
    ...(run ? list("    run", run) : []),
    ...(shell !== undefined ? shellLines(shell) : []),
    ...(notebook !== undefined ? [`    notebook: ${scalar(notebook)}`] : []),
    ...(optional ? ["    optional: true"] : []),
    ...(cwd !== undefined ? [`    cwd: ${scalar(cwd)}`] : []),
    ...(env
      ? [
        `    env: { ${
          Object.entries(env).map(([name, text]) => `${name}: ${JSON.stringify(text)}`).join(", ")
        } }`,
      ]
      : []),
    ...(needs.length > 0 ? [`    needs: [${needs.join(", ")}]`] : []),
    ...(outputs.length > 0 ? list("    outputs", outputs) : []),
    ...(inputs && inputs.length > 0 ? list("    inputs", inputs) : []),
    ...(produces && produces.length > 0 ? list("    produces", produces) : []),
  ];
}

function shellLines(shell: string): string[] {
  return ["    shell: |", ...shell.split("\n").map((line) => `      ${line}`.trimEnd())];
}

function claims({ claims, otherClaims }: Proposal): string[] {
  const others = perhaps(otherClaims, claim);
  if (claims.length + others.length === 0) return [];
  return ["", claims.length === 0 ? "claims: []" : "claims:", ...claims.flatMap(claim), ...others];
}

/** Comments, each with its reason; a reason that many have is said once. */
function perhaps<T extends Found<{ doubt?: string }>>(others: T[], lines: (one: T) => string[]): string[] {
  return others.flatMap((one, index) => [
    ...(one.value.doubt === others[index - 1]?.value.doubt
      ? []
      : [`  # perhaps, ${oneLine(one.value.doubt ?? "")}:`]),
    ...lines(one).map((line) => `  # ${line.slice(2)}`),
  ]);
}

function claim({ value, ...found }: Found<ClaimDraft>): string[] {
  const number = (text: string) =>
    /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text) ? text : scalar(text);
  const texts = Array.isArray(value.value) ? value.value.map(number) : number(value.value);
  return [
    withNote(`  - name: ${scalar(value.name)}`, found),
    `    from: ${value.from.includes("\\") ? single(value.from) : scalar(value.from)}`,
    ...(Array.isArray(texts) ? wrapped("    value", texts) : [`    value: ${texts}`]),
    ...(value.unit !== undefined ? [`    unit: ${JSON.stringify(value.unit)}`] : []),
    ...(value.of !== undefined ? [`    of: ${value.of}`] : []),
    ...(value.tolerance ? [`    tolerance: ${toleranceText(value.tolerance)}`] : []),
  ];
}

function toleranceText({ relative, because }: NonNullable<ClaimDraft["tolerance"]>): string {
  return `{ relative: ${relative}, because: ${scalar(because)} }`;
}

/** Where a value is from, behind it. */
function withNote(line: string, { found, certainty }: { found: string; certainty: string }): string {
  const guess = certainty === "guessed" ? ", a guess" : "";
  return `${line} # found in ${oneLine(found)}${guess}`;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

function key(name: string): string {
  return /^[A-Za-z_][\w-]*$/.test(name) && !/^(?:y|n|yes|no|true|false|on|off|null)$/i.test(name)
    ? name
    : JSON.stringify(name);
}

function scalar(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  return yaml.stringify(oneLine(value), { lineWidth: 0 }).trimEnd();
}

function single(text: string): string {
  return `'${oneLine(text).replaceAll("'", "''")}'`;
}

function flowList(items: string[]): string {
  return `[${items.map(flowItem).join(", ")}]`;
}

function list(head: string, items: string[]): string[] {
  return wrapped(head, items.map(flowItem));
}

/** A flow list, over several lines where it is long. */
function wrapped(head: string, items: string[]): string[] {
  const line = `${head}: [${items.join(", ")}]`;
  if (line.length <= WIDTH) return [line];
  const indent = " ".repeat(head.length - head.trimStart().length + 2);
  const lines: string[] = [];
  let current = indent;
  for (const item of items) {
    if (current.length + item.length + 2 > WIDTH && current !== indent) {
      lines.push(current.trimEnd());
      current = indent;
    }
    current += `${item}, `;
  }
  return [`${head}: [`, ...lines, current.trimEnd().replace(/,$/, ""), `${indent.slice(2)}]`];
}

/** Plain where YAML takes it for the same text. */
function flowItem(text: string): string {
  const isPlain = /^[A-Za-z./_-][\w./=+-]*$/.test(text) && /[A-Za-z/]/.test(text) &&
    !/^(?:y|n|yes|no|true|false|on|off|null|\.inf|\.nan|-\.inf)$/i.test(text) && !/^[-.]+\d/.test(text) &&
    text !== "-";
  if (isPlain) return text;
  return text.includes("\\") && !/[\p{Cc}]/u.test(text) ? single(text) : JSON.stringify(text);
}
