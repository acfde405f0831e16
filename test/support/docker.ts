/** A real Docker Engine for tests. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { BASE_IMAGE as BASE, makeBaseImage } from "../../tasks/lib/maintenance/machine/base_image.ts";
import { exists } from "../../tasks/lib/system/files.ts";
import { type Ended, ended, type Project, ROOT } from "./project.ts";

export * from "./copy.ts";

/** Where the engine listens that the tests use. */
export function socketPath(): string {
  return Deno.env.get("DOCKER_HOST")?.replace(/^unix:\/\//, "") || "/var/run/docker.sock";
}

export async function docker(...args: string[]): Promise<Ended> {
  return await ended(
    new Deno.Command("docker", {
      args,
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(180_000),
    }).spawn(),
  );
}

/** Standard output of a docker command that must not fail. */
export async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(...args);
  assert.equal(code, 0, `docker ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** What the CPU image is built on. */
export { BASE };

/** Why images can't be built here, if they can't. */
export async function missingEngine(): Promise<string | undefined> {
  const engine = await docker("version").catch(() => undefined);
  if (engine === undefined) return "there is no docker client";
  if (engine.code !== 0) return `no Docker Engine answers: ${engine.stderr.trim().split("\n").at(-1)}`;
  if (await makeBaseImage()) return undefined;
  return `${BASE} can't be pulled, nor made here (apt install mmdebstrap)`;
}

/** Wheels of the CPU image: those that lie in this project, else downloaded into the copy. */
export async function wheelhouse(copy: Project): Promise<string> {
  const here = join(ROOT, "wheelhouse");
  if (await exists(here)) return here;
  const { code, stderr } = await copy.task("build", ["--download-wheels"]);
  assert.equal(code, 0, stderr);
  return copy.path("wheelhouse");
}
