/** What a SIF file is made from: an image of a registry, of a Docker Engine, or of an archive. */

import { resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { exists } from "../system/files.ts";
import { type ImageInfo, inspectImage } from "./client.ts";

/** An image that a SIF file can be made from. */
export interface Convertible {
  /** As the user or the experiment calls it. */
  name: string;
  /** As `apptainer build` calls it. */
  uri: string;
  /** The image's id, which changes with it; of a registry's image its name, for nothing else is known before it is here. */
  id: string;
  /** Size of its files, where that is known. */
  bytes?: number;
  fromNetwork: boolean;
}

/** A SIF file that is there already. */
export interface OwnSif {
  name: string;
  file: string;
}

const PREFIX = /^(docker|docker-daemon|docker-archive):(?:\/\/)?(.+)$/;

/** Whether only apptainer can run what `--image` names. */
export function isForApptainer(image: string): boolean {
  return PREFIX.test(image) || image.endsWith(".sif");
}

/**
 * @param image what the user named; without it the experiment's own image, by the first name that a Docker Engine has
 * @param folder that paths are relative to
 * @throws Failure(2) for a file that is not there, Failure(3) for an image that is not.
 */
export async function findOrigin(
  image: string | undefined,
  own: string[],
  folder: string,
): Promise<Convertible | OwnSif> {
  if (image === undefined) return await fromDaemon(own);
  const [, kind, rest = ""] = PREFIX.exec(image) ?? [];
  if (kind === "docker") {
    return { name: image, uri: `docker://${rest}`, id: `docker://${rest}`, fromNetwork: true };
  }
  if (kind === "docker-daemon") return await fromDaemon([rest]);
  if (kind === "docker-archive") return await fromArchive(resolve(folder, rest));
  if (!image.endsWith(".sif")) return await fromDaemon([image]);
  const file = resolve(folder, image);
  if (!await exists(file)) throw new Failure(2, `Cannot run in ${image}: there is no such file`);
  return { name: image, file: await Deno.realPath(file) };
}

async function fromDaemon(names: string[]): Promise<Convertible> {
  for (const name of names) {
    const found = await ask(name);
    if (found === undefined) continue;
    const { id, size } = found;
    return { name, uri: `docker-daemon:${id}`, id, bytes: size, fromNetwork: false };
  }
  throw missing(names[0]!, "Docker has no image of that name");
}

async function ask(name: string): Promise<ImageInfo | undefined> {
  try {
    return await inspectImage("docker", name);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw missing(name, error.message.replace(/^Cannot use Docker: /, ""));
  }
}

function missing(name: string, because: string): Failure {
  return new Failure(3, `Cannot take ${name} from a Docker Engine for apptainer: ${because}`, {
    remedy:
      `Bring it along: docker save ${name} -o image.tar where it is, then --image docker-archive:image.tar here; ` +
      "or name a SIF file, or an image of a registry: --image docker://NAME --yes",
  });
}

async function fromArchive(file: string): Promise<Convertible> {
  const info = await Deno.stat(file).catch(() => undefined);
  if (!info?.isFile) throw new Failure(2, `Cannot take an image from ${file}: there is no such file`);
  if (file.includes(":")) {
    throw new Failure(2, `Cannot take an image from ${file}: apptainer takes no ":" in an archive's path`, {
      remedy: "Move it, or name it by a link",
    });
  }
  const { stdout } = await run(["tar", "--extract", "--to-stdout", "--file", file, "manifest.json"], {
    keep: "all",
  });
  const id = imageIdOf(stdout);
  if (id === undefined) {
    throw new Failure(2, `Cannot take an image from ${file}: it is no archive of docker save`, {
      remedy: "docker save NAME -o image.tar",
    });
  }
  return {
    name: file,
    uri: `docker-archive:${file}`,
    id,
    bytes: info.size,
    fromNetwork: false,
  };
}

/** The id of the first image in an archive's manifest.json: the hash of its configuration. */
export function imageIdOf(manifest: string): string | undefined {
  try {
    const hash = /[0-9a-f]{64}/.exec(JSON.parse(manifest)[0].Config)?.[0];
    return hash && `sha256:${hash}`;
  } catch {
    return undefined; // not JSON, or of another shape
  }
}
