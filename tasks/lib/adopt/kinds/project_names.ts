/** What the project is called: by CITATION.cff, pyproject.toml, setup.cfg or the README's first heading. */

import { stepName } from "../draft.ts";
import type { Kind } from "../kind.ts";
import { readme } from "../markdown.ts";
import { readYaml } from "../yaml_file.ts";

export const PROJECT_NAMES: Kind = {
  name: "project names",
  look(repository, draft) {
    for (const path of ["pyproject.toml", "setup.cfg", "setup.py"]) {
      const text = repository.has(path) ? repository.text(path) ?? "" : "";
      const match = path === "pyproject.toml"
        ? /^\[(?:project|tool\.poetry)\][^[]*?^name\s*=\s*["']([^"']+)["']/ms.exec(text)
        : /^\s*name\s*=\s*["']?([\w.-]+)["']?\s*,?\s*$/m.exec(text) ??
          /\bname\s*=\s*["']([\w.-]+)["']/.exec(text);
      if (match === null) continue;
      const line = text.slice(0, match.index + match[0].indexOf(match[1]!)).split("\n").length;
      draft.name ??= { value: stepName(match[1]!), found: `${path}:${line}`, certainty: "stated" };
    }
    const citation = repository.named(/^citation\.cff$/i)[0];
    const title = citation && readYaml(repository, citation)?.data?.title;
    if (typeof title === "string") draft.title ??= { value: title, found: citation!, certainty: "stated" };
    const path = readme(repository);
    const text = path && /\.md$/i.test(path) ? repository.text(path) ?? "" : "";
    // Comments in blocks of code are no headings; each keeps its line.
    const prose = text.replace(/^(```+|~~~+)[^]*?^\1/gm, (block) => block.replace(/[^\n]/g, " "));
    const heading = /^#\s+(.+?)\s*#*$/m.exec(prose);
    const plain = (heading?.[1] ?? "").replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/<[^>]*>|[*_`]/g, "")
      .trim();
    if (plain) {
      const line = text.slice(0, heading!.index).split("\n").length;
      draft.title ??= { value: plain.slice(0, 200), found: `${path}:${line}`, certainty: "read" };
    }
  },
};
