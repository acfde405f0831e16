/** An image as one file, as `docker load` takes it: written whole or not at all. */

import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { lastLine } from "../container/client.ts";
import { signalGroup, spawn } from "../system/command.ts";

export interface Archive {
  /** Absolute. */
  path: string;
  bytes: number;
  sha256: string;
}

/**
 * Saves an image; a name that ends in `gz` gets it compressed.
 *
 * @param path absolute path of the file, which is replaced if it is there
 * @param progress called with the bytes that were read so far
 * @throws Failure(3) if the engine breaks off or the file can't be written
 */
export async function saveImage(
  image: string,
  path: string,
  { progress, signal }: { progress: (bytes: number) => void; signal: AbortSignal },
): Promise<Archive> {
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  const child = spawn(["docker", "save", image]);
  const stop = () => signalGroup(child.pid, "SIGKILL");
  signal.addEventListener("abort", stop);
  try {
    const said = new Response(child.stderr).text();
    const counted = child.stdout.pipeThrough(counter(progress));
    const stream = isCompressed(path)
      ? counted.pipeThrough(new CompressionStream("gzip") as TransformStream<Uint8Array, Uint8Array>)
      : counted;
    const written = await writeHashed(stream, temporary);
    const { success } = await child.status;
    signal.throwIfAborted();
    if (!success) throw new Failure(3, `Cannot save ${image}: docker says "${lastLine(await said)}"`);
    await Deno.rename(temporary, path);
    return { path, ...written };
  } catch (error) {
    stop();
    await Deno.remove(temporary).catch(() => {});
    throw signal.aborted || error instanceof Failure ? error : cannotWrite(path, error as Error);
  } finally {
    await child.status;
    signal.removeEventListener("abort", stop);
  }
}

export function isCompressed(path: string): boolean {
  return path.endsWith("gz");
}

function counter(progress: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      progress(bytes += chunk.length);
      controller.enqueue(chunk);
    },
  });
}

async function writeHashed(stream: ReadableStream<Uint8Array>, path: string) {
  const hash = createHash("sha256");
  let bytes = 0;
  using file = await Deno.open(path, { write: true, createNew: true });
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
    for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
  }
  await file.sync();
  return { bytes, sha256: hash.digest("hex") };
}

function cannotWrite(path: string, { message }: Error): Failure {
  return new Failure(3, `Cannot write ${path}: ${message}`, {
    remedy: "An archive takes about as much as the image: free some space, or name a file elsewhere",
  });
}
