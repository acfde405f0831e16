/** A copy of this project, to build images of and to run commands in. */

import assert from "node:assert/strict";
import { stageContext } from "../../tasks/lib/image/build_context.ts";
import { Project, ROOT } from "./project.ts";

/** The tracked files of this project as a repository of their own; it is removed when the tests end. */
export async function copyOfThisProject(): Promise<Project> {
  const copy = await Project.make({});
  addEventListener("unload", () => Deno.removeSync(copy.root, { recursive: true }));
  await stageContext({ root: ROOT, folder: copy.root, required: [] });
  await git(copy, "init", "-q");
  await git(copy, "add", "-A");
  await git(copy, "commit", "-qm", "all");
  return copy;
}

export async function git(copy: Project, ...args: string[]) {
  const argv = ["-C", copy.root, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args];
  const { success, stderr } = await new Deno.Command("git", { args: argv }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
