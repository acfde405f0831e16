/** Where published images go, for tests: a registry on a loopback port, and another machine's Docker Engine. */

import assert from "node:assert/strict";
import { isOnPath } from "../../tasks/lib/system/on_path.ts";
import { docker, said } from "./docker.ts";
import type { User } from "./engines.ts";
import { Project, until } from "./project.ts";

/** Of a password that nobody needs: the tests never log in. */
const NOBODY = "nobody:$2b$04$YcOF5tblSO5qiR/9M4OHq.nrqgUbvQpl2gpjdNyt9nQ6oQxRjC6CC";

/** A process that the tests started, ended with them whatever happens. */
class Service implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #log: Promise<void>;
  readonly #over = new AbortController();
  #said = "";
  /** Where nobody disposed of it, as in a run of chosen tests: its end is waited for, since it has its folder mounted. */
  readonly #atUnload = () => {
    this.#end();
    const over =
      'while [ -e "/proc/$0" ] && ! grep -q "^State:.Z" "/proc/$0/status"; do sleep 0.1; done; rm -rf "$1"';
    const args = ["30", "sh", "-c", over, String(this.#child.pid), this.folder.root];
    new Deno.Command("timeout", { args, stdout: "null", stderr: "null" }).outputSync();
  };

  constructor(
    [program, ...args]: string[],
    protected readonly folder: Project,
    env: Record<string, string> = {},
  ) {
    const streams = { stdin: "null", stdout: "null", stderr: "piped" } as const;
    this.#child = new Deno.Command(program!, { args, env, ...streams }).spawn();
    this.#log = this.#listen();
    addEventListener("unload", this.#atUnload);
  }

  /** Not SIGKILL, after which an engine would leave its mounts behind. */
  #end() {
    this.#child.kill("SIGTERM");
  }

  /** Keeps the end of what it says: without it nobody knows why it did not come up. */
  async #listen() {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream(), this.#over)) {
      this.#said = (this.#said + text).slice(-4000);
    }
  }

  /** Waits until it answers; fails with what it said, and is ended then. */
  protected async answers(what: string, ask: () => Promise<boolean>) {
    try {
      // Ten seconds where nothing else runs.
      await until(what, ask, 180);
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw new Error(`${(error as Error).message}; it said:\n${this.#said}`);
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  async stop() {
    removeEventListener("unload", this.#atUnload);
    this.#end();
    await this.#child.status;
    this.#over.abort(); // what it has started may live on, and hold its output open
    await this.#log.catch(() => {});
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Debian's docker-registry, without TLS, which engines allow on loopback only. */
export class Registry extends Service {
  private constructor(readonly host: string, folder: Project) {
    super(["docker-registry", "serve", folder.path("config.yml")], folder);
  }

  /** The same registry at the same address in another process's network, where it would be out of reach. */
  alsoIn({ pid }: OtherEngine): Service {
    const enter = ["nsenter", `--net=/proc/${pid}/ns/net`];
    return new Service([...enter, "docker-registry", "serve", this.folder.path("config.yml")], this.folder);
  }

  /** @param options `locked`: nobody may push without logging in */
  static async start({ locked = false } = {}): Promise<Registry> {
    const folder = await Project.make({ htpasswd: `${NOBODY}\n` });
    const host = `127.0.0.1:${freePort()}`;
    const auth = { htpasswd: { realm: "test", path: folder.path("htpasswd") } };
    const config = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: folder.path("data") } },
      http: { addr: host },
      ...(locked && { auth }),
    };
    await folder.write("config.yml", JSON.stringify(config));
    const registry = new Registry(host, folder);
    await registry.answers("the registry answers", () => registry.ask("").then(() => true, () => false));
    return registry;
  }

  /** Asks for a manifest and the like; the digest of what is returned is in a header. */
  async ask(path: string): Promise<{ status: number; digest: string | null }> {
    const accept = [
      ...[
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
      ],
      "application/vnd.oci.image.index.v1+json",
    ].join(", ");
    const response = await fetch(`http://${this.host}/v2/${path}`, { headers: { accept } });
    await response.body?.cancel();
    return { status: response.status, digest: response.headers.get("docker-content-digest") };
  }
}

export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Gives a process a network of its own, of which only the loopback device is there. */
const ALONE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];

/** A Docker Engine beside the first. */
abstract class Engine extends Service {
  abstract readonly socket: string;

  async docker(...args: string[]) {
    return await docker("--host", this.socket, ...args);
  }

  async said(...args: string[]): Promise<string> {
    return await said("--host", this.socket, ...args);
  }

  /** Gives it an image that the first engine has. */
  async load(image: string) {
    const archive = await Deno.makeTempFile({ suffix: ".tar" });
    try {
      await said("save", "--output", archive, image);
      await this.said("load", "--quiet", "--input", archive);
    } finally {
      await Deno.remove(archive);
    }
  }
}

/**
 * A second Docker Engine that shares nothing with the first: what it has came by the registry or a file. Its network is
 * its own, since an engine without a bridge removes the bridge that it finds, which would be the first engine's.
 */
