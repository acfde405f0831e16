import assert from "node:assert/strict";
import { join } from "node:path";
import { idsOf, lastLine } from "../../tasks/lib/container/client.ts";

const OUTPUTS = join(import.meta.dirname!, "../fixtures/doctor/outputs");

Deno.test("idsOf() tells by the security options whether Docker is rootless or remaps ids, whatever its version", async (t) => {
  const cases: Record<string, ReturnType<typeof idsOf>> = {
    "docker_info_20_remapped.json": { rootless: false, remapped: true },
    "docker_info_20_rootless.json": { rootless: true, remapped: false },
    "docker_info_27_rootless.json": { rootless: true, remapped: false },
    "docker_info_28.json": { rootless: false, remapped: false },
    "docker_info_no_engine.json": { rootless: false, remapped: false },
  };
  for (const [file, expected] of Object.entries(cases)) {
    await t.step(file, async () => {
      assert.deepEqual(idsOf(JSON.parse(await Deno.readTextFile(join(OUTPUTS, file)))), expected);
    });
  }
});

Deno.test("lastLine() is what a client says, without colours and the hint at its help", () => {
  const mount = 'docker: Error response from daemon: invalid mount config for type "bind": no such path';
  for (
    const text of [
      `${mount}\n\nRun 'docker run --help' for more information\n`,
      `${mount}.\nSee 'docker run --help'.\n`,
      `\x1b[31m${mount}\x1b[0m\n`,
    ]
  ) assert.equal(lastLine(text).replace(/\.$/, ""), mount);
  assert.equal(lastLine("docker: bad flag. See 'docker run --help'."), "docker: bad flag");
  assert.equal(lastLine(""), "");
});
