/** CITATION.cff, where there is none: title, authors and licence as far as the repository says them. */

import { yaml } from "../../values/yaml.ts";
import type { Repository } from "../repository.ts";
import type { Companion, CompanionRequest } from "./companion.ts";

export function citation({ repository, proposal }: CompanionRequest): Companion {
  if (repository.named(/^citation\.cff$/i).length > 0) return { changes: [], notes: [] };
  const title = proposal.title?.value ?? proposal.name.value;
  const authors = authorsOf(repository);
  const license = licenseOf(repository);
  const after = [
    "# How to cite this work; https://citation-file-format.github.io. Proposed by `deno task new`: complete it.",
    "cff-version: 1.2.0",
    `title: ${yaml.stringify(title, { lineWidth: 0 }).trimEnd()}`,
    "message: If you use this work, please cite it as below.",
    "type: software",
    ...(license ? [`license: ${license}`] : []),
    "authors:",
    ...authors.map((name) => `  - name: ${yaml.stringify(name, { lineWidth: 0 }).trimEnd()}`),
    "",
  ].join("\n");
  return { changes: [{ path: "CITATION.cff", after }], notes: [] };
}

/** `authors = [{ name = "…" }]` of pyproject.toml, `author = …` of setup.cfg and setup.py. */
function authorsOf(repository: Repository): string[] {
  for (const path of ["pyproject.toml", "setup.cfg", "setup.py"]) {
    const text = repository.has(path) ? repository.text(path) ?? "" : "";
    const listed = /^authors\s*=\s*\[([\s\S]*?)\]/m.exec(text)?.[1] ?? "";
    const names = [...listed.matchAll(/name\s*=\s*["']([^"'<\n]+)["']/g)].map(([, name]) => name!.trim());
    if (names.length > 0) return names;
    const one = /^\s*author\s*=\s*["']?([^"'\n,<]+?)["']?\s*,?\s*$/m.exec(text)?.[1];
    if (one) return [one.trim()];
  }
  return ["The authors of this repository"];
}

function licenseOf(repository: Repository): string | undefined {
  const [path] = repository.named(/^licen[cs]e(?:\.\w+)?$/i);
  const text = (path && repository.text(path)?.slice(0, 2000)) || "";
  if (/Apache License\s+Version 2\.0/.test(text)) return "Apache-2.0";
  if (/\bMIT License\b|Permission is hereby granted, free of charge/.test(text)) return "MIT";
  if (/GNU GENERAL PUBLIC LICENSE\s+Version 3/.test(text)) return "GPL-3.0-or-later";
  if (/Redistribution and use in source and binary forms/.test(text)) {
    return /Neither the name/.test(repository.text(path!)!) ? "BSD-3-Clause" : "BSD-2-Clause";
  }
}
