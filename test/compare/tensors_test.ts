/** Tensors: distances in units in the last place of every element type, and files of them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseHeader, TensorProblem } from "../../tasks/lib/compare/safetensors.ts";
import { ELEMENTS, emptyTally, type Tally } from "../../tasks/lib/compare/tally.ts";
import { compareTensorFiles } from "../../tasks/lib/compare/tensors.ts";
import { safetensors } from "../support/safetensors.ts";

/** Compares two lists of bit patterns of an element type. */
function tally(dtype: string, a: bigint[], b: bigint[]): Tally {
  const { bytes, compare } = ELEMENTS[dtype]!;
  const data = (bits: bigint[]) => {
    const words = new BigUint64Array(1);
    const all = bits.flatMap((word) => {
      words[0] = word;
      return [...new Uint8Array(words.buffer).subarray(0, bytes)];
    });
    return new Uint8Array(all).buffer;
  };
  const result = emptyTally();
  compare(data(a), data(b), result, 0);
  return result;
}

/** Bits of one, the sign, infinity and a NaN in each floating type; written by hand from IEEE 754. */
const FLOATS = {
  F64: { one: 0x3ff0000000000000n, sign: 1n << 63n, infinity: 0x7ff0000000000000n, nan: 0x7ff8000000000000n },
  F32: { one: 0x3f800000n, sign: 1n << 31n, infinity: 0x7f800000n, nan: 0x7fc00000n },
  F16: { one: 0x3c00n, sign: 1n << 15n, infinity: 0x7c00n, nan: 0x7e00n },
  BF16: { one: 0x3f80n, sign: 1n << 15n, infinity: 0x7f80n, nan: 0x7fc0n },
};

Deno.test("distances of floats are exact in units in the last place", async (t) => {
  for (const [dtype, { one, sign, infinity, nan }] of Object.entries(FLOATS)) {
    const largest = infinity - 1n;
    const cases: [name: string, a: bigint, b: bigint, expected: Partial<Tally>][] = [
      ["the same number", one, one, { differing: 0, ulp: 0n }],
      ["one and the next", one, one + 1n, { differing: 1, ulp: 1n, at: 0 }],
      ["one and the one before", one, one - 1n, { differing: 1, ulp: 1n }],
      ["minus one and the next", one | sign, (one | sign) + 1n, { differing: 1, ulp: 1n }],
      ["zero and minus zero are other bits of one number", 0n, sign, {
        differing: 1,
        ulp: 0n,
        absolute: 0,
        relative: 0,
      }],
      ["the smallest numbers on both sides of zero", 1n, sign | 1n, { differing: 1, ulp: 2n, relative: 2 }],
      ["one and minus one", one, one | sign, { differing: 1, ulp: 2n * one, absolute: 2, relative: 2 }],
      ["the largest numbers of either sign", largest, largest | sign, {
        ulp: 2n * largest,
        relative: 2,
        notFinite: 0,
      }],
      ["the same NaN", nan, nan, { differing: 0, notFinite: 0 }],
      ["NaNs of other payloads", nan, nan + 1n, { differing: 1, notFinite: 1, ulp: 0n }],
      ["NaN and a number", nan, one, { differing: 1, notFinite: 1, ulp: 0n, absolute: 0, relative: 0 }],
      ["infinity and a number", one, infinity, { differing: 1, notFinite: 1, absolute: 0 }],
      ["infinities of either sign", infinity, infinity | sign, { differing: 1, notFinite: 1 }],
    ];
    for (const [name, a, b, expected] of cases) {
      await t.step(`${dtype}: ${name}`, () => {
        assert.deepEqual({ ...tally(dtype, [a], [b]), ...expected }, tally(dtype, [a], [b]));
        assert.equal(tally(dtype, [b], [a]).ulp, tally(dtype, [a], [b]).ulp, "it is the same the other way");
      });
    }
  }
});

Deno.test("of doubles the larger of two distances beyond 2⁵³ is found, wherever it stands", () => {
  const far = 0x4340000000000000n; // as doubles, far and far + 1 are one number
  const pairs: [bigint[], bigint[]] = [[0n, 0n, 0n, 7n], [far, far + 1n, far - 1n, 0n]];
  const found = tally("F64", ...pairs);
  assert.deepEqual([found.ulp, found.at, found.differing], [far + 1n, 1, 4]);
  const across = 1n << 63n;
  assert.equal(tally("F64", [across | 5n, 3n], [9n, across | 8n]).ulp, 14n);
});

