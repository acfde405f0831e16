/** A kind of claim source is one file and one line: a made one is added to a copy of the tasks, and used from end to end. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../support/project.ts";

const KIND = String.raw`
import { ContentProblem } from "../values/content_problem.ts";
import type { ClaimSource, SourceKind } from "./source.ts";

interface LineSource extends ClaimSource { kind: "line"; line: number }

export const LINE: SourceKind<LineSource> = {
  name: "line",
  examples: ["train/result.txt#line=3"],
  isText: true,
  parse({ step, file, place }) {
    const line = /^line=(\d+)$/.exec(place ?? "")?.[1];
    return line && file ? { kind: "line", step, path: step + "/" + file, line: Number(line) } : undefined;
  },
  format: ({ path, line }) => path + "#line=" + line,
  async read({ path, line }, files) {
    const text = (await files.text(path)).split("\n")[line - 1];
    if (text === undefined) throw new ContentProblem("has no line " + line);
    return [{ value: text, text }];
  },
  check: (_source, value) => Array.isArray(value) ? { field: "value", problem: "must be one value" } : undefined,
};
`;

const EXPERIMENT = (claims: string) => `
name: made
steps:
  train: { run: [python, train.py, --out, "{out}"] }
claims:
${claims}`;

Deno.test("a made kind of claim source is added by one file and one line", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    await copyTasks(folder);
    const kinds = join(folder, "tasks/lib/sources/kinds.ts");
    await Deno.writeTextFile(join(folder, "tasks/lib/sources/line.ts"), KIND);
    const list = await Deno.readTextFile(kinds);
    await Deno.writeTextFile(
      kinds,
      list.replace("  CSV,\n", `  CSV,\n  (await import("./line.ts")).LINE,\n`),
    );
    const load = (path: string) => import(`file://${folder}/tasks/lib/${path}`);
    const [{ parseExperiment }, { readSource, runFiles }, { verify }, { newClaim }, { formatSource }] =
      await Promise.all([
        load("experiment/parse.ts"),
        load("verdict/read_value.ts"),
        load("verdict/verify.ts"),
        load("claim/new_claim.ts"),
        load("sources/sources.ts"),
      ]);
    const run = join(folder, "run");
    await Deno.mkdir(join(run, "train"), { recursive: true });
    await Deno.writeTextFile(join(run, "train", "result.txt"), "model resnet\n86.10 %\ndone\n");

    await t.step("experiment.yaml may name it, and a run is judged by it", async () => {
      const experiment = parseExperiment(
        EXPERIMENT(`
  - { name: accuracy, from: train/result.txt#line=2, value: 86.11, unit: "%", of: 540, tolerance: { samples: 1, because: made } }
  - { name: model, from: train/result.txt#line=1, value: model resnet }
  - { name: none, from: train/result.txt#line=9, value: 1 }`),
        join(folder, "experiment.yaml"),
        folder,
      );
      assert.equal(formatSource(experiment.claims[0].from), "train/result.txt#line=2");
      const files = runFiles(run);
      const observations = new Map();
      for (const { name, from } of experiment.claims) observations.set(name, await readSource(from, files));
      const checks = verify(experiment, observations, { parametersChanged: [], failedSteps: [] });
      assert.deepEqual(checks.map(({ verdict }: { verdict: string }) => verdict), [
        "different", // 86.10 is not the percentage of a count of 540
        "identical",
        "missing",
      ]);
      assert.match(checks[2].detail, /train\/result\.txt has no line 9$/);
    });

    await t.step("what is wrong with a claim from it is said", () => {
      const parse = () =>
        parseExperiment(
          EXPERIMENT("  - { name: a, from: train/result.txt#line=2, value: [1, 2] }"),
          join(folder, "experiment.yaml"),
          folder,
        );
      assert.throws(
        parse,
        ({ details }) => /^claims\[0\]\.value must be one value/.test(details.problems[0].message),
      );
    });

    await t.step("it is claimed as the number that it reads as, and examples of it are shown", async () => {
      const found = { id: "made", directory: run };
      const claim = await newClaim({ from: "train/result.txt#line=2", unit: "%" }, found, ["train"]);
      assert.equal(claim.value.text, "86.10");
      await assert.rejects(newClaim({ from: "train" }, found, ["train"]), /"train\/result\.txt#line=3"/);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function copyTasks(to: string): Promise<void> {
  const copy = await new Deno.Command("cp", {
    args: ["-r", join(ROOT, "tasks"), join(ROOT, "deno.json"), to],
  }).output();
  assert.equal(copy.code, 0);
}
