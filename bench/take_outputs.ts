/** Takes outputs of a step over as a run does, and prints how long that took: `take_outputs.ts FOLDER BYTES WHICH`. */

import { join } from "node:path";
import type { Plan, PlannedStep } from "../tasks/lib/plan/plan.ts";
import { ProjectTree } from "../tasks/lib/record/project_tree.ts";

const [folder, bytes, which] = Deno.args as [string, string, string];

const [root, directory] = [join(folder, "project"), join(folder, "run")];

/** What is read of a planned step. */
function step(name: string): PlannedStep {
  return {
    ...{ name, argv: [], cwd: root, env: {}, out: join(directory, name), produces: [], needs: {} },
    ...(name === "write" ? { outputs: ["results"] } : {}),
  };
}

const steps = which === "last step" ? [step("write")] : [step("write"), step("read")];

const plan = {
  run: "20260101T000000Z-0000",
  directory,
  experiment: { name: "taken", root },
  steps,
} as unknown as Plan;

await Deno.mkdir(root);
await Deno.mkdir(join(directory, "write"), { recursive: true });
const tree = (await ProjectTree.open(plan))!;
await tree.stage();
await tree.before(steps[0]!, false);
await write(join(root, "results", "model.bin"), Number(bytes));
const synchronizing = await timed(async () => {
  using file = await Deno.open(join(root, "results", "model.bin"), { read: true, write: true });
  await file.sync();
});
const seconds = await timed(async () => {
  const { problem } = await tree.take(steps[0]!);
  if (problem !== undefined) throw new Error(problem);
});
await tree.close();
console.log(JSON.stringify({ seconds, synchronizing }));

async function timed(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return Math.round(performance.now() - begin) / 1000;
}

/** Real bytes: a file with holes is copied quicker than one without. */
async function write(path: string, size: number) {
  await Deno.mkdir(join(path, ".."));
  using file = await Deno.open(path, { write: true, createNew: true });
  const piece = crypto.getRandomValues(new Uint8Array(1 << 16));
  const pieces = new Uint8Array(1 << 24);
  for (let at = 0; at < pieces.length; at += piece.length) pieces.set(piece, at);
  for (let left = size; left > 0; left -= pieces.length) {
    const part = pieces.subarray(0, Math.min(left, pieces.length));
    for (let done = 0; done < part.length;) done += await file.write(part.subarray(done));
  }
}