Deno.test("integers are compared by their difference", async (t) => {
  const cases: [dtype: string, a: bigint, b: bigint, difference: bigint][] = [
    ["I64", 0x7fffffffffffffffn, 1n << 63n, 0xffffffffffffffffn],
    ["U64", 0n, 0xffffffffffffffffn, 0xffffffffffffffffn],
    ["I32", 0x7fffffffn, 0x80000000n, 0xffffffffn],
    ["U32", 0n, 0xffffffffn, 0xffffffffn],
    ["I16", 0x7fffn, 0x8000n, 0xffffn],
    ["U16", 3n, 5n, 2n],
    ["I8", 0x80n, 0x7fn, 255n],
    ["U8", 0n, 255n, 255n],
    ["BOOL", 0n, 1n, 1n],
  ];
  for (const [dtype, a, b, difference] of cases) {
    await t.step(dtype, () => {
      assert.equal(tally(dtype, [a, b], [a, a]).at, 1);
      assert.equal(tally(dtype, [a], [b]).ulp, difference);
    });
  }
});

async function inFolder(test: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("files of tensors are compared by name, also tensors of several pieces", () =>
  inFolder(async (folder) => {
    const length = 3 * 1024 * 1024; // 12 MB of float32: three pieces
    const large = new Float32Array(length).fill(1);
    const other = large.slice();
    other[length - 1] = 1 + 2 ** -23;
    other[5] = 1 - 2 ** -24;
    const common = { bias: new Float64Array([1, 2]), steps: new BigInt64Array([7n]) };
    const [a, b] = [join(folder, "a.safetensors"), join(folder, "b.safetensors")];
    await Deno.writeFile(
      a,
      safetensors({ ...common, weight: large, gone: new Float32Array(1), empty: new Float32Array(0) }),
    );
    // In another order, so that a tensor's place in the file is no help.
    await Deno.writeFile(
      b,
      safetensors({ weight: other, empty: new Float32Array(0), ...common, new: new Float32Array(1) }, {
        bias: [2, 1],
      }),
    );
    const found = compareTensorFiles(a, b);
    assert.equal(found.equal, 2);
    assert.deepEqual(found.problems.toSorted(), [
      "bias: F64 [2] against F64 [2, 1]",
      "gone: only in A",
      "new: only in B",
    ]);
    assert.deepEqual(found.differing, [{
      ...{ name: "weight", dtype: "F32", shape: [length], elements: length, differing: 2, notFinite: 0 },
      ...{ ulp: "1", at: [5], absolute: 2 ** -23, relative: 2 ** -23 / (1 + 2 ** -23) },
    }]);
  }));

Deno.test("the place of the largest distance is given for each dimension", () =>
  inFolder(async (folder) => {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    const values = new Float32Array(24);
    await Deno.writeFile(a, safetensors({ w: values }, { w: [2, 3, 4] }));
    values[1 * 12 + 2 * 4 + 3] = 1;
    await Deno.writeFile(b, safetensors({ w: values }, { w: [2, 3, 4] }));
    assert.deepEqual(compareTensorFiles(a, b).differing[0]!.at, [1, 2, 3]);
  }));

Deno.test("what is not a file of tensors is said to be none", async (t) => {
  const entry = (more: object) =>
    JSON.stringify({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...more } });
  const cases: [name: string, header: string, problem: RegExp][] = [
    ["no JSON", "{", /no valid header/],
    ["null", "null", /no valid header/],
    ["no shape", entry({ shape: undefined }), /no valid entry for "w"/],
    ["a negative length", entry({ shape: [-2] }), /no valid entry/],
    ["offsets of something else", entry({ data_offsets: "08" }), /no valid entry/],
    ["offsets that run backwards", entry({ data_offsets: [8, 0] }), /cut off/],
    ["data beyond the end", entry({ data_offsets: [0, 9] }), /reaches beyond its end/],
  ];
  for (const [name, header, problem] of cases) {
    await t.step(name, () =>
      assert.throws(
        () => parseHeader(header, 100, 108),
        (error) => error instanceof TensorProblem && problem.test(error.message),
      ));
  }
  await t.step("a file that is too short, or promises a header it has not", () =>
    inFolder(async (folder) => {
      for (const bytes of [[1, 2], [255, 0, 0, 0, 0, 0, 0, 0, 123], Array(20).fill(255)]) {
        const path = join(folder, "x");
        await Deno.writeFile(path, new Uint8Array(bytes));
        assert.throws(() => compareTensorFiles(path, path), TensorProblem);
      }
    }));
  await t.step("a shape that its data does not fill", () =>
    inFolder(async (folder) => {
      const path = join(folder, "x");
      await Deno.writeFile(path, safetensors({ w: new Float32Array(2) }, { w: [3] }));
      assert.throws(() => compareTensorFiles(path, path), /other data than its header says/);
    }));
});
