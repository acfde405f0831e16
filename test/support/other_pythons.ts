/**
 * Machines with the Pythons of other Debian releases, as folders to enter: 3.9 (bullseye), 3.13 (trixie), 3.14 (sid).
 *
 * Makes those that are missing; needs root and Debian's mmdebstrap, about 20 s and 0.3 GB for each. They lie in
 * /var/tmp/trees, or where TREES says. Usage: deno run -A test/support/other_pythons.ts
 */

import { dirname, join } from "node:path";
import { ROOT } from "./project.ts";

export const RELEASES = { bullseye: "3.9", trixie: "3.13", sid: "3.14" } as const;

export type Release = keyof typeof RELEASES;

export const TREES = Deno.env.get("TREES") ?? "/var/tmp/trees";

const PACKAGES = ["python3", "python3-venv", "python3-pytest", "ca-certificates"];

/** Why the tests in a tree are ignored; undefined if they can run. */
export function reasonToIgnore(release: Release): string | undefined {
  if (Deno.uid() !== 0) return "only root can enter a tree";
  try {
    Deno.statSync(join(TREES, release, "usr/bin/pytest-3"));
  } catch {
    return `there is no ${join(TREES, release)} (deno run -A test/support/other_pythons.ts makes it)`;
  }
}

const DENO_DIR = await denoFolder();

/** What both sides see at the same path, and what the tree needs of this machine to reach a network. */
const SHARED = [
  ...["/proc", "/dev", "/etc/hosts", "/etc/resolv.conf", "/etc/ssl/certs", Deno.env.get("TMPDIR") ?? "/tmp"],
  ...[ROOT, dirname(Deno.execPath()), DENO_DIR],
];

async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** In a mount namespace of its own, so that nothing is left when it ends. Arguments: tree, folder, n, n paths, command. */
const ENTER = `
tree=$1 folder=$2 count=$3; shift 3
mount --make-rprivate /
while [ "$count" -gt 0 ]; do
  if [ -d "$1" ]; then mkdir -p "$tree$1"; else mkdir -p "$tree\${1%/*}"; : >> "$tree$1"; fi
  mount --rbind "$1" "$tree$1"
  shift; count=$((count - 1))
done
exec chroot "$tree" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
`;

export interface InTree {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command in the tree of a release, as root, with nothing of this machine's environment. */
export async function inTree(
  release: Release,
  argv: string[],
  { cwd = ROOT, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<InTree> {
  const shared = [String(SHARED.length), ...SHARED];
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--mount", "/bin/sh", "-euc", ENTER, "enter", join(TREES, release), cwd, ...shared, ...argv],
    clearEnv: true,
    env: {
      PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${dirname(Deno.execPath())}`,
      HOME: "/root",
      ...trusted(),
      DENO_DIR,
      ...env,
    },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Certificate authorities that Deno is to trust, where a proxy has its own. */
function trusted(): Record<string, string> {
  const names = ["DENO_CERT", "DENO_TLS_CA_STORE"];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** Makes the tree of a release, or adds to one that something else made; one process at a time. */
async function make(release: Release): Promise<boolean> {
  await Deno.mkdir(TREES, { recursive: true });
  const tree = join(TREES, release);
  // The same lock as flock(1) takes, for scripts that share the trees.
  using lock = await Deno.open(`${tree}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (reasonToIgnore(release) === undefined) return true;
  // The dates of what a mirror holds of these releases may have run out.
  const dates = 'Acquire::Check-Valid-Until "false"';
  const isThere = await Deno.stat(join(tree, "usr/bin")).then(() => true, () => false);
  if (!isThere) {
    const args = ["--quiet", "--variant=minbase", `--aptopt=${dates}`, `--include=${PACKAGES.join(",")}`];
    const { success } = await new Deno.Command("mmdebstrap", { args: [...args, release, tree] }).output();
    if (success) await Deno.chmod(tree, 0o755);
    return success;
  }
  const apt = ["apt-get", "-qq", "-o", "Acquire::Check-Valid-Until=false"];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const listed = await inTree(release, [...apt, "update"], { cwd: "/", env });
  if (listed.code !== 0) return false;
  const install = [...apt, "install", "-y", "--no-install-recommends", ...PACKAGES];
  return (await inTree(release, install, { cwd: "/", env })).code === 0;
}

if (import.meta.main) {
  for (const release of Object.keys(RELEASES) as Release[]) {
    const made = await make(release);
    console.log(made ? `${release}: here` : `${release} can't be had: its tests are ignored`);
  }
}
