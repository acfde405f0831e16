/** Real container engines for tests: which there are here, a small image for each, and a user who is not root. */

import { join } from "node:path";
import { stageContext } from "../../tasks/lib/image/build_context.ts";
import { sha256 } from "../../tasks/lib/system/files.ts";
import { BASE, missingEngine, socketPath } from "./docker.ts";
import { type Ended, ended, experiment, Project, ROOT } from "./project.ts";

/** Debian with Python and tini: small, and made the same way as the base of the CPU image. */
export const IMAGE = "experiment-test:python";

const DOCKERFILE = `FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends python3 python-is-python3 tini \\
  && rm -rf /var/lib/apt/lists/*
ENV PYTHON_VERSION=3.11
ENTRYPOINT ["tini", "-g", "--"]
`;

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

/** An engine as one kind of user has it. */
export interface TestEngine {
  /** As the tests call it, e.g. "podman, rootless". */
  name: string;
  program: "docker" | "podman";
  /** Why it can't be tested here. */
  missing?: string;
  user: User;
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
  await copyFolders(await denoDir(), join(home, "deno-dir"));
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

/** Without the files beside them: databases of caches, which another Deno may be writing and clearing away. */
async function copyFolders(from: string, to: string) {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await said(["cp", "-r", join(from, name), to]);
  }
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

/** Docker and Podman, as root and as another user, each with what is missing for it. */
export async function testEngines(): Promise<TestEngine[]> {
  const docker = await missingDocker();
  const group = (await Deno.stat(socketPath()).catch(() => undefined))?.gid;
  const other = Deno.uid() === 0 ? await otherUser(group ? [group] : []) : undefined;
  const noOther = other === undefined
    ? "the tests do not run as root, so they can't be another user"
    : undefined;
  const podman = docker ?? await missingPodman(ROOT_USER);
  const rootless = noOther ?? podman ?? await missingPodman(other!);
  return [
    { name: "docker", program: "docker", missing: docker, user: ROOT_USER },
    { name: "docker, another user", program: "docker", missing: docker ?? noOther, user: other ?? ROOT_USER },
    { name: "podman", program: "podman", missing: podman, user: ROOT_USER },
    { name: "podman, rootless", program: "podman", missing: rootless, user: other ?? ROOT_USER },
  ];
}

/** What is missing for the tests with Docker, if anything is; makes the tests' own image. */
export async function missingDocker(): Promise<string | undefined> {
  const missing = await missingEngine();
  if (missing !== undefined) return missing;
  const label = `experiment-test.dockerfile=${sha256(DOCKERFILE)}`;
  // Also of another engine, where nothing of a build is kept.
  if ((await said(["docker", "images", "--quiet", "--filter", `label=${label}`, IMAGE])) !== "") return;
  const context = await Deno.makeTempDir();
  await Deno.writeTextFile(join(context, "Dockerfile"), DOCKERFILE);
  const build = ["docker", "build", "--quiet", "--tag", IMAGE, "--label", label, context];
  const { code, stderr } = await call(build);
  await Deno.remove(context, { recursive: true });
  return code === 0 ? undefined : `the tests' image can't be built: ${stderr.trim().split("\n").at(-1)}`;
}

/** Gives the tests' image to the user's Podman, and tries it. */
async function missingPodman(user: User): Promise<string | undefined> {
  const podman = (...args: string[]) => call(user.as(["podman", ...args]), user.env).catch(() => undefined);
  if (await podman("version") === undefined) return "there is no podman";
  const archive = await Deno.makeTempFile({ suffix: ".tar" });
  try {
    await said(["docker", "save", "--output", archive, IMAGE]);
    await Deno.chmod(archive, 0o644);
    const loaded = await podman("load", "--quiet", "--input", archive);
    if (loaded?.code !== 0) return `podman can't load an image: ${loaded?.stderr.trim().split("\n").at(-1)}`;
  } finally {
    await Deno.remove(archive);
  }
  const tried = await podman("run", "--rm", IMAGE, "true");
  return tried?.code === 0 ? undefined : `podman can't run here: ${tried?.stderr.trim().split("\n").at(-1)}`;
}

/** A step that says that it is at work and takes no notice of ^C. */
export const STUBBORN = `
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("at work", flush=True)
time.sleep(60)
`;

/** A step that says who and where it is, and what it sees. */
export const REPORT = `
import json, os, sys
out = sys.argv[sys.argv.index("--out") + 1]
facts = {
    "uid": os.getuid(), "gid": os.getgid(), "cwd": os.getcwd(), "arguments": sys.argv[1:],
    "home": os.access(os.environ["HOME"], os.W_OK), "networks": sorted(os.listdir("/sys/class/net")),
    "threads": os.environ.get("OMP_NUM_THREADS"), "secret": os.environ.get("SECRET"),
}
json.dump(facts, open(out + "/metrics.json", "w"))
`;

/** A project of the user's whose step "train" runs this text. */
export async function makeProject(
  train: string,
  user: User = ROOT_USER,
  yaml = experiment(),
): Promise<Project> {
  const project = await Project.make({ "experiment.yaml": yaml, "train.py": train });
  if (user !== ROOT_USER) await said(["chown", "-R", `${user.uid}:${user.gid}`, project.root]);
  return project;
}

/** What the step "train" of the newest run wrote to metrics.json. */
export async function metrics(project: Project) {
  return JSON.parse(await Deno.readTextFile(join(await project.run(), "train/metrics.json")));
}
