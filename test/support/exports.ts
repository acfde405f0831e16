/** An environment with the readers of what sweeps are exported to, made once from PyPI and kept in `.venv-exports`. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { madeEnvironment } from "./made_environment.ts";
import { ROOT } from "./project.ts";

/** @returns where its programs are, or why it can't be made. */
export async function exportReaders(): Promise<{ bin: string } | { missing: string }> {
  return await madeEnvironment("exports");
}

/**
 * What the readers object to, file by file.
 *
 * @param versions of Kubernetes, e.g. `1.29`
 */
export async function exportObjections(bin: string, kind: string, files: string[], versions: string[]) {
  const script = join(ROOT, "test/support/exports/validate_export.py");
  const home = await Deno.makeTempDir({ prefix: "exports-" }); // SkyPilot keeps settings and logs in the home
  try {
    const { stdout, stderr } = await new Deno.Command(join(bin, "python"), {
      args: [script, kind, "--versions", versions.join(","), ...files],
      env: { HOME: home },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.ok(text.startsWith("["), new TextDecoder().decode(stderr));
    return JSON.parse(text) as string[][];
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}
