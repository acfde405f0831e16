/**
 * Overview: runs a command where Docker and Podman are those of Debian's development tree, beside this machine's older
 * ones: Docker Engine 28 with BuildKit, Podman 5. The engine has a root folder and a network of its own, and ends with
 * the command. Needs root, mmdebstrap and slirp4netns; the tree is made once. --inside runs the command in the tree,
 * where its rootless engines are, too; --with gives the engine an image that this machine's Docker has.
 * Arguments: [--containerd-store] [--inside] [--with IMAGE]... [--tree DIR] COMMAND...
 * Example: deno run -A test/support/newer_engine.ts --containerd-store --inside deno test -A test/containers
 */

import { join, resolve } from "node:path";
import { call, said } from "./engines.ts";
import { until } from "./project.ts";

const PACKAGES = [
  ...[
    "docker.io",
    "docker-cli",
    "docker-buildx",
    "docker-compose",
    "iptables",
    "nftables",
    "ca-certificates",
  ],
  ...["podman", "crun", "runc", "netavark", "aardvark-dns", "passt", "uidmap", "fuse-overlayfs"],
  ...["rootlesskit", "slirp4netns", "iproute2", "git", "python3", "python3-venv"],
];

/** Folders of this machine that are the tree's own; all others are seen at the same path. */
const OWN = ["usr", "etc", "var", "bin", "sbin", "lib", "lib64", "boot", "run"];

/**
 * Enters the tree: $1 is it, $2 the folders that are seen from both sides, the rest a command. By pivot_root and not
 * chroot, since engines want the root folder to be a mount.
 */
const ENTER = `set -e
tree=$1; shared=$2; shift 2
mount --make-rprivate /
mount --rbind "$tree" "$tree"
for path in $shared; do mkdir -p "$tree$path"; mount --rbind "$path" "$tree$path"; done
for file in hosts resolv.conf passwd group subuid subgid containers/containers.conf; do
  [ -e "/etc/$file" ] || continue
  mkdir -p "$(dirname "$tree/etc/$file")"; touch "$tree/etc/$file"; mount --bind "/etc/$file" "$tree/etc/$file"
done
mkdir -p "$tree/usr/local/share/ca-certificates" "$tree/.outside"
mount -t tmpfs none "$tree/run"
here=$PWD
cd "$tree"
pivot_root . .outside
umount -l /.outside
cd "$here" 2>/dev/null || cd /
exec "$@"`;

interface Options {
  tree: string;
  containerdStore: boolean;
  inside: boolean;
  /** Names of images. */
  images: string[];
}

/** Makes the tree; one process at a time, and once. */
async function makeTree(tree: string): Promise<void> {
  using lock = await Deno.open(`${tree}.lock`, { create: true, write: true });
  await lock.lock(true);
  const packages = PACKAGES.join(",");
  if (await Deno.readTextFile(join(tree, "ready")).catch(() => "") === packages) return;
  console.error(`Making ${tree} of Debian's development tree, which takes two minutes`);
  await said(["rm", "-rf", tree]);
  // The dates of what a mirror holds of that tree may have run out.
  const old = ['--aptopt=Acquire::Check-Valid-Until "false"'];
  await said([
    ...["mmdebstrap", "--quiet", "--variant=minbase", ...old, `--include=${packages}`, "sid", tree],
  ]);
  await Deno.writeTextFile(join(tree, "ready"), packages);
}

/** Top folders of this machine that the tree does not have for itself. */
function sharedFolders(): string[] {
  const folders = [...Deno.readDirSync("/")].filter(({ name, isDirectory }) =>
    isDirectory && !OWN.includes(name)
  );
  return [...folders.map(({ name }) => `/${name}`), "/var/tmp"];
}

/** What enters the tree, and Deno for who is in it. */
async function makeEntrance(folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "enter"), ENTER);
  await Deno.mkdir(join(folder, "inside"));
  await Deno.copyFile(Deno.execPath(), join(folder, "inside/deno"));
}

/** Programs that go before this machine's: the tree's Docker client, which runs here as it is, and its Podman. */
async function makePrograms(folder: string, tree: string): Promise<void> {
  await Deno.mkdir(join(folder, "bin"), { recursive: true });
  await Deno.symlink(join(tree, "usr/bin/docker"), join(folder, "bin/docker"));
  const plugins = { cliPluginsExtraDirs: [join(tree, "usr/libexec/docker/cli-plugins")] };
  await Deno.mkdir(join(folder, "config"));
  await Deno.writeTextFile(join(folder, "config/config.json"), JSON.stringify(plugins));
  const shared = sharedFolders().join(" ");
  const podman = `#!/bin/sh
# Podman of the tree, started in it by root or a user.
enter="sh ${join(folder, "enter")} ${tree}"
if [ "$(id -u)" = 0 ]; then exec unshare --mount $enter "${shared}" /usr/bin/podman "$@"; fi
exec unshare --user --map-current-user --keep-caps --mount $enter "${shared}" \\
  setpriv --inh-caps=-all --ambient-caps=-all /usr/bin/podman "$@"
`;
  await Deno.writeTextFile(join(folder, "bin/podman"), podman, { mode: 0o755 });
  await said(["chmod", "-R", "a+rX", folder]);
}

