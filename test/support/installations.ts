/** The packages of the tasks, made and installed as a user would, in folders that only their owner may change. */

import { join } from "node:path";
import { type Ended, ended, Project, ROOT } from "./project.ts";

export interface Packages {
  npm: string;
  wheel: string;
}

/**
 * Makes both packages, or says why they can't be made here.
 *
 * @param env further variables, e.g. those of a workflow
 */
export async function makePackages(env: Record<string, string> = {}): Promise<Packages | string> {
  const folder = await Project.make({});
  addEventListener("unload", () => Deno.removeSync(folder.root, { recursive: true }));
  const args = ["--to", folder.root, "--json"];
  const { code, stdout, stderr } = await folder.task("package", args, { INIT_CWD: ROOT, ...env });
  return code === 0 ? JSON.parse(stdout) : stderr;
}

/** How a package gets onto a machine, and with which Deno. */
export const WAYS = {
  "npm, the pinned Deno": ({ npm }: Packages) => [["npm", "install", "--silent", "--prefix", ".", npm]],
  "PyPI, the pinned Deno": ({ wheel }: Packages) => [VENV, [PIP, "install", "-q", wheel]],
  "PyPI, the newest Deno": (
    { wheel }: Packages,
  ) => [VENV, [PIP, "install", "-q", "deno"], [PIP, "install", "-q", "--no-deps", wheel]],
};

const VENV = ["/usr/bin/python3", "-m", "venv", "."];

const PIP = "bin/pip";

/** Somebody who may use an installation and not change it. */
const USER = Deno.uid() === 0 ? { uid: 1234, gid: 5678 } : { uid: Deno.uid()!, gid: Deno.gid()! };

let home: string | undefined;

async function homeOfUser(): Promise<string> {
  if (home === undefined) {
    const made = home = await Deno.makeTempDir({ prefix: "home-" });
    addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));
    await give(made);
  }
  return home;
}

async function give(folder: string) {
  if (Deno.uid() === 0) await call(["chown", "-R", `${USER.uid}:${USER.gid}`, folder]);
}

export class Installation implements AsyncDisposable {
  private constructor(private readonly folder: Project, private readonly home: string) {}

  /**
   * Installs into an empty folder whose name has a blank, which then is read-only. The user has one home for all
   * installations of a test file: what the first fetches by itself, the others find there.
   */
  static async make(commands: string[][]): Promise<Installation> {
    const folder = await Project.make({});
    const place = folder.path("my tools");
    await Deno.mkdir(place);
    for (const argv of commands) {
      const { code, stdout, stderr } = await call(argv, { cwd: place });
      if (code !== 0) throw new Error(`${argv.join(" ")}: ${stdout}${stderr}`);
    }
    await call(["chmod", "-R", "a-w,a+rX", folder.root]);
    return new Installation(folder, await homeOfUser());
  }

  /** Gives a project to the user. */
  async give({ root }: Project) {
    await give(root);
  }

  /** Runs the installed command as the user, without a network if there is to be none. */
  async run(
    cwd: string,
    [program, ...args]: [program: "gpu-jupyter-tasks" | "gjt", ...args: string[]],
    { offline = false, env = {} }: { offline?: boolean; env?: Record<string, string> } = {},
  ): Promise<Ended> {
    const alone = offline ? ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] : [];
    const become = Deno.uid() === 0
      ? ["setpriv", "--reuid", `${USER.uid}`, "--regid", `${USER.gid}`, "--clear-groups"]
      : [];
    const found = ["node_modules/.bin", "bin"].map((bin) => this.folder.path("my tools", bin, program));
    const path = found.find((one) => exists(one))!;
    return await call([...alone, ...become, path, ...args], {
      cwd,
      env: {
        ...KEPT,
        HOME: this.home,
        PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        NO_COLOR: "1",
        ...env,
      },
    });
  }

  /** Where its own files are. */
  async product(): Promise<string> {
    const { stdout } = await call(["find", this.folder.root, "-path", "*/product/deno.json"]);
    return join(stdout.trim(), "..");
  }

  async [Symbol.asyncDispose]() {
    await call(["chmod", "-R", "u+w", this.folder.root]);
    await this.folder[Symbol.asyncDispose]();
  }
}

/** What says where this machine gets packages from, and whom it trusts. */
const KEPT = Object.fromEntries(
  Object.entries(Deno.env.toObject()).filter(([name]) =>
    /^(NPM_CONFIG_|npm_config_|PIP_|UV_|SSL_CERT|DENO_CERT|DENO_TLS|NODE_EXTRA|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)/
      .test(name)
  ),
);

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function call(
  [program, ...args]: string[],
  { cwd, env }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  const command = new Deno.Command(program!, {
    args,
    cwd,
    ...(env && { env, clearEnv: true }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  return await ended(command.spawn());
}
