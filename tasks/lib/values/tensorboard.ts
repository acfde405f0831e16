/**
 * Scalars in TensorBoard's event files: TFRecords (https://www.tensorflow.org/tutorials/load_data/tfrecord) of the messages
 * in tensorboard/compat/proto/event.proto and summary.proto.
 */

import { ContentProblem } from "./content_problem.ts";
import { type LoggedValue, namesOf, shortestSingle } from "./logged.ts";
import { fieldsOf, textOf } from "./protobuf.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * What was logged under a tag, in order.
 *
 * @throws {ContentProblem} if it is no event file, is damaged, or has no such scalar
 */
export function scalarsIn(file: Bytes, tag: string): LoggedValue[] {
  const found: LoggedValue[] = [];
  const tags: string[] = [];
  for (const event of recordsOf(file)) {
    let step = 0;
    const summaries: Bytes[] = [];
    for (const { number, bytes, value } of fieldsOf(event)) {
      if (number === 2 && value !== undefined) step = Number(BigInt.asIntN(64, value));
      if (number === 5) summaries.push(bytes);
    }
    for (const summary of summaries) {
      for (const { number, bytes } of fieldsOf(summary)) {
        const one = number === 1 ? scalarOf(bytes) : undefined;
        if (one === undefined) continue;
        tags.push(one.tag);
        if (one.tag === tag) found.push({ step, text: one.text });
      }
    }
  }
  if (found.length === 0) {
    throw new ContentProblem(`has no scalar ${JSON.stringify(tag)}, the scalars are ${namesOf(tags)}`);
  }
  return found;
}

/** A value of a summary; undefined if it is a text, a histogram, an image, … */
function scalarOf(message: Bytes): { tag: string; text: string } | undefined {
  let tag = "";
  let text: string | undefined;
  for (const { number, bytes } of fieldsOf(message)) {
    if (number === 1) tag = textOf(bytes);
    if (number === 2 && bytes.length === 4) text = shortestSingle(view(bytes).getFloat32(0, true));
    if (number === 8) text = tensorOf(bytes);
  }
  return text === undefined ? undefined : { tag, text };
}

const [FLOAT, DOUBLE] = [1n, 2n];

/** The one number of a tensor. */
function tensorOf(message: Bytes): string | undefined {
  let type: bigint | undefined;
  let content: Bytes | undefined;
  for (const { number, bytes, value } of fieldsOf(message)) {
    if (number === 1) type = value;
    if (number === 4 && bytes.length > 0 || number === 5 || number === 6) content = bytes;
  }
  if (type === FLOAT && content?.length === 4) return shortestSingle(view(content).getFloat32(0, true));
  return type === DOUBLE && content?.length === 8 ? String(view(content).getFloat64(0, true)) : undefined;
}

/** Length (8 bytes), its checksum (4), content, its checksum (4). A last record that was being written is left out. */
function* recordsOf(file: Bytes): Generator<Bytes> {
  const data = view(file);
  for (let at = 0; at + 12 <= file.length;) {
    const length = Number(data.getBigUint64(at, true));
    if (data.getUint32(at + 8, true) !== maskedCrc(file.subarray(at, at + 8))) {
      throw new ContentProblem(
        at === 0
          ? "is not an event file of TensorBoard"
          : `is damaged at byte ${at}: a checksum is not right`,
      );
    }
    const end = at + 12 + length;
    if (end + 4 > file.length) return;
    const content = file.subarray(at + 12, end);
    if (data.getUint32(end, true) !== maskedCrc(content)) {
      throw new ContentProblem(`is damaged at byte ${at}: a checksum is not right`);
    }
    yield content;
    at = end + 4;
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C, rotated by 15 bits and shifted, so that a checksum of a checksum is another. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  crc = (crc ^ 0xffffffff) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function view(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
