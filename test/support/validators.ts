/** An environment with the validators of other projects, made once from PyPI and kept in `.venv-validators`. */

import { madeEnvironment } from "./made_environment.ts";

/** @returns where its programs are, or why it can't be made. */
export async function validators(): Promise<{ bin: string } | { missing: string }> {
  return await madeEnvironment("validators");
}
