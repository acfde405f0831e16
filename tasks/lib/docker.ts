/** The docker client: what it knows of images, and what its failures mean. */

import { type Finished, run, type RunOptions } from "./command.ts";
import { Failure } from "./failure.ts";

export interface ImageInfo {
  id: string;
  /** `repository@sha256:…` for each registry that it was pulled from or pushed to. */
  digests: string[];
  /** Bytes. */
  size: number;
}

/** @throws Failure(3) if there is no docker client; a non-zero exit code is a result. */
export async function docker(args: string[], options: RunOptions = {}): Promise<Finished> {
  try {
    return await run(["docker", ...args], options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(3, "Cannot use Docker: there is no program docker on PATH", {
      remedy: "Install Docker Engine, Docker Desktop, or Rancher Desktop in its dockerd mode",
    });
  }
}

/**
 * The version of the engine behind the client.
 *
 * @throws Failure(3) if there is no client, no engine that answers, or no right to ask it.
 */
export async function requireEngine(): Promise<string> {
  const { code, stdout, stderr } = await docker(["version", "--format", "{{.Server.Version}}"], {
    timeoutMs: 30_000,
  });
  if (code === 0 && stdout.trim() !== "") return stdout.trim();
  throw explainEngine(stderr);
}

/** What the client's message means, and what to do about it. */
export function explainEngine(stderr: string): Failure {
  const said = stderr.trim().split("\n").at(-1) ?? "";
  if (/permission denied/i.test(stderr)) {
    return new Failure(3, `Cannot use Docker: this user may not talk to the engine (${said})`, {
      remedy: "sudo usermod -aG docker $USER, then log in again; members of that group are as good as root",
    });
  }
  if (/cannot connect|is the docker daemon running|connection refused|no such host|ENOENT/i.test(stderr)) {
    return new Failure(3, `Cannot use Docker: no engine answers (${said})`, {
      remedy: "Start it (sudo systemctl start docker, or Docker Desktop), or correct DOCKER_HOST",
    });
  }
  return new Failure(3, `Cannot use Docker: ${said || "the engine did not answer within 30 s"}`, {
    remedy: "docker version tells more",
  });
}

/** An image on this machine; `undefined` if it is not here. */
export async function inspectImage(name: string): Promise<ImageInfo | undefined> {
  const { code, stdout, stderr } = await docker(["image", "inspect", "--format", "{{json .}}", name]);
  if (code !== 0) {
    if (/no such image/i.test(stderr)) return undefined;
    throw explainEngine(stderr);
  }
  const { Id, RepoDigests, Size } = JSON.parse(stdout);
  return { id: Id, digests: RepoDigests ?? [], size: Size };
}

/** @throws Failure(3) if the image can't be had. */
export async function pullImage(name: string, progress: (line: string) => void): Promise<void> {
  const { code, stderr } = await docker(["pull", name], { onLine: progress });
  if (code === 0) return;
  const said = stderr.trim().split("\n").at(-1) ?? "";
  throw new Failure(
    3,
    `Cannot get the image ${name}: it is not on this machine, and docker pull says "${said}"`,
    {
      remedy:
        `Check the name and the network, or bring it along: docker save ${name} elsewhere, docker load here`,
    },
  );
}
