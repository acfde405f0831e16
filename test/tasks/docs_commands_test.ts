/**
 * The commands of the pages, as written: each block that begins with "```sh run" is run in a copy of this project. Its
 * lines must be tasks that change nothing outside the project and end soon.
 */

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { copyOfThisProject } from "../support/copy.ts";
import { fences, readPages } from "../support/pages.ts";
import { ended } from "../support/project.ts";

const MAY_RUN =
  /^(?:deno|npx -y deno@[\d.]+) task (?:reproduce|train|infer|step|notebook|verify|report|compare|doctor|data)\b[^;&|<>$`]*$/;

const blocks = (await readPages()).flatMap(({ path, text }) =>
  fences(text).filter(({ kind }) => kind === "sh run").map((fence) => ({ path, ...fence }))
);

Deno.test("a block that is to be run has nothing but tasks that may be", () => {
  assert.ok(blocks.length > 0);
  for (const { path, line, text } of blocks) {
    for (const command of text.trim().split("\n")) assert.match(command, MAY_RUN, `${path}:${line}`);
  }
});

for (const { path, line, text } of blocks) {
  Deno.test(`the commands of ${path}:${line} do what they say`, async () => {
    const copy = await copyOfThisProject();
    const { code, stdout, stderr } = await ended(
      new Deno.Command("bash", {
        args: ["-ec", text],
        cwd: copy.root,
        env: {
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
