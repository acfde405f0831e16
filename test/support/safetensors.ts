/** Writes the bytes of a safetensors file, for tests. */

type Elements = Float32Array | Float64Array | BigInt64Array | Int32Array;

const TYPES: [new (...args: never[]) => Elements, string][] = [
  [Float32Array, "F32"],
  [Float64Array, "F64"],
  [BigInt64Array, "I64"],
  [Int32Array, "I32"],
];

/** @param shapes of the tensors that are not flat */
export function safetensors(
  tensors: Record<string, Elements>,
  shapes: Record<string, number[]> = {},
): Uint8Array {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, data]) => {
    const begin = end;
    end += data.byteLength;
    const dtype = TYPES.find(([type]) => data instanceof type)![1];
    return [name, { dtype, shape: shapes[name] ?? [data.length], data_offsets: [begin, end] }];
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const file = new Uint8Array(8 + header.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  let position = 8 + header.length;
  for (const data of Object.values(tensors)) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}
