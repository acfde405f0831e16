/** The project's pages: their links lead somewhere, and their commands are ones that the tasks take. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { allTasks } from "../../tasks/generate.ts";
import { COMMON } from "../../tasks/lib/cli/help.ts";
import { type OptionTable, parse } from "../../tasks/lib/cli/options.ts";
import { exists } from "../../tasks/lib/system/files.ts";
import { anchors, brokenLinks, fences, links, readPages } from "../support/pages.ts";
import { ROOT } from "../support/project.ts";

Deno.test("every relative link of a page leads to a file, and to a heading that is there", async () => {
  const pages = await readPages();
  assert.ok(pages.some(({ path }) => path === "README.md"));
  const found = await Promise.all(
    pages.map((page) => brokenLinks(page, pages, (path) => exists(join(ROOT, path)))),
  );
  assert.deepEqual(found.flat(), []);
});

Deno.test("a broken link is found, in every form; code and addresses are none", async () => {
  const page = {
    path: "docs/a.md",
    text:
      '# A part\n\n[x](b.md) ![y](../c.png "z") [w](#a-part) [v](#gone)\n[u]: d.md#e\n<img src="f.svg">\n' +
      "`[code](g.md)` [web](https://example.org/h.md) [mail](mailto:a@example.org)\n```sh\n[block](i.md)\n```\n",
  };
  const there = ["docs/a.md", "docs/b.md"];
  assert.deepEqual(await brokenLinks(page, [page], (path) => Promise.resolve(there.includes(path))), [
    "docs/a.md:3: ../c.png is not there",
    "docs/a.md:3: docs/a.md has no heading #gone",
    "docs/a.md:4: d.md#e is not there",
    "docs/a.md:5: f.svg is not there",
  ]);
  assert.equal(links(page.text).length, 6);
  assert.deepEqual([...anchors("# `deno task` & co.\n## Two\n## Two\n")], ["deno-task--co", "two", "two-1"]);
});

Deno.test("the commands in the pages are tasks with options that they take", async () => {
  const tasks = new Map(
    (await allTasks()).flatMap(({ name, alias, ...task }) =>
      [name, alias ?? name].map((called) => [called, { name, ...task }])
    ),
  );
  const problems: string[] = [];
  let checked = 0;
  for (const { path, text } of await readPages()) {
    if (path === "CHANGELOG.md") continue; // which tells what was
    for (const command of commandsOf(text)) {
      const [name, ...words] = command;
      const task = tasks.get(name!);
      checked++;
      try {
        if (task === undefined) throw new Error("there is no such task");
        parse({ ...task, options: { ...task.options as OptionTable, ...COMMON } }, words);
      } catch (error) {
        problems.push(`${path}: deno task ${command.join(" ")}: ${(error as Error).message}`);
      }
    }
  }
  assert.ok(checked > 20, `only ${checked} commands were found`);
  assert.deepEqual(problems, []);
});

const architecture = await Deno.readTextFile(join(ROOT, "docs/architecture.md"));

Deno.test("the architecture tells why each entry of the root is there", async () => {
  const { stdout } = await new Deno.Command("git", { args: ["-C", ROOT, "ls-files"] }).output();
  const entries = new Set(
    new TextDecoder().decode(stdout).trim().split("\n").map((path) => path.split("/")[0]!),
  );
  const [, part] = /## The root\n([^]*?)\n## /.exec(architecture)!;
  const told = [...part!.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, names]) =>
    [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
  );
  assert.deepEqual(told.sort(), [...entries].sort());
});

Deno.test("the files that the architecture names are there", async () => {
  const named = [...architecture.matchAll(/`([\w.-]+\/[\w./-]*)`/g)].map(([, path]) => path!).filter((path) =>
    !/^(?:\.set-aside|\.experiment|bench|out)\//.test(path) && !path.includes("<")
  );
  assert.ok(named.length > 25);
  const missing = [];
  for (const path of named) {
    const places = [path, join("tasks/lib", path), join("tasks", path)];
    const found = await Promise.all(places.map((place) => exists(join(ROOT, place))));
    if (!found.includes(true)) missing.push(path);
  }
  assert.deepEqual(missing, []);
});

/** The words behind `deno task`, of blocks for a shell and of code within the text. */
function commandsOf(text: string): string[][] {
  const blocks = fences(text).filter(({ kind }) => kind.startsWith("sh")).flatMap(({ text }) =>
    text.split("\n")
  );
  const inline = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
  return [...blocks, ...inline]
    .map((line) => /(?:^|\bpx |deno@\S+ |&& )\s*(?:deno )?task ([a-z][^#|;&>]*)/.exec(line)?.[1])
    .filter((command) => command !== undefined)
    .map((command) =>
      (command.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^['"]|['"]$/g, ""))
    );
}