/** An engine and its network, as processes of this one. */
class Engine implements AsyncDisposable {
  #processes: Deno.ChildProcess[] = [];
  readonly socket: string;

  private constructor(readonly folder: string) {
    this.socket = `unix://${join(folder, "docker.sock")}`;
  }

  static async start(folder: string, { tree, containerdStore, images }: Options): Promise<Engine> {
    const engine = new Engine(folder);
    const root = join(folder, "docker");
    const dockerd = [
      ...["dockerd", "--host", engine.socket, "--data-root", root, "--exec-root", join(folder, "exec")],
      ...["--pidfile", join(folder, "pid"), "--group", "docker"],
      ...(containerdStore ? ["--feature", "containerd-snapshotter=true"] : []),
    ];
    const ready = join(folder, "network");
    // The network comes from outside, by a process that has to know this one.
    const wait = `ip link set lo up; while [ ! -e ${ready} ]; do sleep 0.1; done; exec "$@"`;
    const enter = ["sh", join(folder, "enter"), tree, sharedFolders().join(" "), ...dockerd];
    const log = await Deno.open(join(folder, "log"), { create: true, write: true });
    const child = engine.#spawn(["unshare", "--mount", "--net", "sh", "-c", wait, "sh", ...enter], log);
    await until("it has a network of its own", () => ownNetwork(child.pid));
    engine.#spawn([
      "slirp4netns",
      "--configure",
      "--mtu=65520",
      "--disable-host-loopback",
      `${child.pid}`,
      "tap0",
    ]);
    await Deno.writeTextFile(ready, "");
    const answers = async () => (await call(["docker", "--host", engine.socket, "version"])).code === 0;
    await until("the newer engine answers", answers, 60);
    await engine.#load(images);
    return engine;
  }

  #spawn([program, ...args]: string[], log?: Deno.FsFile): Deno.ChildProcess {
    const streams = { stdin: "null", stdout: "null", stderr: log === undefined ? "null" : "piped" } as const;
    const child = new Deno.Command(program!, { args, ...streams }).spawn();
    if (log !== undefined) child.stderr.pipeTo(log.writable).catch(() => {});
    this.#processes.push(child);
    return child;
  }

  async #load(images: string[]) {
    if (images.length === 0) return;
    const hand = `docker save "$@" | docker --host ${this.socket} load --quiet`;
    await said(["sh", "-c", hand, "sh", ...images]);
  }

  /** Puts a command into the engine's network, where its ports are, and with `inside` into its tree. */
  beside(argv: string[], inside: boolean): string[] {
    const enter = ["nsenter", `--target=${this.#processes[0]!.pid}`, "--net"];
    if (!inside) return [...enter, ...argv];
    return [...enter, "--mount", "sh", "-c", 'cd "$0" && exec "$@"', Deno.cwd(), ...argv];
  }

  async [Symbol.asyncDispose]() {
    for (const child of this.#processes) {
      try {
        child.kill("SIGTERM");
      } catch { /* ended by itself */ }
      await child.status;
    }
  }
}

async function ownNetwork(pid: number): Promise<boolean> {
  const [own, other] = await Promise.all(
    ["self", String(pid)].map((id) => Deno.readLink(`/proc/${id}/ns/net`)),
  );
  return own !== other;
}

function parse(args: string[]): Options & { command: string[] } {
  const options = {
    tree: Deno.env.get("NEWER_ENGINE_TREE") ?? "/opt/newer-engine-tree",
    containerdStore: false,
    inside: false,
    images: [] as string[],
  };
  const rest = [...args];
  while (rest[0]?.startsWith("--")) {
    const option = rest.shift();
    if (option === "--containerd-store") options.containerdStore = true;
    else if (option === "--inside") options.inside = true;
    else if (option === "--with") options.images.push(rest.shift()!);
    else if (option === "--tree") options.tree = resolve(rest.shift()!);
    else throw new Error(`unknown option ${option}`);
  }
  if (rest.length === 0) {
    throw new Error(
      "Usage: newer_engine.ts [--containerd-store] [--inside] [--with IMAGE]... [--tree DIR] COMMAND...",
    );
  }
  return { ...options, command: rest };
}

async function main(args: string[]): Promise<number> {
  const { command, ...options } = parse(args);
  try {
    await makeTree(options.tree);
  } catch (error) {
    console.error(
      `ignored: what was to run beside newer engines, since they can't be had: ${(error as Error).message}`,
    );
    return 0;
  }
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "newer-engine-" });
  await Deno.chmod(folder, 0o755);
  await makeEntrance(folder);
  await makePrograms(folder, options.tree);
  let code: number;
  {
    await using engine = await Engine.start(folder, options);
    const [program, ...rest] = engine.beside(command, options.inside);
    const path = options.inside
      ? `${join(folder, "inside")}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`
      : `${join(folder, "bin")}:${Deno.env.get("PATH")}`;
    const env = {
      DOCKER_HOST: engine.socket,
      DOCKER_CONFIG: join(folder, "config"),
      PATH: path,
      PODMAN_IGNORE_CGROUPSV1_WARNING: "1",
    };
    Deno.addSignalListener("SIGINT", () => {}); // the command gets it, too, and ends
    code = (await new Deno.Command(program!, { args: rest, env, cwd: Deno.cwd() }).spawn().status).code;
  }
  await said(["rm", "-rf", folder]);
  return code;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
