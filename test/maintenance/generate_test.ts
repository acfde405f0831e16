/** What `deno task generate` writes, above all what each task may do. */

import assert from "node:assert/strict";
import { FEW_COLLECTIONS, SMALL_MEMORY } from "../../tasks/lib/cli/options.ts";
import { join } from "node:path";
import { generatedFiles } from "../../tasks/generate.ts";
import { withTasks } from "../../tasks/lib/maintenance/task_table.ts";
import { ended, ROOT } from "../support/project.ts";

interface DenoJson {
  tasks: Record<string, { description: string; command: string }>;
  permissions: Record<string, Record<string, true | string[]>>;
}

const { tasks, permissions }: DenoJson = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));

Deno.test("the generated files are what they are made from", async () => {
  for (const [path, text] of Object.entries(await generatedFiles())) {
    assert.equal(await Deno.readTextFile(join(ROOT, path)), text, `${path}: deno task generate writes it`);
  }
});

Deno.test("each file of tasks/ is a task, by its name or as an alias", async () => {
  const files = (await Array.fromAsync(Deno.readDir(join(ROOT, "tasks"))))
    .filter(({ name }) => name.endsWith(".ts")).map(({ name }) => `tasks/${name}`);
  const started = Object.values(tasks).map(({ command }) => command.split(" ").at(-1)!);
  assert.deepEqual([...new Set(started)].sort(), files.sort());
});

Deno.test("a task may do no more than what it is for", async (t) => {
  /** What only these tasks may do; every task may read files and environment variables. */
  const allowed: Record<string, string[]> = {
    "net": ["data"],
    "net=127.0.0.1": ["jupyter", "run", "status"],
    "net=127.0.0.1:8888": ["doctor"],
    "write": [
      ...[
        "reproduce",
        "new",
        "train",
        "infer",
        "notebook",
        "step",
        "sweep",
        "receipt",
        "report",
        "compare",
        "claim",
        "data",
        "build",
      ],
      ...[
        "jupyter",
        "run",
        "stop",
        "status",
        "logs",
        "shell",
        "publish",
        "clean",
        "fix-permissions",
        "lock",
        "gpu",
        "machine",
        "test",
        "ok",
        "package",
      ],
    ],
    "write=.": ["generate"],
    "run": [
      ...[
        "reproduce",
        "new",
        "train",
        "infer",
        "notebook",
        "step",
        "sweep",
        "verify",
        "receipt",
        "data",
        "audit",
        "build",
        "doctor",
      ],
      ...["jupyter", "run", "stop", "status", "logs", "shell", "publish", "fix-permissions"],
      ...["lock", "gpu", "machine", "test", "ok", "generate", "package"],
    ],
    "run=xdg-open,open": ["report"],
  };
  const holders = (right: string) => Object.keys(tasks).filter((name) => rights(name).includes(right)).sort();
  for (const [right, names] of Object.entries(allowed)) {
    await t.step(right, () => assert.deepEqual(holders(right), names.sort()));
  }
  const others = Object.keys(tasks).flatMap(rights).filter((right) => !(right in allowed));
  const system = "sys=hostname,osRelease,cpus,systemMemoryInfo,uid,gid";
  assert.deepEqual([...new Set(others)].sort(), ["env", "read", "sys=hostname", system]);
});

Deno.test("Deno gives a task the rights of its set, and its flags beside them", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const kinds = ["read", "write", "env", "net", "run", "ffi", "import"];
    await Deno.writeTextFile(
      file,
      `console.log(${JSON.stringify(kinds)}.filter((name) => ` +
        `Deno.permissions.querySync({ name }).state === "granted").join(" "));`,
    );
    const cases = {
      help: "read env",
      verify: "read env run",
      claim: "read write env",
      data: "read write env net run",
    };
    for (const [name, expected] of Object.entries(cases)) {
      const words = tasks[name]!.command.split(" ").slice(1, -1);
      const args = [...words, "--config", join(ROOT, "deno.json"), file];
      const command = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "piped" });
      const { code, stdout, stderr } = await ended(command.spawn());
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${expected}\n`, stderr: "" }, name);
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("tasks for maintainers are listed last and say so", () => {
  const own = Object.entries(tasks).map(([, { description }]) => description.startsWith("For maintainers: "));
  assert.deepEqual(own, [...own].sort((a, b) => Number(a) - Number(b)));
  assert.ok(own.some((is) => is) && own.some((is) => !is));
});

Deno.test("withTasks() lists a task and its alias and the version, and leaves the rest of deno.json as it is", () => {
  const bake = {
    name: "bake-cake",
    description: "Bake",
    permissions: ["write", "--allow-run=oven"],
    alias: "cake",
  };
  const text = withTasks('{"imports": {"a": "npm:a@1"}, "tasks": {"old": "x"}}', [
    { name: "ok", description: "Check all", permissions: ["run"], maintainers: true },
    bake as Parameters<typeof withTasks>[1][number],
  ], "1.2.3");
  const { tasks, permissions: _, ...rest } = JSON.parse(text);
  assert.deepEqual(rest, { version: "1.2.3", imports: { a: "npm:a@1" } });
  const command =
    "deno run --no-prompt --quiet -P=write --v8-flags=--min-semi-space-size=16 --allow-run=oven tasks/bake_cake.ts";
  assert.deepEqual(Object.entries(tasks), [
    ["bake-cake", { description: "Bake", command }],
    ["cake", { description: "The same as bake-cake", command }],
    ["ok", {
      description: "For maintainers: check all",
      command: "deno run --no-prompt --quiet -P=run --v8-flags=--min-semi-space-size=16 tasks/ok.ts",
    }],
  ]);
});

/** What a task may do, as its set and its flags say, e.g. `read` or `net=127.0.0.1`. */
function rights(name: string): string[] {
  const words = tasks[name]!.command.split(" ");
  assert.deepEqual(words.slice(0, 4), ["deno", "run", "--no-prompt", "--quiet"]);
  const set = permissions[words[4]!.replace("-P=", "")]!;
  const named = Object.entries(set).map(([kind, what]) => what === true ? kind : `${kind}=${what.join(",")}`);
  const flags = words.slice(5, -1).filter((flag) => flag !== SMALL_MEMORY && flag !== FEW_COLLECTIONS);
  return [...named, ...flags.map((flag) => flag.replace("--allow-", ""))];
}
