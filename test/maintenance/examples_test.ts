/** The examples in the doc comments of `tasks/lib`: each that asserts something is run as it is written. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ended, ROOT } from "../support/project.ts";

const ASSERTS = /^ \* import assert from "node:assert\/strict";$/m;

async function filesWithExamples(folder: string): Promise<string[]> {
  const found = await Promise.all((await Array.fromAsync(Deno.readDir(folder))).map(async (entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return await filesWithExamples(path);
    return path.endsWith(".ts") && ASSERTS.test(await Deno.readTextFile(path)) ? [path] : [];
  }));
  return found.flat();
}

Deno.test("the examples in doc comments are true", async () => {
  const files = await filesWithExamples(join(ROOT, "tasks/lib"));
  assert.ok(files.length >= 10, files.join(" "));
  const { code, stdout, stderr } = await ended(
    new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "--doc",
        "--no-check",
        "--no-prompt",
        "--quiet",
        "--allow-read",
        "--allow-env",
        ...files,
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  assert.equal(code, 0, stdout + stderr);
  assert.ok(Number(/(\d+) passed/.exec(stdout)?.[1]) >= files.length, stdout);
});
