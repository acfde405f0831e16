/** One value of many, and one file of many, from the written source to what is found in a run folder. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { parseSource } from "../../tasks/lib/sources/sources.ts";
import type { Format } from "../../tasks/lib/sources/source.ts";
import { type Observation, readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";

const FILES: Record<string, string> = {
  "log.txt": [
    "==== 2026-11-23T18:13:13.000Z step train: python",
    "epoch 1 acc 48.89 %",
    "epoch 2 acc 68.10 %",
    "epoch 3 acc 68.2 %",
    "",
  ].join("\n"),
  "train/h.csv": "epoch,acc,loss[0]\n1,48.89,3\n2,68.10,2\n3,68.2,2\n",
  "train/metrics.json":
    '{"acc": [48.89, 68.10, 68.2], "log": [{"loss": 2.50}, {"acc": 1}, {"loss": 1.25}], "n": [1, null]}',
  "train/version_0/metrics.csv": "epoch,acc\n1,7.50\n",
  "train/2026-11-27/12-30/eval/results.json": '{"acc": 7}',
  "train/a/x.json": "{}",
  "train/b/x.json": "{}",
  "train/de.csv": "epoche;genauigkeit\n1;48,89\n2;68,10\n",
};

async function withRun(
  action: (read: (from: string, format?: Format) => Promise<Observation>) => Promise<void>,
) {
  const run = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(FILES)) {
      await Deno.mkdir(dirname(join(run, path)), { recursive: true });
      await Deno.writeTextFile(join(run, path), text);
    }
    await action(async (from, format) => {
      const source = parseSource(from, format);
      assert(!("problem" in source), from);
      return await readSource(source, runFiles(run));
    });
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}

Deno.test("a selector takes one value of many, with its digits", async (t) => {
  const cases: [from: string, text: string][] = [
    [String.raw`train~/acc ([\d.]+ %)/[-1]`, "68.2 %"],
    [String.raw`train~/acc ([\d.]+ %)/[0]`, "48.89 %"],
    [String.raw`train~/acc ([\d.]+ %)/[max]`, "68.2 %"],
    [String.raw`train~/acc ([\d.]+ %)/[mean]`, "61.73 %"],
    [String.raw`train~/acc ([\d.]+)/[count]`, "3"],
    ["train~/(error)/[count]", "0"],
    ["train/h.csv#acc[1]", "68.10"],
    ["train/h.csv#acc[min]", "48.89"],
    ["train/h.csv#loss[0][mean]", "2.333333"],
    ["train/metrics.json#/acc[-2]", "68.10"],
    ["train/metrics.json#/acc[max]", "68.2"],
    ["train/metrics.json#/acc[count]", "3"],
    ["train/metrics.json#/log/*/loss[0]", "2.50"],
    ["train/metrics.json#/log/*/loss[-1]", "1.25"],
    ["train/metrics.json#/log/*/loss[mean]", "1.875"],
    ["train/metrics.json#/n[-1]", "1"],
  ];
  await withRun(async (read) => {
    for (const [from, text] of cases) {
      await t.step(from, async () => {
        const found = await read(from);
        assert(found.found, found.found ? "" : found.reason);
        assert.equal("text" in found ? found.text : "a list", text);
      });
    }
    assert.deepEqual(await read("train/metrics.json#/acc[mean]"), {
      found: true,
      value: 61.73,
      text: "61.73",
    });
  });
});

Deno.test("a path with * finds the one file that matches", async (t) => {
  const cases: [from: string, text: string, path: string][] = [
    ["train/version_*/metrics.csv?epoch=1#acc", "7.50", "train/version_0/metrics.csv"],
    ["train/**/metrics.csv?epoch=last#acc", "7.50", "train/version_0/metrics.csv"],
    ["train/20*-*/*/eval/results.json#/acc", "7", "train/2026-11-27/12-30/eval/results.json"],
    ["train/**/results.json#/acc", "7", "train/2026-11-27/12-30/eval/results.json"],
    ["train/**/h.csv#acc[-1]", "68.2", "train/h.csv"],
  ];
  await withRun(async (read) => {
    for (const [from, text, path] of cases) {
      await t.step(from, async () => {
        const found = await read(from);
        assert(found.found && "text" in found, JSON.stringify(found));
        assert.deepEqual([found.text, found.path], [text, path]);
      });
    }
  });
});

Deno.test("decimal commas are read by the format", async () => {
  await withRun(async (read) => {
    const found = await read("train/de.csv?epoche=2#genauigkeit", { decimal: "," });
    assert.deepEqual(found, { found: true, value: "68.10", text: "68.10" });
    const mean = await read("train/de.csv#genauigkeit[mean]", { separator: ";", decimal: "," });
    assert.deepEqual(mean, { found: true, value: "58.495", text: "58.495" });
  });
});

Deno.test("what can't be taken is said, with a remedy", async (t) => {
  const remedy = /add \[-1\] for the last, \[0\] for the first, \[max\], \[min\], \[mean\] or \[count\]$/;
  const cases: [from: string, reason: RegExp][] = [
    [
      String.raw`train~/acc ([\d.]+)/`,
      /matches .* 3 times \(lines 2, 3, 4\), where one value was looked for: add/,
    ],
    [String.raw`train~/acc ([\d.]+)/`, remedy],
    ["train/metrics.json#/acc", /has a list at \/acc, where a single value was looked for: add \[-1\]/],
    ["train/metrics.json#/log/*/loss", remedy],
    ["train/h.csv#acc[7]", /train\/h\.csv holds only 3 values, where \[7\] was looked for$/],
    ["train~/(error)/[max]", /^log\.txt has no match for/],
    [String.raw`train~/(ep\w+) 1/[max]`, /holds "epoch" as value 0 \(from 0\), of which there is no max$/],
    [
      "train/*/x.json#/a",
      /^2 files match train\/\*\/x\.json, where one was looked for: train\/a\/x\.json, train\/b\/x\.json$/,
    ],
    ["train/version_*/h.csv#acc[-1]", /^no file matches train\/version_\*\/h\.csv, train holds h\.csv$/],
    ["infer/*/h.csv#acc[-1]", /^the run folder has no infer$/],
    ["train/version_*/metrics.csv#loss[-1]", /^train\/version_0\/metrics\.csv has no column "loss"/],
  ];
  await withRun(async (read) => {
    for (const [from, reason] of cases) {
      await t.step(from, async () => {
        const found = await read(from);
        assert(!found.found, JSON.stringify(found));
        assert.match(found.reason, reason);
      });
    }
  });
});
