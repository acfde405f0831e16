/** `pip install` lines of the README. */

import { normalize } from "node:path/posix";
import { OF_OTHERS } from "./environment_files.ts";
import type { Kind } from "../kind.ts";
import { commandLines, readme, shellWords } from "../markdown.ts";

export const README_INSTALL: Kind = {
  name: "README (pip install)",
  look(repository, draft) {
    const path = readme(repository);
    const text = path && repository.text(path);
    if (!path || !text) return;
    for (const { text: command, line } of commandLines(text)) {
      const words = shellWords(command.replace(/\s+&&.*$/, ""));
      const start = words?.findIndex((word, index) =>
        word === "install" && /pip[\d.]*$/.test(words[index - 1]!)
      );
      if (words === undefined || start === undefined || start < 1) continue;
      const found = `${path}:${line}`;
      const given = words.slice(start + 1);
      const files = given.flatMap((word, index) =>
        /^(?:-r|--requirement)$/.test(given[index - 1] ?? "") ? [normalize(word)] : []
      );
      const [file] = files.filter((one) => repository.has(one) && !OF_OTHERS.test(one));
      if (file !== undefined) preferFile(draft, file, found);
      const packages = given.filter((word, index) =>
        !/^(?:-r|--requirement)$/.test(word) && !/^(?:-r|--requirement)$/.test(given[index - 1] ?? "")
      );
      if (packages.some((word) => /^(?:-e|--editable)$/.test(word) || /^\.(?:\[|$)/.test(word))) {
        const own = packages.find((word) => /^\.(?:\[|\/?$)/.test(word));
        if (own !== undefined) {
          draft.install = draft.install.filter(({ value }) => !value.includes("-e"));
          draft.install.unshift({ value: ["-e", own], found, certainty: "stated" });
        }
      } else if (
        packages.length > 0 && packages.every((word) => /^[A-Za-z0-9]/.test(word) && !word.includes("/"))
      ) {
        const others = packages.filter((word) =>
          !/^(?:pip|setuptools|wheel|uv|poetry|virtualenv|jupyter|notebook|jupyterlab)$/.test(word)
        );
        // What the repository itself is called is on an index, too, and is not this state of it.
        const isOwn = others.every((word) => word.toLowerCase() === draft.name?.value);
        if (others.length > 0 && !isOwn) draft.install.push({ value: others, found, certainty: "stated" });
      }
    }
  },
};

/** What people are told to install goes before other specifications, though not before locks. */
function preferFile(draft: Parameters<Kind["look"]>[1], file: string, found: string) {
  const index = draft.requirements.findIndex(({ value }) => value[0] === file);
  const isLocked = /lock/.test(draft.requirements[0]?.value[0] ?? "");
  if (index >= 0) draft.requirements.splice(index, 1);
  draft.requirements.splice(isLocked ? 1 : 0, 0, { value: [file], found, certainty: "stated" });
}
