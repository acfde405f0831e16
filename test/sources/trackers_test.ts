/** Files of TensorBoard, MLflow, Trackio and W&B, written by these themselves. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { checkSource, formatSource, parseSource } from "../../tasks/lib/sources/sources.ts";
import { type Observation, readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";
import { madeEnvironment } from "../support/made_environment.ts";
import { ROOT } from "../support/project.ts";

const tools = await madeEnvironment("trackers");
if ("missing" in tools) console.log(`Ignored: ${tools.missing}`);

async function read(from: string, run: string, form?: "list"): Promise<Observation> {
  const source = parseSource(from);
  assert(!("problem" in source), from);
  assert.equal(formatSource(source), from);
  return await readSource(source, runFiles(run), form);
}

const STORES = [
  "train/tensorboardx/events.out.tfevents.*",
  "train/tensorboard/events.out.tfevents.*",
  "train/mlruns",
  "train/mlflow.db",
  "train/trackio/made.db",
  "train/wandb-dir/**/*.wandb",
];

Deno.test({
  name: "metrics are read from what trackers write",
  ignore: "missing" in tools,
  async fn(t) {
    assert(!("missing" in tools));
    const run = await Deno.makeTempDir();
    try {
      await Deno.mkdir(join(run, "train"));
      const { success, stderr } = await new Deno.Command(join(tools.bin, "python"), {
        args: [join(ROOT, "test/support/trackers/write_logs.py"), join(run, "train")],
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      for (const store of STORES) {
        await t.step(store, async () => {
          const value = async (from: string) => {
            const found = await read(from, run);
            assert(found.found && "text" in found, JSON.stringify(found));
            return [found.value, found.text];
          };
          assert.deepEqual(await value(`${store}#val/acc[-1]`), [0.682, "0.682"]);
          assert.deepEqual(await value(`${store}#val/acc[0]`), [0.4889, "0.4889"]);
          assert.deepEqual(await value(`${store}?step=1#val/acc`), [0.681, "0.681"]);
          assert.deepEqual(await value(`${store}?step=last#val/acc`), [0.682, "0.682"]);
          assert.deepEqual(await value(`${store}#val/acc[mean]`), [0.6173, "0.6173"]);
          const list = await read(`${store}#val/acc`, run, "list");
          assert(list.found && "list" in list);
          assert.deepEqual(list.list.map(({ text }) => text), ["0.4889", "0.681", "0.682"]);
          const reason = async (from: string) => {
            const found = await read(from, run);
            return found.found ? "it was found" : found.reason;
          };
          assert.match(
            await reason(`${store}?step=9#val/acc`),
            /has no val\/acc at step 9, it was logged at 0, 1, 2$/,
          );
          assert.match(
            await reason(`${store}#val/acc`),
            /has 3 values of val\/acc, where one was looked for: add \[-1\]/,
          );
          assert.match(
            await reason(`${store}#acc[-1]`),
            store.endsWith("mlruns")
              ? /^no file matches train\/mlruns\/\*\*\/metrics\/acc, /
              : /has no (?:scalar|metric) "acc", the (?:scalars|metrics) are .*val\/acc$/,
          );
        });
      }
      await t.step("nothing is left beside a database that was read", () => {
        const names = [...Deno.readDirSync(join(run, "train/trackio"))].map(({ name }) => name);
        assert.deepEqual(names.filter((name) => /-(?:wal|shm)$/.test(name)), []);
      });
      await t.step("damaged and cut files", async () => {
        const [events] = [...Deno.readDirSync(join(run, "train/tensorboard"))];
        const bytes = await Deno.readFile(join(run, "train/tensorboard", events!.name));
        await Deno.writeFile(join(run, "train/cut.tfevents"), bytes.subarray(0, bytes.length - 3));
        await Deno.writeTextFile(join(run, "train/text.tfevents"), "not an event file at all");
        await Deno.writeTextFile(join(run, "train/text.wandb"), "not a file of W&B");
        await Deno.writeTextFile(join(run, "train/text.db"), "not a database");
        const damaged = bytes.slice();
        damaged[bytes.length - 8]! ^= 1;
        await Deno.writeFile(join(run, "train/damaged.tfevents"), damaged);
        const cut = await read("train/cut.tfevents#val/acc[-1]", run);
        assert(cut.found && "text" in cut && cut.text === "0.681", "the last record was being written");
        const cases: [string, RegExp][] = [
          ["train/text.tfevents#a[-1]", /is not an event file of TensorBoard$/],
          ["train/damaged.tfevents#val/acc[-1]", /is damaged at byte \d+: a checksum is not right$/],
          ["train/text.wandb#a[-1]", /is not an offline file of W&B$/],
          ["train/text.db#a[-1]", /can't be read as a database: file is not a database$/],
        ];
        for (const [from, reason] of cases) {
          const found = await read(from, run);
          assert.match(found.found ? "it was found" : found.reason, reason);
        }
      });
    } finally {
      await Deno.remove(run, { recursive: true });
    }
  },
});

Deno.test("a view that never ends is no table of metrics", async () => {
  const run = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(run, "train"));
    const database = new DatabaseSync(join(run, "train/endless.db"));
    database.exec(
      "CREATE VIEW metrics AS WITH RECURSIVE n(step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM n) " +
        "SELECT step, '' AS run_uuid, 'a' AS key, 1 AS value, 0 AS is_nan, 0 AS timestamp FROM n",
    );
    database.close();
    const found = await read("train/endless.db#a[-1]", run);
    assert.match(
      found.found ? "it was found" : found.reason,
      /endless\.db is not a database of MLflow or Trackio/,
    );
  } finally {
    await Deno.remove(run, { recursive: true });
  }
});

Deno.test("a claim on a tracked metric says which value, or is a list", () => {
  for (const store of STORES) {
    const source = parseSource(`${store}#val/acc`);
    assert(!("problem" in source));
    assert.match(
      checkSource(source, 0.5)!.problem,
      /must take one value of val\/acc, e\.g\. by \[-1\] for the last/,
    );
    assert.equal(checkSource(source, [0.5, 0.6]), undefined);
    assert.deepEqual(parseSource(`${store}?epoch=1#val/acc`), {
      problem: 'must name the step at which val/acc was logged, e.g. "?step=10" or "?step=last"',
    });
  }
});

Deno.test("a database that was written by way of a log is read by a task that may write nowhere, and stays alone", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "made.db");
    const database = new DatabaseSync(file);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_name TEXT, step INTEGER, metrics TEXT)");
    database.exec(`INSERT INTO metrics (run_name, step, metrics) VALUES ('one', 0, '{"acc": 0.250}')`);
    database.close();
    const before = await Deno.readFile(file);
    const module = join(ROOT, "tasks/lib/values/tracker_database.ts");
    const code = `import { metricInDatabase } from ${JSON.stringify(`file://${module}`)};
      console.log(JSON.stringify(metricInDatabase(${JSON.stringify(file)}, "acc")));`;
    await Deno.writeTextFile(join(folder, "read.ts"), code);
    const args = ["run", "--quiet", "--no-prompt", "--no-check", "--allow-read", join(folder, "read.ts")];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert.equal(
      new TextDecoder().decode(stdout),
      '[{"step":0,"text":"0.250"}]\n',
      new TextDecoder().decode(stderr),
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["made.db", "read.ts"]);
    assert.deepEqual(await Deno.readFile(file), before);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
