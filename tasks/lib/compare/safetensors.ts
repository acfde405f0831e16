/** Files of tensors in the safetensors format: eight bytes of length, a JSON header, the raw elements. */

import { Buffer } from "node:buffer";

/** Why a file can't be read as tensors; the message goes on after its name. */
export class TensorProblem extends Error {}

/** A tensor as the header describes it; `begin` and `end` count from the file's first byte. */
export interface TensorInfo {
  dtype: string;
  shape: number[];
  /** First byte of its data in the file, and the one after its last. */
  begin: number;
  end: number;
}

/** The format's own limit for the header, in bytes. */
const LARGEST_HEADER = 100_000_000;

/** An open file of tensors. */
export class TensorFile implements Disposable {
  private constructor(
    private readonly file: Deno.FsFile,
    readonly tensors: ReadonlyMap<string, TensorInfo>,
  ) {}

  /** @throws {TensorProblem} if the file is cut off or no safetensors file. */
  static open(path: string): TensorFile {
    const file = Deno.openSync(path);
    try {
      return new TensorFile(file, readHeader(file));
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Fills `into` with the file's bytes from `position` on. */
  read(into: Uint8Array, position: number) {
    readAt(this.file, into, position);
  }

  [Symbol.dispose]() {
    this.file.close();
  }
}

function readAt(file: Deno.FsFile, into: Uint8Array, position: number) {
  file.seekSync(position, Deno.SeekMode.Start);
  for (let done = 0; done < into.length;) {
    const count = file.readSync(into.subarray(done));
    if (count === null) throw new TensorProblem("is cut off");
    done += count;
  }
}

function readHeader(file: Deno.FsFile): Map<string, TensorInfo> {
  const { size } = file.statSync();
  const prefix = new Uint8Array(8);
  if (size < prefix.length) throw new TensorProblem("is too short for a safetensors file");
  readAt(file, prefix, 0);
  const length = Number(Buffer.from(prefix.buffer).readBigUInt64LE());
  if (length > LARGEST_HEADER || prefix.length + length > size) {
    throw new TensorProblem("is cut off, or no safetensors file");
  }
  const text = new Uint8Array(length);
  readAt(file, text, prefix.length);
  return parseHeader(new TextDecoder().decode(text), prefix.length + length, size);
}

/**
 * @param start position of the first byte after the header
 * @param size of the whole file, in bytes
 */
export function parseHeader(text: string, start: number, size: number): Map<string, TensorInfo> {
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new TensorProblem(`has no valid header: ${(error as Error).message}`);
  }
  if (typeof header !== "object" || header === null) throw new TensorProblem("has no valid header");
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return new Map(entries.map(([name, entry]) => [name, parseEntry(name, entry, start, size)]));
}

function parseEntry(name: string, entry: unknown, start: number, size: number): TensorInfo {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const isCounts = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((count) => Number.isSafeInteger(count) && count >= 0);
  if (typeof dtype !== "string" || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw new TensorProblem(`has no valid entry for ${JSON.stringify(name)}`);
  }
  const [begin, end] = [start + offsets[0]!, start + offsets[1]!];
  if (begin > end || end > size) {
    throw new TensorProblem(`is cut off: ${JSON.stringify(name)} reaches beyond its end`);
  }
  return { dtype, shape, begin, end };
}
