/** Pipfile.lock: JSON with the version and the hashes of every package; `groups: [develop]` adds its second part. */

import { Failure } from "../../cli/failure.ts";
import { ofPinned } from "../exported.ts";
import type { ContentsRequest, EnvironmentFormat } from "../format.ts";
import { type LockedPackage, normalize } from "../lock_file.ts";

export const PIPFILE_LOCK: EnvironmentFormat = {
  name: "Pipfile.lock",
  files: /^Pipfile\.lock$/,
  isLock: true,
  has: ["groups"],
  goesWith: ["Pipfile"],
  pinned,
  contents: async (request) => await ofPinned(request, await pinned(request)),
};

async function pinned({ files: [file], groups = [] }: ContentsRequest) {
  return parsePipfileLock(await Deno.readTextFile(file!), groups);
}

interface Entry {
  version?: string;
  hashes?: string[];
  markers?: string;
  editable?: boolean;
  path?: string;
  git?: string;
  ref?: string;
}

/**
 * @param groups sections beside `default`, e.g. `develop`
 * @throws Failure(2) if the text is no Pipfile.lock
 */
export function parsePipfileLock(text: string, groups: readonly string[]) {
  let lock: Record<string, Record<string, Entry>>;
  try {
    lock = JSON.parse(text);
  } catch {
    throw new Failure(2, "Cannot read Pipfile.lock: it is not JSON", {
      remedy: "Make it again: pipenv lock",
    });
  }
  const packages: LockedPackage[] = [];
  const local: string[] = [];
  for (const [name, entry] of ["default", ...groups].flatMap((group) => Object.entries(lock[group] ?? {}))) {
    const { version, hashes = [], markers = "" } = entry;
    if (version !== undefined) {
      packages.push({
        name: normalize(name),
        version: version.replace(/^===?/, ""),
        marker: markers,
        hashes,
      });
    } else if (entry.git !== undefined) local.push(`${name} @ git+${entry.git}@${entry.ref ?? "HEAD"}`);
    else if (entry.path !== undefined) local.push(...(entry.editable ? ["-e"] : []), entry.path);
  }
  return { packages, local };
}
