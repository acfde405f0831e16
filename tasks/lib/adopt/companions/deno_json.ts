/** `deno task reproduce` and its like in the repository's own deno.json; comments and all else stay. */

import { CALL, type Companion, type CompanionRequest } from "./companion.ts";

/** The tasks that a reader of the repository needs; the package has them all. */
const TASKS: [name: string, description: string][] = [
  ["reproduce", "Run the whole experiment and check it against the published numbers"],
  ["verify", "Judge a finished run again, and check that its files are what was recorded"],
  ["doctor", "Look at this machine: engines, GPU, driver, disks; what is amiss, and what to do"],
];

export function denoJson({ repository }: CompanionRequest): Companion {
  const [path] = repository.named(/^deno\.jsonc?$/);
  if (path === undefined) {
    const tasks = TASKS.map(([name, description]) => entry(name, description, "    "));
    return {
      changes: [{ path: "deno.json", after: `{\n  "tasks": {\n${tasks.join(",\n")}\n  }\n}\n` }],
      notes: repository.has("package.json")
        ? [`package.json stays as it is; ${CALL} reproduce goes without it`]
        : [],
    };
  }
  const before = Deno.readTextFileSync(`${repository.root}/${path}`);
  const after = withTasks(before);
  if (after === undefined) {
    return {
      changes: [],
      notes: [`${path} stays as it is, since its tasks could not be found; call: ${CALL} reproduce`],
    };
  }
  return { changes: after === before ? [] : [{ path, before, after }], notes: [] };
}

function entry(name: string, description: string, indent: string): string {
  const command = `${CALL} ${name}`;
  return `${indent}${JSON.stringify(name)}: {\n${indent}  "description": ${
    JSON.stringify(description)
  },\n${indent}  "command": ${JSON.stringify(command)}\n${indent}}`;
}

/** The text with the tasks that it lacks, behind the opening brace of its own; undefined where that is not found. */
function withTasks(text: string): string | undefined {
  const plain = blanked(text);
  const brace = openingOf(plain, "tasks");
  const missing = TASKS.filter(([name]) => brace === undefined || !keysOf(plain, text, brace).includes(name));
  if (missing.length === 0) return text;
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  if (brace !== undefined) return inserted(text, plain, brace, missing, "    ", end);
  const root = plain.indexOf("{");
  if (root < 0) return undefined;
  const body = `  "tasks": {\n${missing.map(([name, what]) => entry(name, what, "    ")).join(",\n")}\n  }`;
  const isEmpty = /^\s*\}/.test(plain.slice(root + 1));
  return text.slice(0, root + 1) + `\n${body}${isEmpty ? "\n" : ","}`.replaceAll("\n", end) +
    text.slice(root + 1);
}

function inserted(
  text: string,
  plain: string,
  brace: number,
  missing: typeof TASKS,
  indent: string,
  end: string,
) {
  const isEmpty = /^\s*\}/.test(plain.slice(brace + 1));
  const body = missing.map(([name, what]) => entry(name, what, indent)).join(",\n");
  return text.slice(0, brace + 1) + `\n${body}${isEmpty ? "\n  " : ","}`.replaceAll("\n", end) +
    text.slice(brace + 1);
}

/** The text with comments, and what stands in quotes, made blank: places stay. */
function blanked(text: string): string {
  return text.replace(
    /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (part) =>
      part.startsWith('"') ? `"${part.slice(1, -1).replace(/[^\n]/g, "_")}"` : part.replace(/[^\n]/g, " "),
  );
}

/** Where the mapping of a key at the top opens. */
function openingOf(plain: string, key: string): number | undefined {
  let depth = 0;
  for (const match of plain.matchAll(/[{}[\]]/g)) {
    if (match[0] === "}" || match[0] === "]") depth--;
    else if (++depth === 2 && match[0] === "{") {
      const before = /"(_*)"\s*:\s*$/.exec(plain.slice(0, match.index));
      if (before?.[1]?.length === key.length) return match.index;
    }
  }
}

/** The keys of the mapping that opens there. */
function keysOf(plain: string, text: string, brace: number): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (const match of plain.slice(brace).matchAll(/[{}[\]]|"_*"(?=\s*:)/g)) {
    if (/[}\]]/.test(match[0]) && --depth === 0) break;
    else if (/[{[]/.test(match[0])) depth++;
    else if (depth === 1) {
      const start = brace + match.index;
      keys.push(text.slice(start + 1, start + match[0].length - 1));
    }
  }
  return keys;
}
