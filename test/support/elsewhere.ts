/** Where published images go, for tests: a registry on a loopback port, and another machine's Docker Engine. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { docker, said } from "./docker.ts";
import { Project, until } from "./project.ts";

/** Of a password that nobody needs: the tests never log in. */
const NOBODY = "nobody:$2b$04$YcOF5tblSO5qiR/9M4OHq.nrqgUbvQpl2gpjdNyt9nQ6oQxRjC6CC";

/** A process that the tests started, ended with them whatever happens. */
class Service implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  /** Not SIGKILL, after which an engine would leave its mounts behind. */
  readonly #end = () => this.#child.kill("SIGTERM");

  constructor([program, ...args]: string[], protected readonly folder: Project) {
    this.#child = new Deno.Command(program!, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    addEventListener("unload", this.#end);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async stop() {
    removeEventListener("unload", this.#end);
    this.#end();
    await this.#child.status;
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
    await until("the registry answers", () => registry.ask("").then(() => true, () => false));
    return registry;
  }

  /** Asks for a manifest and the like; the digest of what is returned is in a header. */
  async ask(path: string): Promise<{ status: number; digest: string | null }> {
    const accept = "application/vnd.docker.distribution.manifest.v2+json";
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

/**
 * A second Docker Engine that shares nothing with the first: what it has came by the registry or a file. Its network is
 * its own, since an engine without a bridge removes the bridge that it finds, which would be the first engine's.
 */
export class OtherEngine extends Service {
  readonly socket: string;

  private constructor(folder: Project) {
    const socket = `unix://${folder.path("docker.sock")}`;
    const places = ["--data-root", folder.path("data"), "--exec-root", folder.path("exec")];
    const options = ["--pidfile", folder.path("pid"), "--bridge", "none", "--iptables=false"];
    super([...ALONE, "dockerd", "--host", socket, ...places, ...options], folder);
    this.socket = socket;
  }

  static async start(): Promise<OtherEngine> {
    const engine = new OtherEngine(await Project.make({}));
    await until("the other engine answers", async () => (await engine.docker("version")).code === 0, 60);
    return engine;
  }

  async docker(...args: string[]) {
    return await docker("--host", this.socket, ...args);
  }

  async said(...args: string[]): Promise<string> {
    return await said("--host", this.socket, ...args);
  }

  /** Forgets an image under all its names. */
  async wipe() {
    await this.said("system", "prune", "--all", "--force");
    assert.equal(await this.said("images", "--quiet"), "");
  }
}

/** What these tests need beside an engine that builds, if it is not here. */
export function missingElsewhere(): string | undefined {
  for (const program of ["docker-registry", "dockerd", "ip", "nsenter"]) {
    const folders = (Deno.env.get("PATH") ?? "").split(":");
    const here = folders.some((folder) => {
      try {
        return Deno.statSync(join(folder, program)).isFile;
      } catch {
        return false;
      }
    });
    if (!here) return `there is no ${program} on PATH`;
  }
  return Deno.uid() === 0 ? undefined : "a second Docker Engine needs root";
}
