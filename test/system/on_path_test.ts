import assert from "node:assert/strict";
import { join } from "node:path";
import { findOnPath, isExecutable } from "../../tasks/lib/system/on_path.ts";
import { call, otherUser } from "../support/users.ts";

Deno.test("findOnPath() takes the first regular file that may be executed, also by a link", async () => {
  const folder = await Deno.makeTempDir();
  const path = Deno.env.get("PATH")!;
  const place = async (name: string) => {
    await Deno.mkdir(join(folder, name));
    return join(folder, name, "tool");
  };
  try {
    await Deno.mkdir(await place("a-folder"));
    await Deno.writeTextFile(await place("not-executable"), "#!/bin/sh\n", { mode: 0o644 });
    await Deno.symlink("/nowhere", await place("dangling"));
    await Deno.symlink("/bin/sh", await place("link"));
    await Deno.writeTextFile(await place("executable"), "#!/bin/sh\n", { mode: 0o755 });
    const all = ["missing", "a-folder", "not-executable", "dangling", "link", "executable"];
    const find = (names: string[]) => {
      Deno.env.set("PATH", names.map((name) => join(folder, name)).join(":"));
      return findOnPath("tool");
    };
    assert.equal(find(all), join(folder, "link", "tool"));
    assert.equal(find(all.slice(0, 4)), undefined);
    assert.equal(find(["", "executable"]), join(folder, "executable", "tool"));
    Deno.env.set("PATH", "");
    assert.equal(findOnPath("tool"), undefined);
  } finally {
    Deno.env.set("PATH", path);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "what its owner alone may execute is no program of another user",
  ignore: Deno.uid() !== 0,
  async fn() {
    const user = await otherUser([]);
    const folder = await Deno.makeTempDir();
    try {
      await Deno.chmod(folder, 0o777);
      const path = join(folder, "program");
      await Deno.writeTextFile(path, "#!/bin/sh\n", { mode: 0o755 });
      await Deno.chmod(path, 0o744);
      const module = new URL("../../tasks/lib/system/on_path.ts", import.meta.url);
      await Deno.copyFile(module, join(folder, "on_path.ts"));
      await Deno.copyFile(new URL("node.ts", module), join(folder, "node.ts"));
      const ask = `console.log((await import("file://${folder}/on_path.ts")).isExecutable("${path}"))`;
      const { stdout, stderr } = await call(user.as([Deno.execPath(), "eval", "--no-config", ask]), {
        ...user.env,
        DENO_DIR: join(folder, "deno"),
      });
      assert.equal(stdout.trim(), "false", stderr);
      assert.equal(isExecutable(path), true);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
