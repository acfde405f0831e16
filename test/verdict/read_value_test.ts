import assert from "node:assert/strict";
import { join } from "node:path";
import { parseSource } from "../../tasks/lib/sources/sources.ts";
import { LARGEST_FILE } from "../../tasks/lib/system/regular_file.ts";
import { type Observation, readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";

const HASH_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async function read(from: string, runDir: string, form?: "value" | "list"): Promise<Observation> {
  const source = parseSource(from);
  assert(!("problem" in source));
  return await readSource(source, runFiles(runDir), form);
}

/** A run folder with a step `train`, removed afterwards; `outside` is a folder beside it. */
async function withRun(action: (run: string, outside: string) => Promise<void>): Promise<void> {
  const top = await Deno.makeTempDir();
  try {
    const run = join(top, "run");
    const outside = join(top, "outside");
    await Deno.mkdir(join(run, "train", "deep"), { recursive: true });
    await Deno.mkdir(outside);
    await Deno.writeTextFile(join(run, "train", "metrics.json"), '{"accuracy": [98.5, 99.40], "loss": NaN}');
    await Deno.writeTextFile(join(run, "train", "model.bin"), "abc");
    await Deno.writeTextFile(join(run, "train", "log.txt"), "epoch 1\n");
    await Deno.writeTextFile(join(outside, "metrics.json"), '{"accuracy": [100]}');
    await action(run, outside);
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

Deno.test("readSource() finds numbers with their source text, and hashes", async () => {
  await withRun(async (run) => {
    assert.deepEqual(await read("train/metrics.json#/accuracy/-1", run), {
      found: true,
      value: 99.4,
      text: "99.40",
    });
    assert.deepEqual(await read("train/model.bin#sha256", run), {
      found: true,
      value: HASH_OF_ABC,
      text: HASH_OF_ABC,
    });
  });
});

Deno.test("readSource() finds cells, what notebooks and steps printed, and lists", async (t) => {
  await withRun(async (run) => {
    await Deno.writeTextFile(join(run, "train", "h.csv"), "epoch,acc\n1,48.89\n2,68.10\n");
    const cells = [{ outputs: [{ text: "acc: 86.10 %\n" }] }];
    await Deno.writeTextFile(join(run, "train", "n.ipynb"), JSON.stringify({ cells }));
    await Deno.writeTextFile(
      join(run, "log.txt"),
      "==== 2026-11-23T18:13:13.000Z step train: python\nacc 1\nacc 2\n",
    );
    const text = (text: string) => ({ value: text, text });
    const cases: [string, "value" | "list", unknown][] = [
      ["train/h.csv?epoch=2#acc", "value", text("68.10")],
      ["train/h.csv#acc", "list", { list: [text("48.89"), text("68.10")] }],
      ["train/n.ipynb~/acc: (.+)$/", "value", text("86.10 %")],
      ["train~/acc 2(.*)/", "value", text("")],
      ["train~/acc (.+)/", "list", { list: [text("1"), text("2")] }],
      ["train/log.txt~/epoch (.)/", "value", text("1")],
      ["train/metrics.json#/accuracy", "list", {
        list: [{ value: 98.5, text: "98.5" }, { value: 99.4, text: "99.40" }],
      }],
    ];
    for (const [from, form, expected] of cases) {
      await t.step(`${from}, ${form}`, async () => {
        assert.deepEqual(await read(from, run, form), { found: true, ...expected as object });
      });
    }
    const missing: [string, "value" | "list", RegExp][] = [
      ["train/log.txt~/loss (.)/", "value", /^train\/log\.txt has no match for \/loss \(\.\)\/$/],
      [
        "train~/acc (.)/",
        "value",
        /^log\.txt matches .* 2 times \(lines 2, 3\), where one value was looked for: add \[-1\] for the last/,
      ],
      ["train/log.txt~/(?:e|ep|epo)*?(q)/", "value", /has no match/],
      ["train/n.json#/x", "list", /train has no n\.json/],
      [
        "train/metrics.json#/accuracy/0",
        "list",
        /has a number at \/accuracy\/0, where a list was looked for/,
      ],
      ["train/metrics.json#/loss", "list", /has NaN at \/loss, where a list was looked for/],
      ["train/h.csv?epoch=3#acc", "value", /^train\/h\.csv has no row with epoch = 3, epoch is 1, 2$/],
      ["infer~/(a)/", "value", /^log\.txt has no part of step "infer"$/],
    ];
    for (const [from, form, reason] of missing) {
      await t.step(`${from}, ${form}`, async () => {
        const observation = await read(from, run, form);
        assert(!observation.found, "something was found");
        assert.match(observation.reason, reason);
      });
    }
  });
});

Deno.test("readSource() says what was there instead", async (t) => {
  await withRun(async (run, outside) => {
    await Deno.writeTextFile(join(run, "train", "broken.json"), '{\n  "a": 1,\n  "b": oops\n}');
    await Deno.writeFile(join(run, "train", "binary.json"), new Uint8Array([0x22, 0xff, 0x22]));
    await Deno.writeTextFile(join(run, "train", "empty.json"), "");
    await Deno.mkdir(join(run, "empty"));
    await Deno.symlink(join(outside, "metrics.json"), join(run, "train", "deep", "link.json"));
    await Deno.symlink(outside, join(run, "linked"));
    await Deno.symlink("nowhere", join(run, "train", "deep", "dangling.json"));
    await Deno.symlink("loop.json", join(run, "train", "deep", "loop.json"));
    const cases: [string, string | RegExp][] = [
      [
        "train/metric.json#/accuracy",
        "train has no metric.json, it holds binary.json, broken.json, deep/, empty.json, log.txt, metrics.json, model.bin",
      ],
      ["train/metric.json#sha256", /^train has no metric\.json, it holds /],
      ["train/a/b.json#/x", /^train has no a, it holds /],
      ["infer/m.json#/x", "the run folder has no infer, it holds empty/, linked, train/"],
      ["empty/m.json#/x", "empty has no m.json, it holds nothing"],
      ["train/log.txt/x.json#/x", "train/log.txt is a file, not a folder"],
      ["train/deep#/x", "train/deep is a folder, not a regular file"],
      ["train/deep#sha256", "train/deep is a folder, not a regular file"],
      [
        "train/log.txt#/x",
        /^train\/log\.txt is not JSON: expected a value at line 1, column 1, found "epoch 1"$/,
      ],
      ["train/broken.json#/a", /^train\/broken\.json is not JSON: expected a value at line 3, column 8/],
      [
        "train/empty.json#/a",
        /is not JSON: expected a value at line 1, column 1, found the end of the file$/,
      ],
      ["train/binary.json#", "train/binary.json is not UTF-8 text"],
      [
        "train/metrics.json#/loss",
        "train/metrics.json has NaN at /loss, where a single value was looked for",
      ],
      [
        "train/metrics.json#/f1",
        'train/metrics.json has no "f1" at the top, the keys are "accuracy", "loss"',
      ],
      ["train/metrics.json#/accuracy/7", "train/metrics.json has no item 7 at /accuracy, the list has 2"],
      ["train/deep/link.json#/accuracy/0", /train\/deep\/link\.json is a link that leaves the run folder/],
      ["linked/metrics.json#/accuracy/0", /is a link that leaves the run folder/],
      ["linked/none.json#/x", /can't be opened/],
      ["train/deep/dangling.json#/x", /leads nowhere/],
      ["train/deep/loop.json#/x", /can't be read|can't be opened|leads nowhere/],
    ];
    for (const [from, reason] of cases) {
      await t.step(from, async () => {
        const observation = await read(from, run);
        assert(!observation.found, "something was found");
        assert.equal(observation.looked, from);
        if (typeof reason === "string") assert.equal(observation.reason, reason);
        else assert.match(observation.reason, reason);
      });
    }
  });
});

Deno.test("readSource() follows links that stay in the run folder", async () => {
  await withRun(async (run) => {
    await Deno.symlink("../metrics.json", join(run, "train", "deep", "link.json"));
    await Deno.symlink(run, `${run}-link`);
    const observation = await read("train/deep/link.json#/accuracy/0", `${run}-link`);
    assert.deepEqual(observation, { found: true, value: 98.5, text: "98.5" });
  });
});

Deno.test("readSource() does not wait at a named pipe", { ignore: Deno.build.os === "windows" }, async () => {
  await withRun(async (run) => {
    await new Deno.Command("mkfifo", { args: [join(run, "train", "pipe.json")] }).output();
    const observation = await read("train/pipe.json#/x", run);
    assert(!observation.found);
    assert.equal(observation.reason, "train/pipe.json is a named pipe, not a regular file");
  });
});

Deno.test("readSource() does not read a huge file for a value, but hashes it", async () => {
  await withRun(async (run) => {
    const file = join(run, "train", "huge.json");
    await Deno.writeTextFile(file, "");
    await Deno.truncate(file, LARGEST_FILE + 1);
    const observation = await read("train/huge.json#/x", run);
    assert(!observation.found);
    assert.match(observation.reason, /huge\.json has 257 MiB, more than the 256 MiB that are read/);
    await Deno.truncate(file, 8 * 2 ** 20);
    const hash = await read("train/huge.json#sha256", run);
    assert.equal(
      "value" in hash && hash.value,
      "2daeb1f36095b44b318410b3f4e8b5d989dcc7bb023d1426c492dab0a3053e74",
    );
  });
});

Deno.test("readSource() says so where the run folder is gone", async () => {
  const observation = await read("train/m.json#/x", "/no/such/run");
  assert.equal(observation.found ? "" : observation.reason, "the run folder is not there");
});
