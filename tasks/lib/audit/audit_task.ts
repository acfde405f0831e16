/** `deno task audit`: looks for what will keep a result from being reproduced. */

import { resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import { callerFolder, findProject } from "../system/project_root.ts";
import { audit, countOfSerious } from "./audit.ts";
import { fixPlan, renderPlan } from "./fix_plan.ts";
import { render } from "./show.ts";

/**
 * Audits a folder, or the project that the user stands in.
 *
 * @returns exit code 1 if there are errors or warnings; notes are no reason to fail
 * @throws Failure(2) if the folder is not there, or this user may not read it
 */
export async function auditTask(
  [folder]: string[],
  options: { "fix-plan": boolean },
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const root = folder === undefined
    ? await findProject(callerFolder()) ?? callerFolder()
    : resolve(callerFolder(), folder);
  await checkFolder(root);
  const found = await audit(root);
  const plan = fixPlan(found.findings);
  const lines = options["fix-plan"]
    ? renderPlan(plan, terminal.width)
    : render(found, terminal.width, (...text) => terminal.paint(...text));
  lines.forEach((line) => terminal.line(line));
  return {
    exitCode: countOfSerious(found) > 0 ? 1 : 0,
    result: options["fix-plan"] ? { root, plan } : { root, ...found },
  };
}

async function checkFolder(root: string) {
  try {
    const info = await Deno.stat(root);
    if (!info.isDirectory) throw new Failure(2, `Cannot audit ${root}: it is not a folder`);
    for await (const _ of Deno.readDir(root)) break;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Failure(2, `Cannot audit ${root}: it is not there`);
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Failure(2, `Cannot audit ${root}: this user may not read it`, {
        remedy: "Give this user the right to read it, or name another folder: deno task audit FOLDER",
      });
    }
    throw error;
  }
}
