/** YAML, TOML and JSON lines: the same pointers, and every digit of the file. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { formatSource, parseSource } from "../../tasks/lib/sources/sources.ts";
import { type Observation, readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";

const FILES: Record<string, string> = {
  "train/r.yaml":
    "best: &best\n  accuracy: 99.40\n  name: resnet\nsame: *best\ncurve: [1.50, .5, 2]\n1: one\nnone: null\nnan: .nan\ndone: true\n",
  "train/bad.yml": "a: [1,\nb: 2\n",
  "train/bomb.yaml": "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" +
    ["bc", "cd", "de", "ef", "fg"].map(([from, to]) =>
      `${to}: &${to} [${Array.from({ length: 10 }, () => `*${from}`).join(",")}]\n`
    ).join(""),
  "train/r.toml":
    'name = "resnet"\n[test]\naccuracy = 99.40\nsamples = 1_000\nlr = 1e-3\ncurve = [1.50, 2.0]\nat = { k = +7 }\n[test.deep.er]\nx = 0.10\n[[run]]\nacc = 1.0\n[[run]]\nacc = 2.50\n',
  "train/bad.toml": "a = \nb = 1\n",
  "train/log.jsonl":
    '{"step": 1, "loss": 2.50}\n\n{"step": 2, "loss": 1.250, "eval": {"acc": 70.10}}\n{"step": 3, "loss": NaN}\n',
  "train/cut.jsonl": '{"step": 1}\n{"step": 2, "lo',
};

async function withRun(
  action: (read: (from: string, form?: "list") => Promise<Observation>) => Promise<void>,
) {
  const run = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(FILES)) {
      await Deno.mkdir(dirname(join(run, path)), { recursive: true });
      await Deno.writeTextFile(join(run, path), text);
    }
    await action(async (from, form) => {
      const source = parseSource(from);
      assert(!("problem" in source), from);
      assert.equal(formatSource(source), from);
      return await readSource(source, runFiles(run), form);
    });
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}

Deno.test("values in YAML, TOML and JSON lines keep their digits", async (t) => {
  const cases: [from: string, value: unknown, text: string][] = [
    ["train/r.yaml#/best/accuracy", 99.4, "99.40"],
    ["train/r.yaml#/same/accuracy", 99.4, "99.40"],
    ["train/r.yaml#/best/name", "resnet", "resnet"],
    ["train/r.yaml#/curve/0", 1.5, "1.50"],
    ["train/r.yaml#/curve[min]", 0.5, "0.5"],
    ["train/r.yaml#/1", "one", "one"],
    ["train/r.yaml#/done", true, "true"],
    ["train/r.toml#/test/accuracy", 99.4, "99.40"],
    ["train/r.toml#/test/samples", 1000, "1000"],
    ["train/r.toml#/test/lr", 0.001, "1e-3"],
    ["train/r.toml#/test/curve[0]", 1.5, "1.50"],
    ["train/r.toml#/test/at/k", 7, "7"],
    ["train/r.toml#/test/deep/er/x", 0.1, "0.10"],
    ["train/r.toml#/run/-1/acc", 2.5, "2.50"],
    ["train/r.toml#/run/*/acc[0]", 1, "1.0"],
    ["train/r.toml#/name", "resnet", "resnet"],
    ["train/log.jsonl#/loss[0]", 2.5, "2.50"],
    ["train/log.jsonl?step=2#/loss", 1.25, "1.250"],
    ["train/log.jsonl#/eval/acc", 70.1, "70.10"],
    ["train/log.jsonl?step=last#/step", 3, "3"],
  ];
  await withRun(async (read) => {
    for (const [from, value, text] of cases) {
      await t.step(from, async () => assert.deepEqual(await read(from), { found: true, value, text }));
    }
    await t.step("a list", async () => {
      const found = await read("train/r.toml#/run/*/acc", "list");
      assert(found.found && "list" in found);
      assert.deepEqual(found.list.map(({ text }) => text), ["1.0", "2.50"]);
    });
  });
});

Deno.test("what is not there, or no YAML, TOML or JSON lines, is said", async (t) => {
  const cases: [from: string, reason: RegExp][] = [
    ["train/r.yaml#/best/acc", /^train\/r\.yaml has no "acc" at \/best, the keys are "accuracy", "name"$/],
    ["train/r.yaml#/none", /has null at \/none/],
    ["train/r.yaml#/nan", /has NaN at \/nan/],
    ["train/bad.yml#/a", /^train\/bad\.yml is not YAML: .* line \d/],
    ["train/bomb.yaml#/g/0/0", /holds more than 1000000 values$/],
    ["train/r.toml#/test/acc", /has no "acc" at \/test, the keys are "accuracy", /],
    ["train/bad.toml#/a", /^train\/bad\.toml is not TOML: .* at line \d+, column \d+$/],
    ["train/log.jsonl#/loss[max]", /holds "NaN" as value 2 \(from 0\), of which there is no max$/],
    ["train/log.jsonl#/loss", /has 3 values at \/\*\/loss, where one was looked for: add/],
    ["train/log.jsonl?step=9#/loss", /has no line with step = 9, step is 1, 2, 3$/],
    ["train/log.jsonl#/acc[-1]", /has no item with \/acc in the list at the top$/],
    ["train/cut.jsonl#/step[-1]", /^train\/cut\.jsonl is not JSON: .* line 2/],
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
