/** Two lines of .gitignore: run folders, and the environments that the tasks make. */

import type { Companion, CompanionRequest } from "./companion.ts";

const LINES: [line: string, same: RegExp][] = [
  ["/runs/", /^\/?runs\/?\*?$/m],
  ["/.venv*/", /^\/?\.venv\*\/?$/m],
];

export function gitignore({ repository }: CompanionRequest): Companion {
  const before = repository.has(".gitignore")
    ? Deno.readTextFileSync(`${repository.root}/.gitignore`)
    : undefined;
  const text = before ?? "";
  const missing = LINES.filter(([, same]) => !same.test(text.replaceAll("\r", ""))).map(([line]) => line);
  if (missing.length === 0) return { changes: [], notes: [] };
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text === "" || text.endsWith("\n") ? "" : end;
  const after = text + gap + missing.map((line) => line + end).join("");
  return { changes: [{ path: ".gitignore", before, after }], notes: [] };
}
