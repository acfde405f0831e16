/** What docs/containers.md says to those who have no Deno, as it is written there; in this image, and without a GPU. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { socketPath } from "../support/docker.ts";
import { otherUser, said } from "../support/engines.ts";
import { findImage, freePort, typeInTerminal } from "../support/jupyter.ts";
import { ROOT, until } from "../support/project.ts";

const page = await Deno.readTextFile(join(ROOT, "docs/containers.md"));

const start = /^docker run .*gpu-jupyter:\S+$/m.exec(page)?.[0];

const inside = /^cd ~\/work && pip install -r .*$/m.exec(page)?.[0];

assert.ok(start && inside, "docs/containers.md has no line that starts JupyterLab, or none for its terminal");

const found = await findImage();

const reason = "missing" in found ? found.missing : undefined;

if (reason !== undefined) console.log(`ignored: the test of the plain docker run line, since ${reason}`);

Deno.test({
  name: "the page's docker run line starts JupyterLab, and its terminal line installs and predicts",
  ignore: reason !== undefined,
  fn: async () => {
    const { gid } = await Deno.stat(socketPath());
    const user = await otherUser(gid === null ? [] : [gid]);
    const folder = user.env.PROJECT!;
    const port = freePort();
    const line = start.replace("--gpus all ", "").replace(":8888:", `:${port}:`)
      .replace(/\S*gpu-jupyter:\S+$/, (found as { image: string }).image);
    // It wants a terminal, which `script` gives it.
    const [program, ...args] = user.as(["script", "--quiet", "--command", line, "/dev/null"]);
    const options = {
      args,
      cwd: folder,
      env: { HOME: user.env.HOME! },
      stdin: "piped",
      stdout: "piped",
    } as const;
    const child = new Deno.Command(program!, options).spawn();
    let printed = "";
    const reading = (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) printed += text;
    })();
    try {
      await until("the address is printed", () => /\/lab\?token=[0-9a-f]{48}/.test(printed), 60);
      const token = /token=([0-9a-f]{48})/.exec(printed)![1]!;
      const shown = await typeInTerminal(port, token, `${inside}; echo ended with $?`, /ended with \d/);
      assert.match(shown, /Accuracy 99\.44 %[\s\S]*ended with 0/);
      const { uid, gid } = await Deno.stat(join(folder, "predictions/metrics.json"));
      assert.deepEqual([uid, gid], [user.uid, user.gid]);
    } finally {
      const ids = await said(["docker", "ps", "--quiet", "--filter", `publish=${port}`]);
      if (ids !== "") await said(["docker", "rm", "--force", ...ids.split("\n")]);
      await child.stdin.close();
      await Promise.all([child.status, reading]);
    }
  },
});
