/** The rule of the house: an import goes to a room on a lower floor, and no files of a room import in a circle. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";

const ROOT = new URL("../", import.meta.url);

/** The text of each source file by its path from the root, e.g. `tasks/lib/cli/main.ts`. */
type Sources = Map<string, string>;

/** The floor of each room by its name; `tasks` are the files of the folder itself. */
type Floors = Map<string, number>;

Deno.test("every import of tasks/ goes to a lower floor, and none goes in a circle", async () => {
  const sources = await readSources("tasks/");
  assert.ok(sources.size > 200, `only ${sources.size} files were read`);
  assert.deepEqual(faults(sources, await readFloors()), []);
});

Deno.test("what only maintainers need is loaded by none of the users' tasks", async () => {
  const sources = await readSources("tasks/");
  const tasks = [...sources].filter(([file]) => roomOf(file) === "tasks");
  const users = tasks.filter(([, text]) => !text.includes("maintainers: true"));
  assert.ok(users.length > 20 && users.length < tasks.length);
  for (const [task] of users) {
    const loading = [...reachable(task, sources)].filter((file) => sources.get(file)!.includes('"dax"'));
    assert.deepEqual(loading, [], task);
  }
  assert.ok([...reachable("tasks/machine.ts", sources)].some((file) => sources.get(file)!.includes('"dax"')));
});

Deno.test("the YAML library is loaded in one place: by its bare name it comes as seventy files of CommonJS", async () => {
  const sources = await readSources("tasks/");
  const loading = [...sources].filter(([, text]) =>
    /^import (?!type).* from "yaml";|import\("yaml"\)/m.test(text)
  );
  assert.deepEqual(loading.map(([file]) => file).sort(), [
    "tasks/lib/values/yaml.ts",
    "tasks/lib/verifier/yaml.ts", // which is bundled
  ]);
});

Deno.test("an import that goes up is found, of whatever kind", async (t) => {
  const kinds: [name: string, line: string][] = [
    ["static", 'import { run } from "../run/a.ts";'],
    ["over several lines", 'import {\n  run,\n} from "../run/a.ts";'],
    ["for its effect", 'import "../run/a.ts";'],
    ["type-only", 'import type { Run } from "../run/a.ts";'],
    ["type in place", 'type Run = import("../run/a.ts").Run;'],
    ["re-export", 'export * from "../run/a.ts";'],
    ["dynamic", 'const { run } = await import("../run/a.ts");'],
    ["dynamic, over several lines", 'await import(\n  "../run/a.ts"\n);'],
    ["resolved", 'import.meta.resolve("../run/a.ts");'],
    ["worker", 'new Worker(new URL("../run/a.ts", import.meta.url), { type: "module" });'],
  ];
  const floors = new Map([["run", 9], ["cli", 1]]);
  for (const [name, line] of kinds) {
    await t.step(name, () => {
      const sources = new Map([["tasks/lib/cli/a.ts", `${line}\n`], ["tasks/lib/run/a.ts", ""]]);
      const [found, ...others] = faults(sources, floors);
      assert.match(found!, /^tasks\/lib\/cli\/a\.ts \(floor 1\) imports tasks\/lib\/run\/a\.ts \(floor 9\)/);
      assert.deepEqual(others, []);
    });
  }
});

Deno.test("an import of a task, or of another room on the same floor, is found", () => {
  const floors = new Map([["tasks", 10], ["run", 9], ["publish", 9]]);
  const sources = new Map([
    ["tasks/train.ts", 'import "./lib/run/a.ts";\nimport "./step.ts";'],
    ["tasks/step.ts", ""],
    ["tasks/lib/run/a.ts", 'import "../publish/a.ts";'],
    ["tasks/lib/publish/a.ts", 'import "../../train.ts";'],
  ]);
  assert.deepEqual(faults(sources, floors).map((fault) => fault.replace(/:.*/, "")), [
    "tasks/lib/run/a.ts (floor 9) imports tasks/lib/publish/a.ts (floor 9)",
    "tasks/lib/publish/a.ts (floor 9) imports tasks/train.ts (floor 10)",
  ]);
});

Deno.test("a circle in a room is found, also over a third file, and an import of oneself", () => {
  const floors = new Map([["data", 5]]);
  const circle = (lines: Record<string, string>) =>
    faults(
      new Map(Object.entries(lines).map(([file, line]) => [`tasks/lib/data/${file}`, line])),
      floors,
    );
  assert.deepEqual(circle({ "a.ts": 'import "./b.ts";', "b.ts": 'import type { A } from "./a.ts";' }), [
    "tasks/lib/data/b.ts imports tasks/lib/data/a.ts, which needs it: a circle",
  ]);
  const three = {
    "a.ts": 'import "./b.ts";',
    "b.ts": 'import "./tree/c.ts";',
    "tree/c.ts": 'import "../a.ts";',
  };
  assert.deepEqual(circle(three), [
    "tasks/lib/data/tree/c.ts imports tasks/lib/data/a.ts, which needs it: a circle",
  ]);
  assert.equal(circle({ "a.ts": 'import "./a.ts";' }).length, 1);
  assert.deepEqual(
    circle({ "a.ts": 'import "./b.ts";\nimport "./c.ts";', "b.ts": 'import "./c.ts";', "c.ts": "" }),
    [],
  );
});

Deno.test("a room without a floor, a missing file and an import that can't be read are found", () => {
  const floors = new Map([["cli", 1], ["gone", 2]]);
  const sources = new Map([
    ["tasks/lib/cli/a.ts", 'import "./b.ts";\nawait import(name);'],
    ["tasks/lib/attic/a.ts", ""],
  ]);
  assert.deepEqual(faults(sources, floors), [
    'docs/architecture.md names the room "gone", which holds no file',
    'tasks/lib/attic/a.ts is in a room that docs/architecture.md does not name: "attic"',
    "tasks/lib/cli/a.ts imports tasks/lib/cli/b.ts, which is not there",
    "tasks/lib/cli/a.ts imports what only its run can tell: import(name)",
  ]);
});

