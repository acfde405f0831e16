/** What messages and help texts tell people to type is there: the tasks, and their options. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../support/project.ts";

/** Programs whose options are their own, by the words that come before these in a text. */
const OTHERS =
  /\b([Dd]ocker|podman|nerdctl|apptainer exec|apptainer --version|uv|pip|wsl|apt|apt-get|dnf|nvidia-ctk|usermod|sbatch|SBATCH|squeue|sky|setpriv|tar|git|deno run|systemd-run|nvidia-smi|sysctl|snakemake|conda)\b/;

/** Texts of other kinds: examples of a step's own command, arguments of programs, styles. */
const FOREIGN = /\{out\}|shellQuote|^--[a-z]+=|var\(--|--volume/;

/** Options that the driver takes from the task alone, and its messages may name to whoever starts it by hand. */
const DRIVER_ONLY = ["out", "parameters"];

async function* filesBelow(folder: string, ending: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesBelow(join(folder, name), ending);
    else if (name.endsWith(ending)) yield join(folder, name);
  }
}

/** The options of every task, from its own help. */
async function tasksWithOptions(): Promise<Map<string, Set<string>>> {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const found = Object.entries(tasks as Record<string, { command?: string }>).map(
    async ([name, { command }]) => {
      const file = command?.match(/tasks\/\w+\.ts/)?.[0];
      if (file === undefined) return [name, new Set<string>()] as const;
      const args = ["run", "-A", "--quiet", "--no-check", file, "--help"];
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "null" }).output();
      return [name, new Set(optionsIn(new TextDecoder().decode(stdout)))] as const;
    },
  );
  return new Map(await Promise.all(found));
}

function optionsIn(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])--([a-z][a-z-]+)/g)].map(([, name]) => name!);
}

/** Texts in quotes that a person may read: those with a blank. */
function proseOf(source: string): string[] {
  const code = source.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, "");
  return [...code.matchAll(/(["'`])((?:(?!\1)[^\\\n]|\\.)*)\1/g)].map(([, , text]) => text!)
    .filter((text) => text.includes(" ") && !FOREIGN.test(text));
}

Deno.test("every task and option that a text of the tasks names is there", async () => {
  const tasks = await tasksWithOptions();
  const { parameters } = parse(await Deno.readTextFile(join(ROOT, "experiment.yaml")));
  const declared = Object.keys(parameters);
  const all = new Set([...tasks.values()].flatMap((options) => [...options]));
  const wrong: string[] = [];
  let checked = 0;
  for await (const file of filesBelow(join(ROOT, "tasks"), ".ts")) {
    if (file.includes("/maintenance/machine/")) continue; // commands of a shell
    for (const text of proseOf(await Deno.readTextFile(file))) {
      const [before = "", ...commands] = text.split(/\bdeno task (?=[a-z])/);
      if (!OTHERS.test(before)) {
        for (const option of optionsIn(before)) {
          checked++;
          if (!all.has(option) && !declared.includes(option)) wrong.push(`${file}: --${option} in "${text}"`);
        }
      }
      for (const command of commands) {
        const [, name = "", rest = ""] = command.match(/^([a-z-]+)(.*)$/s) ?? [];
        const options = tasks.get(name);
        if (options === undefined) wrong.push(`${file}: deno task ${name} in "${text}"`);
        const own = rest.split(" -- ")[0]!.split(/[;,]|\. | or /)[0]!;
        for (const option of options === undefined || OTHERS.test(own) ? [] : optionsIn(own)) {
          checked++;
          if (!options!.has(option) && !declared.includes(option)) {
            wrong.push(`${file}: deno task ${name} --${option} in "${text}"`);
          }
        }
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(checked > 100, `only ${checked} were found`);
});

Deno.test("every option that the notebook driver's messages name is an option of deno task notebook", async () => {
  const options = (await tasksWithOptions()).get("notebook")!;
  for await (const file of filesBelow(join(ROOT, "tasks/inside/notebook"), ".py")) {
    const text = await Deno.readTextFile(file);
    const messages = text.replaceAll(/"""[\s\S]*?"""|^\s*#.*$/gm, "");
    const named = proseOf(messages).filter((one) => !one.startsWith("--")).flatMap(optionsIn);
    const missing = named.filter((name) => !options.has(name) && !DRIVER_ONLY.includes(name));
    assert.deepEqual(missing, [], file);
  }
});
