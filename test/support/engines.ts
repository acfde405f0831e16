/** Real container engines for tests: which there are here, and a small image for each. */

import { join } from "node:path";
import { sha256 } from "../../tasks/lib/system/files.ts";
import { BASE, missingEngine, socketPath } from "./docker.ts";
import { experiment, Project } from "./project.ts";
import { call, otherUser, ROOT_USER, said, type User } from "./users.ts";

export * from "./users.ts";

/** Debian with Python and tini: small, and made the same way as the base of the CPU image. */
export const IMAGE = "experiment-test:python";

const DOCKERFILE = `FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends python3 python-is-python3 tini \\
  && rm -rf /var/lib/apt/lists/*
ENV PYTHON_VERSION=3.11
ENTRYPOINT ["tini", "-g", "--"]
`;

/** An engine as one kind of user has it. */
export interface TestEngine {
  /** As the tests call it, e.g. "podman, rootless". */
  name: string;
  program: "docker" | "podman";
  /** Why it can't be tested here. */
  missing?: string;
  user: User;
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
