/** The real dev container CLI, in a checkout that belongs to somebody else than the image's jovyan. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { stageWheels } from "../../tasks/lib/image/build_context.ts";
import { listFiles } from "../../tasks/lib/system/files.ts";
import { copyOfThisProject, docker, missingEngine, said, socketPath, wheelhouse } from "./docker.ts";
import { call } from "./engines.ts";
import { type Ended, Project } from "./project.ts";

/** The newest on 2026-11-24. */
const CLI = "@devcontainers/cli@0.89.0";

export const CPU = ".devcontainer/devcontainer.json";

export const GPU = ".devcontainer/gpu/devcontainer.json";

/** Whose checkout it is. Root's would do for no test: the CLI leaves jovyan's ids alone when root starts it. */
export const OWNER = Deno.uid() === 0 ? { uid: 1234, gid: 5678 } : { uid: Deno.uid()!, gid: Deno.gid()! };

/** Asks for the name of the user that it runs as, so there must be one; nobody else sees this list of users. */
const WITH_USERS = 'mount --bind "$1" /etc/passwd && shift && exec "$@"';

export class DevContainer implements AsyncDisposable {
  private constructor(readonly project: Project, private readonly scratch: Project) {}

  /** Gets the CLI and makes the checkout; or says why that can't be done here. */
  static async make(): Promise<DevContainer | string> {
    const reason = await missingEngine();
    if (reason !== undefined) return reason;
    const scratch = await Project.make({});
    addEventListener("unload", () => Deno.removeSync(scratch.root, { recursive: true }));
    const container = new DevContainer(await copyOfThisProject(), scratch);
    const lacking = await cliMissing(scratch.root);
    if (lacking !== undefined) return lacking;
    const wheels = await wheelhouse(container.project);
    const place = container.project.path("wheelhouse");
    if (wheels !== place) await stageWheels(wheels, place);
    await container.handOver();
    const { code, stderr } = await container.cli("--version");
    return code === 0 ? container : `${CLI} does not run: ${stderr}`;
  }

  /** Gives everything to the owner but the wheels, which are links to those of this project. */
  private async handOver() {
    if (Deno.uid() !== 0) return;
    const { project, scratch } = this;
    await scratch.write(
      "passwd",
      `${await Deno.readTextFile("/etc/passwd")}owner:x:${OWNER.uid}:${OWNER.gid}::${scratch.root}:/bin/sh\n`,
    );
    const give = ["-R", "--no-dereference", `${OWNER.uid}:${OWNER.gid}`];
    const folders = [...Deno.readDirSync(project.root)].filter(({ name }) => name !== "wheelhouse");
    const done = await call([
      ...["chown", ...give, scratch.root],
      ...folders.map(({ name }) => project.path(name)),
    ]);
    assert.equal(done.code, 0, done.stderr);
    await Deno.chown(project.root, OWNER.uid, OWNER.gid);
  }

  /** The CLI itself, for others than the checkout's owner. */
  get program(): string {
    return cliOf(this.scratch.root);
  }

  /** Runs the CLI as the checkout's owner. */
  async cli(...args: string[]): Promise<Ended> {
    const { scratch } = this;
    const program = [this.program, ...args];
    const env = { HOME: scratch.root, TMPDIR: scratch.root, NO_COLOR: "1" };
    if (Deno.uid() !== 0) return await call(program, env);
    const socket = await Deno.stat(socketPath());
    const ids = { reuid: OWNER.uid, regid: OWNER.gid, groups: socket.gid };
    const become = ["setpriv", ...Object.entries(ids).map(([name, id]) => `--${name}=${id}`)];
    const users = ["unshare", "--mount", "sh", "-c", WITH_USERS, "sh", scratch.path("passwd")];
    return await call([...users, ...become, ...program], env);
  }

  /** The CLI's answer to a command about a configuration. */
  // deno-lint-ignore no-explicit-any
  async ask(command: string, config: string, ...args: string[]): Promise<any> {
    const { code, stdout, stderr } = await this.cli(command, ...this.where(config), ...args);
    assert.equal(code, 0, `${stdout}\n${stderr.split("\n").slice(-40).join("\n")}`);
    return JSON.parse(stdout);
  }

  /** Runs a command in the CPU container, as an editor's terminal does. */
  async exec(...command: string[]): Promise<Ended> {
    return await this.cli("exec", ...this.where(CPU), ...command);
  }

  /** Standard output of a command that must not fail. */
  async said(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.exec(...command);
    assert.equal(code, 0, `${command.join(" ")}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  private where(config: string): string[] {
    return ["--workspace-folder", this.project.root, "--config", this.project.path(config)];
  }

  /** Paths in the checkout that are somebody else's, apart from the wheels. */
  async strangers(): Promise<string[]> {
    const files = await listFiles(this.project.root, (path) => path === "wheelhouse");
    return files.map(({ path }) => path).filter((path) => {
      const { uid, gid } = Deno.lstatSync(this.project.path(path));
      return uid !== OWNER.uid || gid !== OWNER.gid;
    });
  }

  /** Removes its container and images. */
  async [Symbol.asyncDispose]() {
    const label = `label=devcontainer.local_folder=${this.project.root}`;
    const containers = (await said("ps", "--all", "--quiet", "--filter", label)).split("\n").filter(Boolean);
    for (const container of containers) {
      const image = await said("inspect", "--format", "{{.Config.Image}}", container);
      await said("rm", "--force", "--volumes", container);
      // The one with the owner's ids is made from the one without.
      for (const name of new Set([image, image.replace(/-uid$/, "")])) await docker("image", "rm", name);
    }
  }
}

/** Installs it into a folder; why it can't be had, if it can't. */
export async function cliMissing(folder: string): Promise<string | undefined> {
  const install = ["install", "--no-save", "--no-fund", "--no-audit", "--prefix", folder, CLI];
  const { code, stderr } = await call(["npm", ...install]).catch((error) => ({
    code: 1,
    stderr: `${error}`,
  }));
  return code === 0 ? undefined : `${CLI} can't be had: ${stderr}`;
}

/** The program, where it was installed into a folder. */
export function cliOf(folder: string): string {
  return join(folder, "node_modules/.bin/devcontainer");
}
