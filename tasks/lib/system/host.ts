/** This machine, as far as it decides what can run here and explains what came out. */

import * as os from "node:os";
import { run } from "./command.ts";
import type { Gpu, Host } from "./host_schema.ts";
import { findOnPath, isOnPath } from "./on_path.ts";

export type { Gpu, Host };

/** Where our Dockerfiles leave the image's name; `/.dockerenv` would only say that this is some container. */
const IMAGE_MARKER = "/etc/experiment-image";

/** As Node names them: its own `os.arch()` loads a module that takes 6 ms. */
const ARCHITECTURES = { x86_64: "x64", aarch64: "arm64" };

/** Reads this machine. Asking for GPUs starts a program, and only where there is one to start. */
export async function inspectHost(): Promise<Host> {
  return {
    name: os.hostname(),
    os: Deno.build.os,
    kernel: os.release(),
    architecture: ARCHITECTURES[Deno.build.arch],
    cpu: os.cpus()[0]?.model ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memory: os.totalmem(),
    uid: Deno.uid() ?? undefined,
    gid: Deno.gid() ?? undefined,
    gpus: await inspectGpus(),
    image: await imageMarker(),
    deno: Deno.version.deno,
  };
}

/** Our image that this process runs in, if it does. */
export async function imageMarker(): Promise<Host["image"]> {
  try {
    const name = (await Deno.readTextFile(IMAGE_MARKER)).trim();
    const python = findOnPath("python");
    return python === undefined ? undefined : { name, python };
  } catch {
    return undefined;
  }
}

/** NVIDIA GPUs as `nvidia-smi` lists them; none where it is missing, fails, or takes more than ten seconds. */
async function inspectGpus(): Promise<Gpu[]> {
  const query = [
    "nvidia-smi",
    "--query-gpu=name,memory.total,driver_version,uuid",
    "--format=csv,noheader,nounits",
  ];
  if (!isOnPath("nvidia-smi")) return [];
  try {
    const { code, stdout } = await run(query, { timeoutMs: 10_000 });
    return code === 0 ? parseGpus(stdout) : [];
  } catch {
    return [];
  }
}

export function parseGpus(csv: string): Gpu[] {
  return csv.split("\n").filter((line) => line.includes(",")).map((line) => {
    const [name = "", memory = "", driver = "", uuid = ""] = line.split(",").map((cell) => cell.trim());
    return { name, memory: Number(memory), driver, uuid };
  });
}
