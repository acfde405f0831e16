/** Environments from the locks of other tools, once these are a list of pinned packages. */

import { dirname, resolve } from "node:path";
import { installArguments } from "./install_arguments.ts";
import { installLock, installMore } from "./installer.ts";
import { isCudaPackage, type LockedPackage, parseLock } from "./lock_file.ts";
import type { Contents, ContentsRequest, Pinned } from "./format.ts";

/** Reads what a tool exported as lines of a requirements file with hashes. */
export function parseExported(file: string, text: string, tool: string): Pinned {
  const lines = text.split(/\r?\n/);
  const isApart = (line: string) => /^(?:-e\s|--editable\s|[./]|file:|\S+ @ )/.test(line);
  const folder = dirname(file);
  const local = lines.filter(isApart).flatMap((line) => {
    const [, flag, rest = ""] = /^(-e\s+|--editable\s+)?(.*)/.exec(line.replace(/\s*\\$/, ""))!;
    const what = rest.trim().replace(/\s+--hash=.*$/, "");
    const path = /^[./]/.test(what) ? resolve(folder, what) : what;
    return [...(flag ? ["-e"] : []), path];
  });
  const pinned = lines.filter((line) => !isApart(line) && !/^--/.test(line));
  const indexes = lines.flatMap((line) => /^--(?:extra-)?index-url[ =](\S+)/.exec(line)?.[1] ?? []);
  const { packages } = parseLock(withoutHashesOfOthers(pinned), `${file} (${tool})`);
  return { packages, local, indexes };
}

/** The contents of a lock that is read as a list of packages. */
export async function ofPinned(request: ContentsRequest, { packages, local, indexes }: Pinned) {
  const place = { ...request.place, ...(indexes !== undefined && { indexes }) };
  return await ofLock({ ...request, place }, packages, local);
}

/** Hashes that follow a line that was taken away. */
function withoutHashesOfOthers(lines: string[]): string {
  let open = false;
  return lines.filter((line) => {
    const isHash = /^\s+--hash/.test(line);
    const keep = !isHash || open;
    if (line.trim() !== "" && !/^\s*#/.test(line)) open = /\\$/.test(line) && keep;
    return keep;
  }).join("\n");
}

/** @param local what is installed after the packages, without dependencies: pip's arguments */
export async function ofLock(
  request: ContentsRequest,
  packages: LockedPackage[],
  local: readonly string[] = [],
): Promise<Contents> {
  const { uv, place, announce, root, install = [] } = request;
  const { kept, note } = forThisMachine(packages, request);
  const more = [...local, ...installArguments(root, install)];
  return await Promise.resolve({
    note,
    install: async () => {
      const installer = await installLock(kept, uv, place, announce);
      if (more.length > 0) await installMore(more, uv, place);
      return installer;
    },
  });
}

/** Torch's own builds are on indexes that uv knows by name; their hashes are not on the standard index. */
const BUILT_BY_PYTORCH = /^torch(?:vision|audio)?$/;

/** A lock that was made for a machine with a GPU serves one without: torch is its CPU build, and CUDA is left out. */
export function forThisMachine(
  packages: LockedPackage[],
  { gpu, torch = "auto" }: Pick<ContentsRequest, "gpu" | "torch">,
): { kept: LockedPackage[]; note?: string } {
  const build = torch === "auto" ? (gpu ? undefined : "cpu") : torch;
  const hasCuda = packages.some(({ name }) => isCudaPackage(name));
  const isLinux = Deno.build.os === "linux";
  const changed: string[] = [];
  const kept = packages.flatMap((entry): LockedPackage[] => {
    if (build === "cpu" && isLinux && isCudaPackage(entry.name)) return [];
    if (!BUILT_BY_PYTORCH.test(entry.name)) return [entry];
    const [version = "", own] = entry.version.split("+");
    const wanted = isLinux && build !== undefined && (hasCuda || own !== undefined || torch !== "auto")
      ? build
      : own;
    if (wanted === undefined) return [entry];
    if (wanted !== own) changed.push(`${entry.name} ${version}`);
    return [{ ...entry, version: `${version}+${wanted}`, hashes: [] }];
  });
  const note = changed.length === 0
    ? undefined
    : `The lock has another build of ${changed.join(", ")}; here it is the one for ${build}`;
  return { kept, note };
}
