/**
 * The commands of the pages, as written: each block that begins with "```sh run" is run in a copy of this project. Its
 * lines must be tasks that change nothing outside the project and end soon.
 */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { exists } from "../../tasks/lib/system/files.ts";
import { copyOfThisProject } from "../support/copy.ts";
import { fences, readPages } from "../support/pages.ts";
import { ended, ROOT } from "../support/project.ts";

const MAY_RUN =
  /^(?:deno|npx -y deno@[\d.]+) task (?:reproduce|train|infer|step|notebook|verify|report|compare|doctor|data)\b[^;&|<>$`]*$/;

const pages = await readPages();

/** As the pages write it where Deno is not installed. */
const NPX = `npx -y deno@${Deno.version.deno} `;

const npxMissing = await (async () => {
  try {
    const [program, ...args] = NPX.trim().split(" ");
    const { success } = await new Deno.Command(program!, { args: [...args, "--version"], stderr: "null" })
      .output();
    return success ? undefined : `npx can't get Deno ${Deno.version.deno}`;
  } catch {
    return "npx is not here";
  }
})();

if (npxMissing !== undefined) console.log(`ignored: the commands that npx starts, since ${npxMissing}`);

/** The environment of this checkout serves its copies. */
const shared = join(ROOT, ".venv");

const environment: Record<string, string> = await exists(join(shared, "environment.json"))
  ? { VENV_DIR: shared }
  : {};

const blocks = pages.flatMap(({ path, text }) =>
  fences(text).filter(({ kind }) => kind === "sh run").map((fence) => ({ path, ...fence }))
);

Deno.test("a block that is to be run has nothing but tasks that may be", () => {
  assert.ok(blocks.length > 0);
  for (const { path, line, text } of blocks) {
    for (const command of text.trim().split("\n")) assert.match(command, MAY_RUN, `${path}:${line}`);
  }
});

Deno.test("the README begins with the two commands that CI runs on a clean clone", async () => {
  const { text } = pages.find(({ path }) => path === "README.md")!;
  const commands = fences(text).slice(0, 2).map((fence) => fence.text.trim());
  assert.deepEqual(commands, [`${NPX}task reproduce`, `${NPX}task test`]);
  const ci = (await Deno.readTextFile(join(ROOT, ".ci/run"))).split("\n");
  assert.ok(ci.includes(`deno() { ${NPX}"$@"; }`));
  for (const command of commands) {
    const line = command.replace(NPX, "deno ");
    assert.ok(ci.some((one) => one === line || one.startsWith(`${line} |`)), line);
  }
});

for (const { path, line, text } of blocks) {
  const ignore = npxMissing !== undefined && text.includes("npx ");
  Deno.test(`the commands of ${path}:${line} do what they say`, { ignore }, async () => {
    const copy = await copyOfThisProject();
    const { code, stdout, stderr } = await ended(
      new Deno.Command("bash", {
        args: ["-ec", text],
        cwd: copy.root,
        env: {
          ...environment,
          NO_COLOR: "1",
          INIT_CWD: copy.root,
          PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
        },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    assert.equal(code, 0, stdout + stderr);
  });
}