export class OtherEngine extends Engine {
  readonly socket: string;

  private constructor(folder: Project, more: string[]) {
    const socket = `unix://${folder.path("docker.sock")}`;
    const places = ["--data-root", folder.path("data"), "--exec-root", folder.path("exec")];
    const options = ["--pidfile", folder.path("pid"), "--bridge", "none", "--iptables=false", ...more];
    super([...ALONE, "dockerd", "--host", socket, ...places, ...options], folder);
    this.socket = socket;
  }

  /** @param options more of them for dockerd */
  static async start(options: string[] = []): Promise<OtherEngine> {
    const folder = await Project.make({});
    await Deno.chmod(folder.root, 0o755);
    const engine = new OtherEngine(folder, options);
    await engine.answers("the other engine answers", async () => (await engine.docker("version")).code === 0);
    return engine;
  }

  /** Forgets an image under all its names. */
  async wipe() {
    await this.said("system", "prune", "--all", "--force");
    assert.equal(await this.said("images", "--quiet"), "");
  }
}

/** Whose ranges of ids an engine with `userns-remap` gives its containers; `deno task machine` makes the user. */
const RANGES_OF = "experiment-test";

/** Why no engine can give containers other ids, if none can. */
export async function missingRemapped(): Promise<string | undefined> {
  const ranges = await Deno.readTextFile("/etc/subuid").catch(() => "");
  if (!ranges.includes(`${RANGES_OF}:`)) {
    return `${RANGES_OF} has no range in /etc/subuid (deno task machine)`;
  }
  return missingElsewhere();
}

/** An engine whose containers have other ids than this machine. */
export async function remappedEngine(): Promise<OtherEngine> {
  return await OtherEngine.start(["--userns-remap", RANGES_OF]);
}

/**
 * A Docker Engine without root's rights, as Debian's docker.io and rootlesskit give it to a user who has ranges in
 * /etc/subuid and /etc/subgid.
 */
export class RootlessEngine extends Engine {
  readonly socket: string;

  private constructor(folder: Project, user: User) {
    const run = folder.path("run");
    const socket = `unix://${run}/docker.sock`;
    const places = [
      "--data-root",
      folder.path("data"),
      "--exec-root",
      `${run}/exec`,
      "--pidfile",
      `${run}/pid`,
    ];
    const engine = ["dockerd", "--host", socket, ...places];
    // With this machine's own network, Engine 28.5 crashes when it is asked for its version.
    const network = ["--net=slirp4netns", "--disable-host-loopback", "--port-driver=builtin"];
    const kit = ["rootlesskit", `--state-dir=${run}/kit`, ...network, "--copy-up=/etc", "--copy-up=/run"];
    const fresh = 'rm -rf /run/docker /run/containerd /run/xtables.lock; exec "$@"';
    const path = `${Deno.env.get("PATH")}:/usr/sbin:/sbin`;
    const env = { PATH: path, HOME: folder.path("home"), XDG_RUNTIME_DIR: run };
    super(user.as([...kit, "--propagation=rslave", "sh", "-c", fresh, "sh", ...engine]), folder, env);
    this.socket = socket;
  }

  static async start(user: User): Promise<RootlessEngine> {
    const folder = await Project.make({});
    for (const name of ["run", "home", "data"]) await Deno.mkdir(folder.path(name), { mode: 0o700 });
    for (const name of ["", "run", "home", "data"]) await Deno.chown(folder.path(name), user.uid, user.gid);
    await Deno.chmod(folder.root, 0o755);
    const engine = new RootlessEngine(folder, user);
    await engine.answers(
      "the rootless engine answers",
      async () => (await engine.docker("version")).code === 0,
    );
    return engine;
  }

  /** Its files are of ids that only its owner's ranges name. */
  override async stop() {
    await super.stop();
    for (const name of ["data", "run"]) await Deno.remove(this.folder.path(name), { recursive: true });
  }
}

/** Why there can be no engine without root's rights, if there can't. */
export function missingRootless(): string | undefined {
  for (const program of ["rootlesskit", "slirp4netns", "newuidmap", "dockerd"]) {
    if (!isOnPath(program)) return `there is no ${program} on PATH (deno task machine)`;
  }
}

/** An engine of a user's own with an image of the first, and the user with it. */
export async function rootlessDocker(
  owner: User,
  image: string,
): Promise<{ engine: RootlessEngine; user: User }> {
  const engine = await RootlessEngine.start(owner);
  await engine.load(image);
  return { engine, user: { ...owner, env: { ...owner.env, DOCKER_HOST: engine.socket } } };
}

/** What a second engine needs, and other programs, if it is not here. */
export function missingElsewhere(...programs: string[]): string | undefined {
  for (const program of [...programs, "dockerd", "ip", "nsenter"]) {
    if (!isOnPath(program)) return `there is no ${program} on PATH`;
  }
  return Deno.uid() === 0 ? undefined : "a second Docker Engine needs root";
}
