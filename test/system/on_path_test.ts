import assert from "node:assert/strict";
import { join } from "node:path";
import { findOnPath } from "../../tasks/lib/system/on_path.ts";

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
