/** `deno task completions`: the script by which a shell completes this program's tasks and options. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { didYouMean } from "../cli/suggest.ts";
import type { Terminal } from "../cli/terminal.ts";
import { ROOT } from "../system/product.ts";

const SHELLS = ["bash", "zsh", "fish"];

/**
 * Prints the script for a shell.
 *
 * @throws Failure(2) for another shell
 */
export async function printCompletions(
  shell: string | undefined,
  terminal: Terminal,
): Promise<{ exitCode: 0; result: unknown }> {
  if (shell === undefined || !SHELLS.includes(shell)) {
    const given = shell === undefined ? "" : `, current value is "${shell}"${didYouMean(shell, SHELLS)}`;
    throw new Failure(2, `Cannot print completions: the shell must be "bash", "zsh" or "fish"${given}`);
  }
  const script = await Deno.readFile(join(ROOT, "tasks/lib/program", `completions.${shell}`));
  terminal.raw(script);
  return { exitCode: 0, result: { shell, script: new TextDecoder().decode(script) } };
}
