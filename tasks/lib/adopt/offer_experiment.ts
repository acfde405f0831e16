/** `deno task reproduce` where there is no experiment.yaml: what `deno task new` would write, and the offer to do so. */

import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { NoExperiment } from "../experiment/no_experiment.ts";
import { callerFolder, findProject } from "../system/project_root.ts";
import { prepareOffer, showOffer, writeOffer } from "./new_task.ts";

/**
 * Shows it, asks, and writes it.
 *
 * @param missing thrown again where nothing can be proposed
 * @throws Failure(2) where nobody can be asked, Failure(130) for a no
 */
export async function offerExperiment(missing: NoExperiment, terminal: Terminal): Promise<void> {
  const root = await Deno.realPath(await findProject(callerFolder()) ?? callerFolder());
  const offer = await prepareOffer(root, {}).catch((error) => {
    throw error instanceof Failure && error.exitCode === 2 ? missing : error;
  });
  terminal.note("There is no experiment.yaml yet. This is what deno task new would write:");
  terminal.note("");
  showOffer(offer, terminal);
  if (terminal.json || !Deno.stdin.isTerminal()) {
    throw new Failure(2, missing.message, { remedy: "deno task new --yes writes what is shown above" });
  }
  terminal.line();
  if (!confirm("Write this, and run it?")) throw new Failure(130, "Nothing was written");
  await writeOffer(offer, terminal);
}
