/** Reading a file that may be compressed: its first bytes tell how, whatever its name says. */

import { createReadStream } from "node:fs";
import { pipeline, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { Failure } from "../../cli/failure.ts";
import { spawn } from "../../system/command.ts";
import { ArchiveError } from "./archive_error.ts";

const CHUNK = 1 << 18;

export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

const SIGNATURES: [Compression, number[]][] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** By the signature; six bytes are enough. */
export function compressionOf(beginning: Uint8Array): Compression {
  return SIGNATURES.find(([, bytes]) => bytes.every((byte, i) => beginning[i] === byte))?.[0] ?? "none";
}

/** What the file holds, in chunks. */
export function decompressed(file: string, compression: Compression): AsyncIterable<Uint8Array> {
  switch (compression) {
    case "none":
      return createReadStream(file, { highWaterMark: CHUNK });
    case "gzip":
      return throughZlib(file, createGunzip({ chunkSize: CHUNK }));
    case "zstd":
      return throughZlib(file, createZstdDecompress({ chunkSize: CHUNK }));
    case "xz":
    case "bzip2":
      return throughProgram(file, compression);
    default:
      return compression satisfies never;
  }
}

async function* throughZlib(file: string, transform: Transform): AsyncGenerator<Uint8Array> {
  try {
    yield* pipeline(createReadStream(file, { highWaterMark: CHUNK }), transform, () => {});
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    throw code?.startsWith("Z") ? new ArchiveError(`it is damaged: ${message}`) : error;
  }
}

/** Node has neither format. */
async function* throughProgram(file: string, program: "xz" | "bzip2"): AsyncGenerator<Uint8Array> {
  const child = start(file, program);
  const problem = new Response(child.stderr).text();
  try {
    yield* child.stdout;
    const { code } = await child.status;
    if (code !== 0) throw new ArchiveError(`it is damaged: ${(await problem).trim().split("\n", 1)[0]}`);
  } finally {
    await Promise.allSettled([problem, child.status]); // nobody reads it any more, so that it ends
  }
}

function start(file: string, program: "xz" | "bzip2"): Deno.ChildProcess {
  try {
    return spawn([program, "--decompress", "--stdout", "--", file]);
  } catch {
    throw new Failure(
      3,
      `Cannot unpack ${file}: it is compressed by ${program}, and that program is not there`,
      {
        remedy: `Install ${program}, e.g. apt-get install ${program === "xz" ? "xz-utils" : program}`,
      },
    );
  }
}
