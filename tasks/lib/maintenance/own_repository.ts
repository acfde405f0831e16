/** Tasks for who works on the task runner are not offered in anybody's project. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { ROOT } from "../system/product.ts";
import { callerFolder, findProject, isFile, isOwnRepository } from "../system/project_root.ts";

/**
 * Lets a task go on in the task runner's own repository alone; a package has no such, and no tests.
 *
 * @throws Failure(2) in a project of somebody's
 */
export async function onlyInOwnRepository(task: string): Promise<void> {
  if (await isOwnRepository()) return;
  const project = await findProject(callerFolder()) ?? ROOT;
  const isOwn = await isFile(join(ROOT, "test/house_test.ts"));
  throw new Failure(2, `"deno task ${task}" is for who works on the task runner itself, not for ${project}`, {
    remedy: isOwn ? `cd ${ROOT}` : "Run it in a clone of the task runner's repository",
  });
}
