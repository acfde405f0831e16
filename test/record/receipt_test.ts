import assert from "node:assert/strict";
import { join } from "node:path";
import { canonicalJson } from "../../tasks/lib/record/canonical_json.ts";
import { fromInToto, toInToto } from "../../tasks/lib/record/in_toto.ts";
import { isRecord, stateRun } from "../../tasks/lib/record/receipt.ts";
import type { Statement } from "../../tasks/lib/record/receipt_schema.ts";
import type { Evidence } from "../../tasks/lib/record/evidence.ts";
import { listFiles, sha256 } from "../../tasks/lib/system/files.ts";
import { experiment, Project, TRAIN } from "../support/project.ts";

const CLAIM = "claims:\n  - { name: accuracy, from: train/metrics.json#/accuracy/-1, value: 99.44 }\n";

const FILES = { "experiment.yaml": experiment(CLAIM), "train.py": TRAIN };

const HAS_SSH = await run("ssh-keygen", "-?").then(() => true, () => false);

if (!HAS_SSH) console.log("ignored: the tests of signatures, since there is no ssh-keygen");

async function run(program: string, ...args: string[]): Promise<Deno.CommandOutput> {
  return await new Deno.Command(program, { args }).output();
}

async function makeKey(path: string): Promise<string> {
  const { success } = await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path);
  assert.ok(success);
  return await Deno.readTextFile(`${path}.pub`);
}

/** Changes one bit of one byte. */
async function flip(path: string, at: number) {
  const data = await Deno.readFile(path);
  data[at]! ^= 1;
  await Deno.writeFile(path, data);
}

Deno.test("canonicalJson() writes equal values in equal bytes", async (t) => {
  const cases: [value: unknown, text: string][] = [
    [{ b: 1, a: [true, null, "ü\n"] }, '{"a":[true,null,"ü\\n"],"b":1}'],
    [{ a: undefined, c: { z: 0.5, y: {} } }, '{"c":{"y":{},"z":0.5}}'],
    [{ 10: 1, 9: 2, "": 3 }, '{"":3,"10":1,"9":2}'],
    [JSON.parse('{"__proto__":1,"a":2}'), '{"__proto__":1,"a":2}'],
    [[], "[]"],
  ];
  for (const [value, text] of cases) {
    await t.step(text, () => assert.equal(canonicalJson(value), text));
  }
});

Deno.test("isRecord() leaves out what is derived, the lock and temporary files", () => {
  const paths = [
    "report.html",
    "ro-crate-metadata.json",
    "receipt.json",
    "receipt.json.sig",
    ".lock",
    ".1f.tmp",
  ];
  assert.deepEqual(paths.filter(isRecord), []);
  const records = ["evidence.json", "train/report.html", "train/.lock", "log.txt"];
  assert.deepEqual(records.filter(isRecord), records);
});

Deno.test("an altered file is found among so many that several processors look at them", async () => {
  const many = `${TRAIN}\nfor number in range(4500):\n    open(f"{out}/{number}", "w").write(str(number))\n`;
  await using project = await Project.make({ ...FILES, "train.py": many });
  assert.equal((await project.task("reproduce")).code, 0);
  assert.equal((await project.task("verify")).code, 0);
  await flip(join(await project.run(), "train/4321"), 0);
  const { code, stdout } = await project.task("verify");
  assert.equal(code, 1);
  assert.match(stdout, /train\/4321: other bytes than recorded/);
});

Deno.test("stateRun() states image, declared inputs and what other runs gave", () => {
  const evidence = {
    run: "B",
    status: "done",
    experiment: { name: "test" },
    attempts: [{
      code: { sha256: "c0de", dirty: [], files: {} },
      environment: { image: { name: "digits:cpu", id: "sha256:1" } },
    }],
    steps: {
      infer: {
        inputs: { "data.csv": "da7a" },
        needs: { train: { run: "A", directory: "/r/A/train", sha256: "feed" } },
      },
      plot: { needs: { infer: { run: "B", directory: "/r/B/infer", sha256: "0" } } },
    },
  } as unknown as Evidence;
  const statement = stateRun(evidence, { holds: true, checks: [] }, {});
  assert.deepEqual(statement.inputs, { "data.csv": "da7a", "A/train": "feed" });
  assert.deepEqual(statement.image, { name: "digits:cpu", id: "sha256:1" });
  assert.equal(statement.code.sha256, "c0de");
});