Deno.test("an import by the name of a file in a folder is one of all its files", () => {
  const sources = new Map([
    ["tasks/lib/engine/index.ts", "await import(`./engines/${name}.ts`);"],
    ["tasks/lib/engine/engines/host.ts", ""],
    ["tasks/lib/engine/engines/docker.ts", 'import "../index.ts";'],
  ]);
  assert.deepEqual(faults(sources, new Map([["engine", 7]])), [
    "tasks/lib/engine/engines/docker.ts imports tasks/lib/engine/index.ts, which needs it: a circle",
  ]);
});

Deno.test("what a comment says is no import", () => {
  const sources = new Map([
    ["tasks/lib/cli/a.ts", '/**\n * import "../run/a.ts";\n */\n// import "../run/a.ts";\n'],
    ["tasks/lib/run/a.ts", ""],
  ]);
  assert.deepEqual(faults(sources, new Map([["cli", 1], ["run", 9]])), []);
});

/** A file and all that it may load. */
function reachable(file: string, sources: Sources, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const target of importsOf(file, sources.get(file)!)) reachable(target, sources, found);
  return found;
}

/** What breaks the rule, each a sentence with the names of both files. */
function faults(sources: Sources, floors: Floors): string[] {
  const rooms = new Set([...sources.keys()].map(roomOf));
  const found = [...floors.keys()].filter((room) => !rooms.has(room))
    .map((room) => `docs/architecture.md names the room "${room}", which holds no file`);
  const unknown = [...sources.keys()].filter((file) => !floors.has(roomOf(file)));
  found.push(
    ...unknown.map((file) =>
      `${file} is in a room that docs/architecture.md does not name: "${roomOf(file)}"`
    ),
  );
  const imports = new Map([...sources].map(([file, text]) => [
    file,
    [...importsOf(file, text), ...importsByName(file, text, sources)],
  ]));
  const floor = (file: string) => floors.get(roomOf(file)) ?? Infinity;
  for (const [file, targets] of imports) {
    for (const target of targets) {
      if (!sources.has(target)) found.push(`${file} imports ${target}, which is not there`);
      else if (roomOf(target) !== roomOf(file) && floor(target) >= floor(file)) {
        found.push(
          `${file} (floor ${floor(file)}) imports ${target} (floor ${floor(target)}): ` +
            "move what both need to a lower room",
        );
      }
    }
    // A package's own file may be looked for; one of ours is named.
    const unread =
      /\bimport\(\s*(?!["\s]|`\.\/\w+\/\$\{\w+\}\.ts`|new URL\("[^"]*", import\.meta\.resolve\("\w)[^)]*\)/
        .exec(withoutComments(sources.get(file)!));
    if (unread) found.push(`${file} imports what only its run can tell: ${unread[0]}`);
  }
  return [...found, ...circles(imports)];
}

/** The import that closes each circle between files of one room; circles of rooms go up somewhere. */
function circles(imports: Map<string, string[]>): string[] {
  const found: string[] = [];
  const open = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string) => {
    open.add(file);
    for (const target of imports.get(file) ?? []) {
      if (roomOf(target) !== roomOf(file)) continue;
      if (open.has(target)) found.push(`${file} imports ${target}, which needs it: a circle`);
      else if (!done.has(target)) visit(target);
    }
    open.delete(file);
    done.add(file);
  };
  for (const file of imports.keys()) if (!done.has(file)) visit(file);
  return found;
}

/** `tasks/lib/cli/main.ts` is in the room `cli`, `tasks/train.ts` in `tasks`. */
function roomOf(file: string): string {
  return /^tasks\/lib\/([^/]+)\//.exec(file)?.[1] ?? "tasks";
}

/** The files that a file imports in any way, workers included, by their paths from the root. */
function importsOf(file: string, text: string): string[] {
  const imports = /(?:\bfrom|\bimport|\bimport\(|\bnew URL\(|\bimport\.meta\.resolve\()\s*"(\.[^"]*\.ts)"/g;
  const targets = [...withoutComments(text).matchAll(imports)].map(([, path]) => join(dirname(file), path!));
  return [...new Set(targets)];
}

/** The files of a folder beside a file that imports one of them by a name. */
function importsByName(file: string, text: string, sources: Sources): string[] {
  const folders = [...withoutComments(text).matchAll(/\bimport\(`(\.\/\w+\/)\$\{\w+\}\.ts`\)/g)];
  return folders.flatMap(([, folder]) => {
    const path = join(dirname(file), folder!);
    return [...sources.keys()].filter((other) => `${dirname(other)}/` === path);
  });
}

/** Of whole lines only: `//` may also stand in a string. */
function withoutComments(text: string): string {
  return text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
}

async function readSources(folder: string): Promise<Sources> {
  const sources: Sources = new Map();
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) {
      for (const [file, text] of await readSources(`${path}/`)) sources.set(file, text);
    } else if (path.endsWith(".ts")) sources.set(path, await Deno.readTextFile(new URL(path, ROOT)));
  }
  return sources;
}

async function readFloors(): Promise<Floors> {
  const page = await Deno.readTextFile(new URL("docs/architecture.md", ROOT));
  const rows = page.matchAll(/^\| `(\w+)` \| (\d+) \| \S.*\|$/gm);
  return new Map([...rows].map(([, room, floor]) => [room!, Number(floor)]));
}
