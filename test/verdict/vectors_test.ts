import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../tasks/lib/system/product.ts";
import { judged, randomVectors, type Vector } from "../support/vectors.ts";

const FOLDER = join(ROOT, "test/vectors");

const JUDGE = join(ROOT, "tasks/inside/judge.py");

/** How many the judge in Python agrees with, which gets them as lines. */
async function pythonAgrees(vectors: Iterable<Vector>): Promise<string> {
  const judge = new Deno.Command("python3", {
    args: [JUDGE, "--vectors", "-"],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const output = judge.output();
  const writer = judge.stdin.getWriter();
  const encoder = new TextEncoder();
  let lines = "";
  for (const vector of vectors) {
    lines += JSON.stringify(vector) + "\n";
    if (lines.length < 1e6) continue;
    await writer.write(encoder.encode(lines));
    lines = "";
  }
  await writer.write(encoder.encode(lines));
  await writer.close();
  const { stdout, stderr } = await output;
  return new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout).trim();
}

function* vectorsIn(folder: string): Generator<[string, Vector]> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* vectorsIn(path);
    else if (name.endsWith(".json")) yield [path, JSON.parse(Deno.readTextFileSync(path))];
  }
}

Deno.test("both judges agree with every vector in test/vectors, of which there are at least 300", async () => {
  const vectors = [...vectorsIn(FOLDER)];
  assert.ok(vectors.length >= 300, `${vectors.length} vectors`);
  for (const [path, vector] of vectors) assert.deepEqual(judged(vector), vector.verdict, path);
  const agrees = await pythonAgrees(vectors.map(([, vector]) => vector));
  assert.equal(agrees, `${vectors.length} of ${vectors.length} vectors agree`);
});

Deno.test("the vectors show every verdict that one run can come to", () => {
  const shown = new Set([...vectorsIn(FOLDER)].map(([, { verdict }]) => verdict.verdict));
  const all = ["different", "identical", "missing", "not applicable", "within tolerance"];
  assert.deepEqual([...shown].sort(), all);
});

Deno.test("a judge that is wrong about a vector says so", async () => {
  const [, vector] = [...vectorsIn(FOLDER)][0]!;
  const wrong = { ...vector, verdict: { ...vector.verdict, detail: "something else" } };
  assert.match(await pythonAgrees([wrong]), /^line 1: expected .*\n0 of 1 vectors agree$/s);
});

Deno.test("both judges agree on 100,000 random claims", async () => {
  const seed = Number(Deno.env.get("VECTOR_SEED") ?? Date.now() % 2 ** 31);
  assert.equal(
    await pythonAgrees(randomVectors(100_000, seed)),
    "100000 of 100000 vectors agree",
    `with VECTOR_SEED=${seed}`,
  );
});