Deno.test("verify names any file of a run of which one byte was changed", async (t) => {
  const train =
    `${TRAIN}open(out + "/empty", "w"); open(out + "/weights.bin", "wb").write(bytes(1_000_000))\n`;
  await using project = await Project.make({ ...FILES, "train.py": train });
  assert.equal((await project.task("reproduce")).code, 0);
  const directory = await project.run();
  const paths = (await listFiles(directory)).filter(({ bytes }) => bytes > 0);
  const records = paths.filter(({ path }) => path === "receipt.json" || isRecord(path));
  assert.deepEqual(records.map(({ path }) => path), [
    ...["evidence.json", "log.txt", "plan.json", "receipt.json"],
    ...["train/metrics.json", "train/step.json", "train/weights.bin", "verdict.json"],
  ]);
  for (const { path, bytes } of records) {
    for (const at of [0, Math.floor(bytes / 3), Math.floor(bytes / 2), bytes - 1]) {
      await t.step(`${path}, byte ${at}`, async () => {
        await flip(join(directory, path), at);
        const { code, stdout, stderr } = await project.task("verify");
        assert.equal(code, 1, stderr);
        assert.ok(`${stdout}${stderr}`.includes(`${path}: other bytes than`), `${stdout}${stderr}`);
        assert.match(`${stdout}${stderr}`, /Not to be trusted/);
        await flip(join(directory, path), at);
      });
    }
  }
  assert.equal((await project.task("verify")).code, 0);
  await Deno.writeTextFile(join(directory, "train/empty"), "x");
  assert.match((await project.task("verify")).stdout, /train\/empty: other bytes than recorded/);
});

Deno.test("what is derived from a run may be altered: report makes it again", async () => {
  await using project = await Project.make(FILES);
  assert.equal((await project.task("reproduce")).code, 0);
  assert.equal((await project.task("report")).code, 0);
  const paths = ["ro-crate-metadata.json", "report.html"];
  const directory = await project.run();
  const withoutTimes = async (path: string) =>
    (await Deno.readTextFile(join(directory, path))).replaceAll(/\d\d:\d\d:[\d.]+|[0-9a-f]{64}/g, "");
  const before = await Promise.all(paths.map(withoutTimes));
  for (const path of paths) await flip(join(directory, path), 100);
  assert.notDeepEqual(await Promise.all(paths.map(withoutTimes)), before);
  assert.equal((await project.task("verify")).code, 0);
  assert.equal((await project.task("report")).code, 0);
  assert.deepEqual(await Promise.all(paths.map(withoutTimes)), before);
});

Deno.test("verify finds a receipt that hides a file or states another verdict, though its hash is right", async (t) => {
  const cases: [name: string, alter: (statement: Statement) => void][] = [
    ["an output is left out", ({ files }) => delete files["train/metrics.json"]],
    ["another verdict", (statement) => statement.holds = false],
    ["another image", (statement) => statement.image = { name: "x", id: "sha256:0" }],
  ];
  const versions: [name: string, write: (statement: Statement) => string][] = [
    ["in-toto", (statement) => canonicalJson(toInToto(statement))],
    ["the first version", (statement) => {
      const text = canonicalJson({ ...statement, schema: 1 });
      return `{"sha256":"${sha256(text)}","statement":${text}}`;
    }],
  ];
  await using project = await Project.make(FILES);
  assert.equal((await project.task("reproduce")).code, 0);
  const path = join(await project.run(), "receipt.json");
  const before = await Deno.readTextFile(path);
  const stated = () => fromInToto(JSON.parse(before));
  for (const [version, write] of versions) {
    await t.step(`${version}: unaltered`, async () => {
      await Deno.writeTextFile(path, write(stated()));
      const { code, stdout } = await project.task("verify");
      assert.equal(code, 0, stdout);
    });
    for (const [name, alter] of cases) {
      await t.step(`${version}: ${name}`, async () => {
        const statement = stated();
        alter(statement);
        await Deno.writeTextFile(path, write(statement));
        const { code, stdout } = await project.task("verify");
        assert.equal(code, 1);
        assert.match(stdout, /receipt\.json: states something else than the records do/);
      });
    }
  }
});

Deno.test("a statement is the same after it was written and read, in whatever order its parts were stated", () => {
  const one = { bytes: 1, sha256: "0" };
  const statement: Statement = {
    ...{ schema: 2, run: "A", experiment: "test", status: "done", holds: true, verdicts: [] },
    code: { sha256: "c0de" },
    inputs: { "train.py": "2", "infer.py": "1", "B/train": "3" },
    files: { "b": one, "a/link": { link: "b" }, "a": one },
  };
  const text = canonicalJson(toInToto(statement));
  assert.equal(canonicalJson(toInToto(fromInToto(JSON.parse(text)))), text);
});

