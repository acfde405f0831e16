/** Programs of the machine, called as root or as a user who is not. */

import { join } from "node:path";
import { stageContext } from "../../tasks/lib/image/build_context.ts";
import { type Ended, ended, Project, ROOT } from "./project.ts";

/** Runs a program of the machine; a non-zero exit code is a result. */
export async function call(argv: string[], env: Record<string, string> = {}): Promise<Ended> {
  const [program, ...args] = argv;
  const options = { args, env, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return await ended(new Deno.Command(program!, options).spawn());
}

/** Standard output of a command that must not fail. */
export async function said(argv: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await call(argv, env);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** Somebody who runs tasks: root, who runs the tests, or the user with uid 1234 and gid 5678. */
export interface User {
  uid: number;
  gid: number;
  /** Puts a command under this user's rights. */
  as(argv: string[]): string[];
  env: Record<string, string>;
}

export const ROOT_USER: User = { uid: 0, gid: 0, as: (argv) => argv, env: {} };

/**
 * A user with other ids than the images' and with a home of their own; `groups` lets them talk to Docker. Deno and this
 * project's files are copied to where they can read them.
 */
export async function otherUser(groups: number[], ids = { uid: 1234, gid: 5678 }): Promise<User> {
  const home = await Deno.makeTempDir({ prefix: "user-" });
  addEventListener("unload", () => Deno.removeSync(home, { recursive: true }));
  await Deno.copyFile(Deno.execPath(), join(home, "deno"));
  await Deno.mkdir(join(home, "deno-dir"));
  // What else lies there are caches by paths of this checkout, and databases that another Deno may be writing.
  await said(["cp", "-r", join(await denoDir(), "npm"), join(home, "deno-dir")]);
  const project = join(home, "project");
  await Deno.mkdir(project);
  await stageContext({ root: ROOT, folder: project, required: [] });
  for (const folder of ["run", "home"]) await Deno.mkdir(join(home, folder), { mode: 0o700 });
  await said(["chown", "-R", `${ids.uid}:${ids.gid}`, home]);
  await Deno.chmod(home, 0o755);
  const extra = groups.length > 0 ? ["--groups", groups.join(",")] : ["--clear-groups"];
  return {
    ...ids,
    as: (argv) => ["setpriv", "--reuid", String(ids.uid), "--regid", String(ids.gid), ...extra, ...argv],
    env: {
      HOME: join(home, "home"),
      XDG_RUNTIME_DIR: join(home, "run"),
      DENO_DIR: join(home, "deno-dir"),
      DENO: join(home, "deno"),
      PROJECT: project,
    },
  };
}

async function denoDir(): Promise<string> {
  const info = await said([Deno.execPath(), "info", "--json"], { NO_COLOR: "1" });
  return JSON.parse(info).denoDir;
}

/** Starts a task of this project as the user would, standing in their project. */
export function startAs(user: User, project: Project, task: string, args: string[] = [], env = {}) {
  if (user.env.PROJECT === undefined) return project.start(task, args, { ...user.env, ...env });
  const { DENO, PROJECT, ...own } = user.env;
  const [program, ...rest] = user.as([
    DENO!,
    "task",
    "--quiet",
    "--config",
    join(PROJECT!, "deno.json"),
    task,
  ]);
  return new Deno.Command(program!, {
    args: [...rest, ...args],
    cwd: project.root,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", INIT_CWD: project.root, ...own, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
