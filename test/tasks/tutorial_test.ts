/**
 * The tutorial, as written: its blocks that begin with "```console run" are run in one shell, in order, and each command
 * prints what stands below it. `…` is any part of a line, and on a line of its own any lines.
 */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fences, readPages } from "../support/pages.ts";
import { ended, ROOT } from "../support/project.ts";

interface Command {
  line: number;
  text: string;
  /** What it is to print. */
  wanted: string[];
}

/** `$ ` begins a command, `> ` goes on with it. */
function commandsIn(text: string, first: number): Command[] {
  const commands: Command[] = [];
  for (const [index, line] of text.replace(/\n$/, "").split("\n").entries()) {
    if (line.startsWith("$ ")) commands.push({ line: first + index + 1, text: line.slice(2), wanted: [] });
    else if (/^>(?: |$)/.test(line)) commands.at(-1)!.text += `\n${line.slice(2)}`;
    else commands.at(-1)!.wanted.push(line);
  }
  return commands;
}

/** What stands for the package: the same tasks, of this repository. */
const PROGRAM = `#!/bin/sh
export INIT_CWD="$PWD" EXPERIMENT_PROGRAM=gpu-jupyter-tasks
exec deno task --quiet --config '${join(ROOT, "deno.json")}' "$@"
`;

async function run(commands: Command[]): Promise<string[]> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "tutorial-" }));
  try {
    const bin = join(folder, ".bin");
    await Deno.mkdir(bin);
    await Deno.writeTextFile(join(bin, "gpu-jupyter-tasks"), PROGRAM, { mode: 0o755 });
    const mark = crypto.randomUUID();
    const script = commands.map(({ text }) => `${text}\necho ${mark}\n`).join("");
    const { stdout, stderr } = await ended(
      new Deno.Command("bash", {
        args: ["-c", script],
        cwd: folder,
        env: {
          NO_COLOR: "1",
          DENO_NO_UPDATE_CHECK: "1",
          PATH: `${bin}:${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
        },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    const parts = stdout.split(`${mark}\n`);
    assert.equal(parts.length, commands.length + 1, stdout + stderr);
    return parts.slice(0, -1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function isAsWanted(wanted: string[], printed: string): boolean {
  const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const lines = wanted.map((line) =>
    line === "…" ? "(?:.*\\n)*?" : `${line.split("…").map(escaped).join(".*")}\\s*?\\n`
  );
  return new RegExp(`^${lines.join("")}$`).test(printed);
}

Deno.test("the commands of docs/tutorial.md print what it says", async (t) => {
  const page = (await readPages()).find(({ path }) => path === "docs/tutorial.md")!;
  const blocks = fences(page.text).filter(({ kind }) => kind === "console run");
  const commands = blocks.flatMap(({ text, line }) => commandsIn(text, line));
  assert.ok(commands.length > 10);
  const printed = await run(commands);
  for (const [index, { line, text, wanted }] of commands.entries()) {
    await t.step(`line ${line}: ${text.split("\n")[0]}`, () => {
      if (wanted.length === 0 || isAsWanted(wanted, printed[index]!)) return;
      assert.equal(printed[index], `${wanted.join("\n")}\n`);
    });
  }
});