Deno.test("a run that goes on gets a new receipt", async () => {
  const stop = 'import os, sys\nif not os.path.exists("go"): sys.exit(1)\n';
  await using project = await Project.make({ ...FILES, "train.py": `${stop}${TRAIN}` });
  assert.equal((await project.task("reproduce")).code, 1);
  const path = join(await project.run(), "receipt.json");
  assert.equal(fromInToto(JSON.parse(await Deno.readTextFile(path))).status, "failed");
  await project.write("go", "");
  assert.equal((await project.task("reproduce", ["--resume"])).code, 0);
  assert.equal(fromInToto(JSON.parse(await Deno.readTextFile(path))).status, "done");
  assert.equal((await project.task("verify")).code, 0);
});

Deno.test("receipt gives one to a run that has none, and none to a run that was altered", async () => {
  await using project = await Project.make(FILES);
  assert.equal((await project.task("reproduce")).code, 0);
  const directory = await project.run();
  const before = await Deno.readTextFile(join(directory, "receipt.json"));
  await Deno.remove(join(directory, "receipt.json"));
  const { code, stdout } = await project.task("receipt");
  assert.equal(code, 0);
  assert.match(stdout, /accuracy: identical[\s\S]*not signed/);
  assert.equal(await Deno.readTextFile(join(directory, "receipt.json")), before);
  await flip(join(directory, "train/metrics.json"), 5);
  const refused = await project.task("receipt");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /nothing to state[\s\S]*train\/metrics\.json: other bytes/);
});

Deno.test({
  name: "a reviewer with a copy of the run checks who signed it",
  ignore: !HAS_SSH,
  async fn(t) {
    await using project = await Project.make(FILES);
    assert.equal((await project.task("reproduce")).code, 0);
    const mine = await makeKey(project.path("id"));
    const other = await makeKey(project.path("other"));
    const signed = await project.task("receipt", ["--sign", "id"]);
    assert.equal(signed.code, 0, signed.stderr);
    assert.match(signed.stdout, /signed with the ED25519 key SHA256:/);

    await using elsewhere = await Project.make({
      allowed: `alice@example.org ${mine}`,
      others: `bob@example.org ${other}`,
    });
    const copy = elsewhere.path("run");
    assert.ok((await run("cp", "-r", await project.run(), copy)).success);
    await Deno.rename(project.path("runs"), project.path("gone"));
    const verify = (...options: string[]) => elsewhere.task("verify", ["./run", ...options]);
    const steps: [name: string, options: string[], code: number, said: RegExp][] = [
      ["by whatever key", [], 0, /signed with the ED25519 key SHA256:/],
      ["by an allowed signer", ["--allowed-signers", "allowed"], 0, /signed by alice@example\.org/],
      ["by somebody else", ["--allowed-signers", "others"], 1, /others does not list it/],
    ];
    for (const [name, options, expected, said] of steps) {
      await t.step(name, async () => {
        const { code, stdout, stderr } = await verify(...options);
        assert.equal(code, expected, stderr);
        assert.match(stdout, said);
      });
    }
    await t.step("a list of signers that is not there", async () => {
      const { code, stderr } = await verify("--allowed-signers", "nobody");
      assert.equal(code, 2);
      assert.match(stderr, /there is no file .*nobody/);
    });
    await t.step("a signature of something else", async () => {
      await flip(join(copy, "receipt.json.sig"), 120);
      for (const options of [[], ["--allowed-signers", "allowed"]]) {
        const { code, stdout } = await verify(...options);
        assert.equal(code, 1);
        assert.match(stdout, /no signature of this receipt/);
      }
    });
    await t.step("no signature", async () => {
      await Deno.remove(join(copy, "receipt.json.sig"));
      assert.equal((await verify()).code, 0);
      const { code, stdout } = await verify("--allowed-signers", "allowed");
      assert.equal(code, 1);
      assert.match(stdout, /not signed/);
    });
  },
});

Deno.test({
  name: "receipt says of a key that can't sign what to do, and leaves no signature",
  ignore: !HAS_SSH,
  async fn() {
    await using project = await Project.make({ ...FILES, "no-key": "x" });
    assert.equal((await project.task("reproduce")).code, 0);
    const cases: [key: string, said: RegExp][] = [
      ["nothing", /there is no key .*nothing/],
      ["no-key", /ssh-keygen ended with exit code \d+[\s\S]*ssh-add/],
    ];
    for (const [key, said] of cases) {
      const { code, stderr } = await project.task("receipt", ["--sign", key]);
      assert.equal(code, 2);
      assert.match(stderr, said);
    }
    assert.equal((await listFiles(await project.run())).some(({ path }) => path.endsWith(".sig")), false);
  },
});
