/**
 * The files of a zip, by what the browser itself unpacks (DecompressionStream). A library for this is a third of the page,
 * most of it for what no crate has: passwords, other methods, writing.
 *
 * Format: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (ZIP64).
 */

import type { Packed } from "./dropped_files.ts";

export interface Zipped extends Packed {
  path: string;
  /** Permissions and kind of file, as Unix has them; 0 where the zip does not say. */
  mode: number;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;

/** In the place of numbers that stand in the ZIP64 fields. */
const ELSEWHERE = 0xffffffff;

/** The largest comment behind the end record, and the record. */
const END_ROOM = 0xffff + 22;

/** Bytes of the list of files, and files in it, which is held in memory: beyond that, a stranger's takes too long to refuse. */
const LONGEST_LIST = 32 << 20;
const MOST_FILES = 150_000;

/** Bytes of the longest path that Linux takes. */
export const LONGEST_PATH = 4096;

/** Entries without their folders. @throws Error if it is no zip, or one of several parts */
export async function readZip(zip: Blob): Promise<Zipped[]> {
  const { offset, size } = await findDirectory(zip);
  if (size > LONGEST_LIST) {
    throw new Error(`its list of files has ${size} bytes, more than the ${LONGEST_LIST} that are read`);
  }
  const view = await viewOf(zip, offset, size);
  const found: Zipped[] = [];
  for (let at = 0; at + 46 <= view.byteLength;) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error("its list of files is damaged");
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    if (name > LONGEST_PATH) throw new Error(`it holds a path of ${name} bytes`);
    const path = textOf(view, at + 46, name);
    if (found.length === MOST_FILES) {
      throw new Error(`it holds more than ${MOST_FILES} files; unpack it, and drop the folder`);
    }
    if (!path.endsWith("/")) found.push(entryOf(zip, path, view, at, extraOf(view, at + 46 + name, extra)));
    at += 46 + name + extra + comment;
  }
  return found;
}

async function findDirectory(zip: Blob): Promise<{ offset: number; size: number }> {
  const begin = Math.max(0, zip.size - END_ROOM);
  const tail = await viewOf(zip, begin, zip.size - begin);
  for (let at = tail.byteLength - 22; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    const [size, offset] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
    const isLarge = at >= 20 && tail.getUint32(at - 20, true) === LOCATOR_64;
    if (!isLarge) return { offset, size };
    const end = await viewOf(zip, Number(tail.getBigUint64(at - 12, true)), 56);
    if (end.getUint32(0, true) !== END_64) break;
    return { size: Number(end.getBigUint64(40, true)), offset: Number(end.getBigUint64(48, true)) };
  }
  throw new Error("it has no end record");
}

/** The fields of ZIP64: only those whose 32 bits say {@link ELSEWHERE}, in this order. */
function extraOf(view: DataView, at: number, length: number): DataView | undefined {
  for (let field = at; field + 4 <= at + length;) {
    const [id, size] = [view.getUint16(field, true), view.getUint16(field + 2, true)];
    if (id === 1) return new DataView(view.buffer, view.byteOffset + field + 4, size);
    field += 4 + size;
  }
}

function entryOf(zip: Blob, path: string, view: DataView, at: number, large?: DataView): Zipped {
  let used = 0;
  const number = (field: number): number => {
    const value = view.getUint32(at + field, true);
    if (value !== ELSEWHERE || large === undefined) return value;
    return Number(large.getBigUint64((used += 8) - 8, true));
  };
  const [size, packed, offset] = [number(24), number(20), number(42)];
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  return {
    path,
    size,
    packed,
    mode: view.getUint32(at + 38, true) >>> 16,
    async unpack() {
      if (flags & 1) throw new Error(`${path} is encrypted`);
      const local = await viewOf(zip, offset, 30);
      if (local.getUint32(0, true) !== LOCAL) throw new Error(`${path} is not where the zip's list says`);
      const begin = offset + 30 + local.getUint16(26, true) + local.getUint16(28, true);
      const data = zip.slice(begin, begin + packed);
      if (method === 0) return data;
      if (method !== 8) throw new Error(`${path} is packed by method ${method}, which browsers do not know`);
      return await unpacked(data, path, size);
    },
  };
}

async function unpacked(data: Blob, path: string, size: number): Promise<Blob> {
  let count = 0;
  let problem: Error | undefined;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, out) {
      count += piece.length;
      if (count > size) throw problem = new Error(`${path} is larger than the zip says`);
      out.enqueue(piece);
    },
  });
  const stream = data.stream().pipeThrough(inPieces()).pipeThrough(new DecompressionStream("deflate-raw"))
    .pipeThrough(counted);
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).blob().catch((error) => {
    throw problem ?? new Error(`${path} can't be unpacked: ${error.message}`); // else "Failed to fetch"
  });
}

/** Bytes that are unpacked before anybody looks at how many became of them: at most a thousand times as many. */
const PIECE = 64 << 10;

function inPieces(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  return new TransformStream({
    transform(bytes, out) {
      for (let at = 0; at < bytes.length; at += PIECE) out.enqueue(bytes.subarray(at, at + PIECE));
    },
  });
}

async function viewOf(blob: Blob, begin: number, size: number): Promise<DataView> {
  if (begin < 0 || begin + size > blob.size) throw new Error("it is cut off");
  return new DataView(await blob.slice(begin, begin + size).arrayBuffer());
}

function textOf(view: DataView, at: number, length: number): string {
  if (at + length > view.byteLength) throw new Error("its list of files is damaged");
  return DECODER.decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
}

/** One for all names, of which each would take as long to make as to use. */
const DECODER = new TextDecoder();
