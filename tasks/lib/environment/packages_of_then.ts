/** Packages as they were on a day: `environment.as_of`, for code that fits the versions of its time. */

import type { PythonRange } from "./python.ts";

/**
 * The day from which most packages had files for a Python: half a year after its release
 * (https://devguide.python.org/versions). Before it, whatever needs a compiler would be built from source. For 3.8, the
 * oldest, it is the first on which the usual scientific packages had files, as was asked of the index for a dozen of them: all
 * older code gets the packages of that day, and two weeks later pandas 1.0 took away much that it calls.
 */
const HAD_PACKAGES: readonly [python: string, day: string][] = [
  ["3.8", "2020-01-15"],
  ["3.9", "2021-04-05"],
  ["3.10", "2022-04-04"],
  ["3.11", "2023-04-24"],
  ["3.12", "2024-04-02"],
  ["3.13", "2025-04-07"],
  ["3.14", "2026-04-07"],
];

/** The Pythons that people used on a day, of those that the steps can run on. A newer one is tried if there is no other. */
export function pythonsOn(day: string): PythonRange {
  const [oldest] = HAD_PACKAGES[0]!;
  const newest = HAD_PACKAGES.findLast(([, from]) => from <= day)?.[0] ?? oldest;
  return { oldest, newest };
}

/**
 * The day whose packages are taken: the one that is asked for, or, for a Python that had none yet, the first on which it
 * had.
 *
 * @param python e.g. "3.11.7"
 */
export function dayFor(asOf: string, python: string): string {
  const minor = python.split(".").slice(0, 2).join(".");
  const from = HAD_PACKAGES.find(([version]) => version === minor)?.[1];
  return from !== undefined && from > asOf ? from : asOf;
}

/**
 * What an older day would leave unable to work: builders, which could not install a folder in place (PEP 660) before, and
 * what executes notebooks, which tasks/inside drives.
 */
const TOOLS = [
  ...["setuptools", "flit-core", "hatchling", "poetry-core"],
  ...["nbclient", "nbconvert", "nbformat", "ipykernel", "jupyter-client", "jupyter-core", "traitlets"],
];
const OLDEST_TOOLS = "2022-09-01";

/**
 * What every environment had by itself then, made by venv or virtualenv before Python 3.12, and old packages import without
 * listing it (`pkg_resources`).
 */
export function broughtThen(asOf: string | undefined, python: string): string[] {
  const [, minor] = python.split(".").map(Number);
  return asOf !== undefined && minor! < 12 ? ["setuptools"] : [];
}

/** uv's arguments. PyTorch's own index does not tell when its files came. */
export function uvArguments(asOf: string | undefined, python: string): string[] {
  if (asOf === undefined) return [];
  const day = dayFor(asOf, python);
  const tools = day < OLDEST_TOOLS ? TOOLS : [];
  return [
    ...["--exclude-newer", `${day}T23:59:59Z`],
    ...tools.flatMap((name) => ["--exclude-newer-package", `${name}=${OLDEST_TOOLS}T23:59:59Z`]),
    ...["torch", "torchvision", "torchaudio"].flatMap((name) => ["--exclude-newer-package", `${name}=false`]),
  ];
}
