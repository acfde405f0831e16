/** An ssh daemon on a loopback port, as an ordinary process with keys and files of its own; it ends with the test. */

import { join } from "node:path";
import { call } from "./engines.ts";
import { until } from "./project.ts";

/** What a machine lacks to be reached by ssh; undefined where nothing is missing. */
export async function sshMissing(): Promise<string | undefined> {
  for (const name of [SSHD, "ssh", "ssh-keygen", "rsync"]) {
    if ((await call(["sh", "-c", `command -v ${name}`])).code !== 0) return `${name} is not installed`;
  }
  return Deno.uid() === 0 ? undefined : "only root can let somebody log in";
}

const SSHD = "/usr/sbin/sshd";

/** Name of the login node, as its ssh config has it. */
export const LOGIN = "login";

export class Sshd implements AsyncDisposable {
  readonly folder: string;
  #process?: Deno.ChildProcess;
  #port = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param variables what who logs in finds in the environment */
  static async start(variables: Record<string, string>): Promise<Sshd> {
    const daemon = new Sshd(await Deno.makeTempDir({ dir: "/tmp", prefix: "sshd-" }));
    try {
      await daemon.#configure(variables);
      await daemon.listen();
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    return daemon;
  }

  /** For what calls ssh: the system's own, told where this daemon is, since it looks for its config in no other place. */
  get env(): Record<string, string> {
    return { PATH: `${join(this.folder, "bin")}:${Deno.env.get("PATH")}` };
  }

  async #configure(variables: Record<string, string>) {
    const file = (name: string) => join(this.folder, name);
    for (const key of ["host_key", "user_key"]) {
      const { code, stderr } = await call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file(key)]);
      if (code !== 0) throw new Error(`ssh-keygen failed: ${stderr}`);
    }
    await Deno.copyFile(file("user_key.pub"), file("authorized_keys"));
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#port = (listener.addr as Deno.NetAddr).port;
    listener.close();
    const setEnv = Object.entries(variables).map(([name, value]) => `${name}=${value}`).join(" ");
    await Deno.writeTextFile(
      file("sshd_config"),
      [
        ...[`Port ${this.#port}`, "ListenAddress 127.0.0.1", `HostKey ${file("host_key")}`],
        ...[`AuthorizedKeysFile ${file("authorized_keys")}`, `PidFile ${file("sshd.pid")}`],
        ...["StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no"],
        ...["PermitRootLogin prohibit-password", `SetEnv ${setEnv}`, "PrintMotd no", ""],
      ].join("\n"),
    );
    await this.trust();
    await Deno.writeTextFile(
      file("ssh_config"),
      [
        `Host ${LOGIN}`,
        ...["HostName 127.0.0.1", `Port ${this.#port}`, "User root", `IdentityFile ${file("user_key")}`],
        ...["IdentitiesOnly yes", `UserKnownHostsFile ${file("known_hosts")}`],
        ...["GlobalKnownHostsFile /dev/null", `HostKeyAlias ${LOGIN}`],
        // What some have there: it must not count.
        ...["StrictHostKeyChecking no", ""],
      ].join("\n"),
    );
    await Deno.mkdir(file("bin"));
    const own = `#!/bin/sh\nexec /usr/bin/ssh -F ${file("ssh_config")} "$@"\n`;
    await Deno.writeTextFile(file("bin/ssh"), own, { mode: 0o755 });
  }

  /** Makes the daemon's key known to who logs in. */
  async trust() {
    const key = await Deno.readTextFile(join(this.folder, "host_key.pub"));
    await Deno.writeTextFile(join(this.folder, "known_hosts"), `${LOGIN} ${key}`);
  }

  /** As before the first time that somebody has logged in. */
  async forget() {
    await Deno.remove(join(this.folder, "known_hosts"));
  }

  async listen() {
    await Deno.mkdir("/run/sshd", { recursive: true }); // where it keeps others than root out
    this.#process = new Deno.Command(SSHD, {
      args: ["-D", "-f", join(this.folder, "sshd_config"), "-E", join(this.folder, "sshd.log")],
      ...{ stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    await until("the ssh daemon answers", async () => {
      return (await call(["ssh", LOGIN, "true"], this.env)).code === 0;
    });
  }

  /** Ends the daemon; who is logged in stays so. */
  async stop() {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    process.kill("SIGTERM");
    await process.status;
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
    await Deno.remove(this.folder, { recursive: true }).catch(() => {});
  }
}
