/** Environment markers (PEP 508) for another machine than this one: pip's own copy of `packaging` evaluates them. */

import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import type { LockedPackage } from "./lock_file.ts";

/** What markers ask of a machine; CPython on Linux. */
export interface MarkerTarget {
  machine: "x86_64" | "aarch64";
  /** e.g. "3.11.2" */
  python: string;
}

/** Reads `{environment, markers}` and prints whether each holds. `extra` is none: a lock has the extras' packages. */
const EVALUATE = `
import json, sys
from pip._vendor.packaging.markers import Marker
asked = json.load(sys.stdin)
print(json.dumps([not text or Marker(text).evaluate(asked["environment"]) for text in asked["markers"]]))
`;

/**
 * The packages of a lock that a machine needs.
 *
 * @param python path of one that has pip
 * @throws Failure(2) if a marker can't be read
 */
export async function packagesFor(
  packages: LockedPackage[],
  { machine, python: version }: MarkerTarget,
  python: string,
): Promise<LockedPackage[]> {
  const environment = {
    ...{ sys_platform: "linux", platform_system: "Linux", os_name: "posix", platform_machine: machine },
    ...{ python_version: version.split(".").slice(0, 2).join("."), python_full_version: version },
    ...{ implementation_name: "cpython", platform_python_implementation: "CPython", extra: "" },
  };
  const asked = { environment, markers: packages.map(({ marker }) => marker) };
  const input = new TextEncoder().encode(JSON.stringify(asked));
  const { code, stdout, stderr } = await run([python, "-E", "-c", EVALUATE], { input });
  if (code !== 0) {
    const line = stderr.trim().split("\n").at(-1);
    throw new Failure(2, `Cannot read the markers of the lock: ${line}`, { remedy: "deno task lock" });
  }
  const holds: boolean[] = JSON.parse(stdout);
  return packages.filter((_, index) => holds[index]);
}
