/** Filling a wheelhouse: the files of a lock's packages, for the Python of the CPU image, by any Python's pip. */

import { basename, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { makeOwnFolder } from "../system/files.ts";
import { explainInstall } from "../environment/installer_output.ts";
import { type LockedPackage, parseLock } from "../environment/lock_file.ts";
import { packagesFor } from "../environment/markers.ts";
import { findPython } from "../environment/python.ts";
import { run } from "../system/command.ts";

/** Debian 12's glibc is 2.36: newer files don't load there. Older than 2.5 there are none. */
const GLIBC = { newest: 36, oldest: 5 };

/** Platform tags that the image accepts, newest first. */
export function platforms(architecture: "x86_64" | "aarch64"): string[] {
  const { newest, oldest } = GLIBC;
  const modern = Array.from({ length: newest - oldest + 1 }, (_, i) => `manylinux_2_${newest - i}_`);
  return [...modern, "manylinux2014_", "manylinux2010_", "manylinux1_", "linux_"]
    .map((tag) => tag + architecture);
}

/** One call of pip downloads packages with hashes, or those without: pip refuses them together. */
export function downloadCommand(
  python: string,
  file: string,
  folder: string,
  { architecture, version }: { architecture: "x86_64" | "aarch64"; version: string },
): string[] {
  return [
    ...[python, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"],
    ...["--no-input", "--progress-bar", "off", "--implementation", "cp", "--python-version", version],
    ...platforms(architecture).flatMap((tag) => ["--platform", tag]),
    ...["--dest", folder, "--requirement", file],
  ];
}

/** Requirements files of the packages that the image needs from the locks: with hashes, and without. */
export function downloadFiles(packages: LockedPackage[]): { hashed: string; unhashed: string } {
  const line = ({ name, version, hashes }: LockedPackage) =>
    [`${name}==${version}`, ...hashes.map((hash) => `--hash=${hash}`)].join(" ");
  const lines = (wanted: boolean) =>
    packages.filter(({ hashes }) => (hashes.length > 0) === wanted).map((entry) => `${line(entry)}\n`).join(
      "",
    );
  return { hashed: lines(true), unhashed: lines(false) };
}

export interface Downloading {
  /** Texts of lists of packages; of a package that several name, the first one's version is taken. */
  lists: string[];
  /** What they are of, for messages. */
  named: string;
  /** Minor version of the image's Python. */
  python: string;
  /** Absolute path. */
  folder: string;
  progress: (line: string) => void;
}

/**
 * Downloads what lists of packages name; what lies in the folder already is not downloaded again.
 *
 * @returns how many packages the image needs
 * @throws Failure(3) if there is no Python with pip, or the files can't be had
 */
export async function downloadWheels(
  { lists, named, python: version, folder, progress }: Downloading,
): Promise<number> {
  const python = await findPython();
  if (python.pip === undefined) {
    throw new Failure(3, `Cannot download wheels: ${python.path} has no pip`, {
      remedy:
        "Install pip (on Debian and Ubuntu: apt install python3-pip), or name another Python: PYTHON=/path",
    });
  }
  const architecture = Deno.build.arch;
  const packages: LockedPackage[] = [];
  for (const text of lists) {
    const pinned = text.split("\n").filter((line) => !line.startsWith("--")).join("\n");
    const listed = parseLock(pinned, named).packages;
    const needed = await packagesFor(listed, { machine: architecture, python: `${version}.2` }, python.path);
    const there = new Set(packages.map(({ name }) => name));
    packages.push(...needed.filter(({ name }) => !there.has(name)));
  }
  await makeOwnFolder(folder);
  const scratch = await Deno.makeTempDir({ prefix: "wheels-" });
  const options = lists.flatMap((text) => text.split("\n").filter((line) => line.startsWith("--")));
  try {
    for (const [kind, text] of Object.entries(downloadFiles(packages))) {
      if (text === "") continue;
      const file = join(scratch, `${kind}.txt`);
      await Deno.writeTextFile(file, [...options, text].join("\n"));
      const machine = { architecture, version };
      await download(downloadCommand(python.path, file, folder, machine), { named, version }, progress);
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return packages.length;
}

async function download(
  argv: string[],
  { named, version }: { named: string; version: string },
  progress: (line: string) => void,
) {
  const onLine = (line: string) => {
    const name = /^(?:Collecting|Processing) (\S+)/.exec(line)?.[1];
    if (name !== undefined) progress(`Downloading ${basename(name)}`);
  };
  const { code, stdout, stderr } = await run(argv, { onLine });
  if (code === 0) return;
  const problem = explainInstall(stdout + stderr, {
    installer: "pip",
    machine: `Python ${version} on Linux ${Deno.build.arch}`,
    wanted: `the packages of ${named}`,
  });
  throw new Failure(3, `Cannot download the wheels: ${problem.message}`, { remedy: problem.remedy });
}
