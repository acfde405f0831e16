/** The repositories of the tests, each in a copy that git keeps. */

import { join } from "node:path";
import { copyTree } from "../../tasks/lib/system/files.ts";
import { git, Project, ROOT } from "./project.ts";

export const REPOSITORIES = join(ROOT, "test", "fixtures", "repositories");

/** A copy of one, committed as its authors published it. */
export async function copyOf(name: string): Promise<Project> {
  const project = await Project.make({});
  for await (const entry of Deno.readDir(join(REPOSITORIES, name))) {
    await copyTree(join(REPOSITORIES, name, entry.name), project.path(entry.name));
  }
  await git(project, "init", "-q");
  await git(project, "add", "-A");
  await git(project, "commit", "-qm", "as published");
  return project;
}
