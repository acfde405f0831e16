/** The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding), without their schemas. */

import { ContentProblem } from "./content_problem.ts";

/** A field of a message, by its number. */
export interface Field {
  number: number;
  /** Of the wire types varint, 64 bits and 32 bits, its bytes as they stand; of the others, the content. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Of a varint. */
  value?: bigint;
}

/** The fields of a message in order. @throws {ContentProblem} if it is none */
export function* fieldsOf(message: Uint8Array<ArrayBuffer>): Generator<Field> {
  for (let at = 0; at < message.length;) {
    const key = varint(message, at);
    const number = Number(key.value >> 3n);
    at = key.end;
    switch (Number(key.value & 7n)) {
      case 0: {
        const { value, end } = varint(message, at);
        yield { number, bytes: message.subarray(at, end), value };
        at = end;
        break;
      }
      case 1:
        yield { number, bytes: part(message, at, at += 8) };
        break;
      case 2: {
        const { value, end } = varint(message, at);
        yield { number, bytes: part(message, end, at = end + Number(value)) };
        break;
      }
      case 5:
        yield { number, bytes: part(message, at, at += 4) };
        break;
      default:
        throw new ContentProblem("holds a record that is no message");
    }
  }
}

function part(message: Uint8Array<ArrayBuffer>, from: number, to: number): Uint8Array<ArrayBuffer> {
  if (to > message.length) throw new ContentProblem("holds a record that is cut off");
  return message.subarray(from, to);
}

function varint(message: Uint8Array, from: number): { value: bigint; end: number } {
  let value = 0n;
  for (let at = from, shift = 0n; shift < 70n; at++, shift += 7n) {
    const byte = message[at];
    if (byte === undefined) break;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return { value, end: at + 1 };
  }
  throw new ContentProblem("holds a record that is cut off");
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
