/** How far the elements of two equally shaped tensors are apart, bit by bit and number by number. Pure. */

/** What was found over all pairs of elements so far. */
export interface Tally {
  /** Elements whose bits differ; −0 and 0 do, and NaNs of other payloads. */
  differing: number;
  /** Of these, where not both are finite numbers; they are in none of the figures below. */
  notFinite: number;
  /** Largest distance in units in the last place: how many representable numbers lie between; of integers the difference. */
  ulp: bigint;
  /** Position of that pair, counted through the flattened tensor. */
  at?: number;
  /** Largest |a − b|. */
  absolute: number;
  /** Largest |a − b| / max(|a|, |b|), so from 0 to 2. */
  relative: number;
}

/** Of no elements yet; the comparers of `ELEMENTS` add to it. */
export function emptyTally(): Tally {
  return { differing: 0, notFinite: 0, ulp: 0n, absolute: 0, relative: 0 };
}

/** Compares two pieces of the same length; `offset` is the position of their first element in the tensor. */
type Compare = (a: ArrayBuffer, b: ArrayBuffer, tally: Tally, offset: number) => void;

/** The element types of safetensors that are compared as numbers, with their size in bytes. */
export const ELEMENTS: Record<string, { bytes: number; compare: Compare }> = {
  F64: { bytes: 8, compare: compareFloat64 },
  F32: { bytes: 4, compare: floats(Int32Array, (data) => new Float32Array(data)) },
  F16: { bytes: 2, compare: floats(Int16Array, (data) => new Float16Array(data)) },
  BF16: { bytes: 2, compare: floats(Int16Array, bfloat16) },
  I64: { bytes: 8, compare: integers(BigInt64Array) },
  U64: { bytes: 8, compare: integers(BigUint64Array) },
  I32: { bytes: 4, compare: integers(Int32Array) },
  U32: { bytes: 4, compare: integers(Uint32Array) },
  I16: { bytes: 2, compare: integers(Int16Array) },
  U16: { bytes: 2, compare: integers(Uint16Array) },
  I8: { bytes: 1, compare: integers(Int8Array) },
  U8: { bytes: 1, compare: integers(Uint8Array) },
  BOOL: { bytes: 1, compare: integers(Uint8Array) },
};

/** A bfloat16 is the upper half of a float32. */
function bfloat16(data: ArrayBuffer): Float32Array {
  const halves = new Uint16Array(data);
  const words = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) words[index] = halves[index]! << 16;
  return new Float32Array(words.buffer);
}

/** Floats of at most 32 bits, whose distances fit a double. */
function floats(
  Bits: typeof Int16Array | typeof Int32Array,
  numbers: (data: ArrayBuffer) => ArrayLike<number>,
): Compare {
  const signBit = -(2 ** (Bits.BYTES_PER_ELEMENT * 8 - 1));
  // Floats of one sign are in the order of their bits, so that a negative one's place is minus that of its size.
  const place = (bits: number) => bits >= 0 ? bits : signBit - bits;
  return (dataA, dataB, tally, offset) => {
    const [bitsA, bitsB, a, b] = [new Bits(dataA), new Bits(dataB), numbers(dataA), numbers(dataB)];
    let [largest, at] = [-1, -1];
    for (let index = 0; index < bitsA.length; index++) {
      const left = bitsA[index]!;
      const right = bitsB[index]!;
      if (left === right || !countNumbers(tally, a[index]!, b[index]!)) continue;
      const distance = Math.abs(place(left) - place(right));
      if (distance > largest) [largest, at] = [distance, offset + index];
    }
    if (at >= 0) keepLargest(tally, BigInt(largest), at);
  };
}

/** Counts a pair whose bits differ; returns whether both are numbers that have a distance. */
function countNumbers(tally: Tally, a: number, b: number): boolean {
  tally.differing++;
  const absolute = Math.abs(a - b);
  // Also finite numbers can be infinitely far apart, so that only such a distance is worth a second look.
  if (!(absolute < Infinity) && !(Number.isFinite(a) && Number.isFinite(b))) {
    tally.notFinite++;
    return false;
  }
  if (absolute > tally.absolute) tally.absolute = absolute;
  const size = Math.max(Math.abs(a), Math.abs(b));
  // Halved, the difference of the two largest doubles of either sign does not overflow.
  const relative = size === 0
    ? 0
    : absolute < Infinity
    ? absolute / size
    : Math.abs(a / 2 - b / 2) / (size / 2);
  if (relative > tally.relative) tally.relative = relative;
  return true;
}

function keepLargest(tally: Tally, ulp: bigint, at: number) {
  if (tally.at !== undefined && ulp <= tally.ulp) return;
  tally.ulp = ulp;
  tally.at = at;
}

const WORD = 2 ** 32;

const EXACT = 2 ** 53;

/** Doubles: distances up to 2⁵³ are exact in a double; only what may be larger is worth a bigint. */
function compareFloat64(dataA: ArrayBuffer, dataB: ArrayBuffer, tally: Tally, offset: number) {
  const [wordsA, wordsB] = [new Int32Array(dataA), new Int32Array(dataB)];
  const [a, b] = [new Float64Array(dataA), new Float64Array(dataB)];
  const [bitsA, bitsB] = [new BigInt64Array(dataA), new BigInt64Array(dataB)];
  let largest = Math.min(Number(tally.ulp), EXACT);
  for (let index = 0; index < a.length; index++) {
    const lowA = wordsA[2 * index]!;
    const highA = wordsA[2 * index + 1]!;
    const lowB = wordsB[2 * index]!;
    const highB = wordsB[2 * index + 1]!;
    if (lowA === lowB && highA === highB || !countNumbers(tally, a[index]!, b[index]!)) continue;
    const sameSign = (highA ^ highB) >= 0;
    const distance = sameSign ? Math.abs((highA - highB) * WORD + ((lowA >>> 0) - (lowB >>> 0))) : Infinity;
    if (tally.at !== undefined && distance <= largest && distance < EXACT) continue;
    keepLargest(tally, distance64(bitsA[index]!, bitsB[index]!), offset + index);
    largest = Math.min(Number(tally.ulp), EXACT);
  }
}

function distance64(a: bigint, b: bigint): bigint {
  const place = (bits: bigint) => bits >= 0n ? bits : -(2n ** 63n) - bits;
  return magnitude(place(a) - place(b));
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

type IntegerArray = new (data: ArrayBuffer) => ArrayLike<number | bigint>;

function integers(Values: IntegerArray): Compare {
  return (dataA, dataB, tally, offset) => {
    const [a, b] = [new Values(dataA), new Values(dataB)];
    for (let index = 0; index < a.length; index++) {
      const [left, right] = [a[index]!, b[index]!];
      if (left === right) continue;
      countNumbers(tally, Number(left), Number(right));
      keepLargest(tally, magnitude(BigInt(left) - BigInt(right)), offset + index);
    }
  };
}
