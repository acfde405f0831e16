/** What a user asks to be published, checked before anything is done. */

import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { SIZE_PATTERN } from "../experiment/experiment.ts";
import { readRequest } from "../image/build_plan.ts";
import type { BuildRequest } from "../image/build.ts";
import { callerFolder } from "../system/project_root.ts";

export interface PublishOptions {
  tag?: string;
  push: boolean;
  archive?: string;
  force: boolean;
  cpu: boolean;
  base?: string;
  wheelhouse?: string;
  limit?: string;
  plan: boolean;
}

export interface PublishRequest {
  /** Name with a version. */
  tag: string;
  build: BuildRequest;
  push: boolean;
  /** Absolute path. */
  archive?: string;
  /** Bytes that the project's own files may take. */
  limit: number;
  plan: boolean;
}

/** Decimal, as disks are measured, and as sizes are shown. */
const UNITS: Record<string, number> = { b: 1, k: 1e3, m: 1e6, g: 1e9 };

/** @throws Failure(2) for options that are wrong or contradict each other, and an archive that is there already. */
export function readPublishRequest(options: PublishOptions): PublishRequest {
  const { tag, push, archive, force, cpu, base, wheelhouse, limit = "1g", plan } = options;
  if (tag === undefined) {
    throw new Failure(2, "Cannot publish without a name: --tag is missing", {
      remedy: "deno task publish --tag user/name:1.0",
    });
  }
  const request = { cpu, base, tag, wheelhouse, plan, update: false, "download-wheels": false };
  const build = readRequest(request) as BuildRequest;
  checkName(tag, push);
  if (force && archive === undefined) throw new Failure(2, "--force needs --archive: it replaces that file");
  return {
    ...{ tag, build, push, plan },
    archive: archive === undefined ? undefined : archivePath(archive, force),
    limit: parseLimit(limit),
  };
}

/** Docker would take a name without a version for all versions, or for "latest", which says nothing to a reader. */
function checkName(tag: string, push: boolean) {
  if (!/:[^/]+$/.test(tag)) {
    throw new Failure(2, `--tag must end in a version such as "${tag}:1.0", current value is "${tag}"`);
  }
  if (push && !tag.includes("/")) {
    throw new Failure(
      2,
      `--push needs a name with an account or a registry, such as "user/${tag}", current value is "${tag}"`,
    );
  }
}

function parseLimit(limit: string): number {
  if (!SIZE_PATTERN.test(limit)) {
    throw new Failure(2, `--limit must be a size such as 4g, current value is "${limit}"`);
  }
  return parseInt(limit) * (UNITS[limit.at(-1)!.toLowerCase()] ?? 1);
}

function archivePath(given: string, force: boolean): string {
  if (!/\.(?:tar|tar\.gz|tgz)$/.test(given)) {
    throw new Failure(2, `--archive must end in .tar, .tar.gz or .tgz, current value is "${given}"`);
  }
  const path = resolve(callerFolder(), given);
  if (!existsSync(dirname(path))) {
    throw new Failure(2, `Cannot write ${given}: there is no folder ${dirname(path)}`);
  }
  if (!existsSync(path)) return path;
  if (!statSync(path).isFile()) throw new Failure(2, `Cannot write ${given}: it is there and is no file`);
  if (force) return path;
  throw new Failure(2, `Cannot write ${given}: it is there already`, {
    remedy: "Name another file, or add --force to replace it",
  });
}
