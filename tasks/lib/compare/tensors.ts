/** Two files of tensors, tensor by tensor. */

import { Buffer } from "node:buffer";
import { extname } from "node:path";
import { TensorFile, type TensorInfo, TensorProblem } from "./safetensors.ts";
import { ELEMENTS, emptyTally, type Tally } from "./tally.ts";

/** A tensor that differs. */
export interface TensorDifference {
  name: string;
  dtype: string;
  shape: number[];
  elements: number;
  differing: number;
  /** Pairs of which one is NaN or infinite, or both in another way. */
  notFinite: number;
  /** Largest distance in units in the last place, exact; of integers the largest difference. */
  ulp: string;
  /** Where: one index for each dimension. */
  at: number[];
  absolute: number;
  relative: number;
}

/** How two files differ, by the names of their tensors. */
export interface TensorsDifference {
  equal: number;
  /** Those with the largest relative difference first. */
  differing: TensorDifference[];
  /** What can't be compared by elements, e.g. `conv1.weight: F32 [64, 3] against F64 [64, 3]`. */
  problems: string[];
}

export const TENSORS_EXTENSION = ".safetensors";

/** Bytes that are compared at a time: a multiple of every element's size. */
const PIECE = 4 << 20;

/** @throws {TensorProblem} if one of them is not a safetensors file. */
export function compareTensorFiles(pathA: string, pathB: string): TensorsDifference {
  using a = TensorFile.open(pathA);
  using b = TensorFile.open(pathB);
  const result: TensorsDifference = { equal: 0, differing: [], problems: [] };
  const pieces: Chunks = { a: new ArrayBuffer(PIECE), b: new ArrayBuffer(PIECE) };
  for (const name of new Set([...a.tensors.keys(), ...b.tensors.keys()])) {
    const [left, right] = [a.tensors.get(name), b.tensors.get(name)];
    const problem = describeMismatch(left, right);
    if (problem !== undefined) result.problems.push(`${name}: ${problem}`);
    else addTensor(result, name, left!, tallyTensor(a, left!, b, right!, pieces));
  }
  result.differing.sort((one, other) => other.relative - one.relative);
  return result;
}

/** How many tensors a file holds; undefined if it is not a file of tensors. */
export function countTensors(path: string | undefined): number | undefined {
  if (path === undefined || extname(path) !== TENSORS_EXTENSION) return undefined;
  try {
    using file = TensorFile.open(path);
    return file.tensors.size;
  } catch (error) {
    if (error instanceof TensorProblem) return undefined;
    throw error;
  }
}

interface Chunks {
  a: ArrayBuffer;
  b: ArrayBuffer;
}

function describeMismatch(a: TensorInfo | undefined, b: TensorInfo | undefined): string | undefined {
  if (a === undefined || b === undefined) return a === undefined ? "only in B" : "only in A";
  const [left, right] = [describeTensor(a), describeTensor(b)];
  if (left !== right) return `${left} against ${right}`;
  const size = ELEMENTS[a.dtype]?.bytes;
  const bytes = size === undefined ? undefined : size * countElements(a.shape);
  if (a.end - a.begin === b.end - b.begin && (bytes === undefined || bytes === a.end - a.begin)) {
    return undefined;
  }
  throw new TensorProblem(`has other data than its header says for ${left}`);
}

/** Type and shape: `F32 [64, 3]`. */
export function describeTensor({ dtype, shape }: Pick<TensorInfo, "dtype" | "shape">): string {
  return `${dtype} [${shape.join(", ")}]`;
}

function countElements(shape: number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function tallyTensor(
  a: TensorFile,
  left: TensorInfo,
  b: TensorFile,
  right: TensorInfo,
  pieces: Chunks,
): Tally {
  const tally = emptyTally();
  // An element type that is not known as numbers is compared byte by byte.
  const { bytes, compare } = ELEMENTS[left.dtype] ?? ELEMENTS.U8!;
  const size = left.end - left.begin;
  for (let done = 0; done < size; done += PIECE) {
    const length = Math.min(PIECE, size - done);
    const [bytesA, bytesB] = [new Uint8Array(pieces.a, 0, length), new Uint8Array(pieces.b, 0, length)];
    a.read(bytesA, left.begin + done);
    b.read(bytesB, right.begin + done);
    if (Buffer.compare(bytesA, bytesB) === 0) continue;
    const whole = length === PIECE;
    compare(
      whole ? pieces.a : pieces.a.slice(0, length),
      whole ? pieces.b : pieces.b.slice(0, length),
      tally,
      done / bytes,
    );
  }
  return tally;
}

function addTensor(result: TensorsDifference, name: string, { dtype, shape }: TensorInfo, tally: Tally) {
  if (tally.differing === 0) {
    result.equal++;
    return;
  }
  const { differing, notFinite, absolute, relative } = tally;
  result.differing.push({
    ...{ name, dtype, shape, elements: countElements(shape), differing, notFinite },
    ...{ ulp: String(tally.ulp), at: indices(tally.at ?? 0, shape), absolute, relative },
  });
}

/** The index in each dimension of a position in the flattened tensor (row by row). */
function indices(position: number, shape: number[]): number[] {
  const found: number[] = [];
  for (const length of shape.toReversed()) {
    found.unshift(position % length);
    position = Math.floor(position / length);
  }
  return found;
}
