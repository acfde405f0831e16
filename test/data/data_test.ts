/** The parts of data: entries of the cache, what is taken from a folder, and what a plan says. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { leadsToCache } from "../../tasks/lib/data/cache_folder.ts";
import { findEntry, inspectEntry, sealEntry } from "../../tasks/lib/data/cache.ts";
import { findLocalFile } from "../../tasks/lib/data/local_file.ts";
import { refuseOtherData } from "../../tasks/lib/data/plan_data.ts";
import type { Data } from "../../tasks/lib/experiment/experiment.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { makePlan } from "../../tasks/lib/plan/make_plan.ts";
import type { PlannedData } from "../../tasks/lib/plan/plan.ts";
import { digest } from "../support/data_project.ts";
import { HOST, planRequest } from "../support/plan_request.ts";

const CONTENT = new TextEncoder().encode("weights");

const SHA256 = digest("sha256", CONTENT);

const MD5 = digest("md5", CONTENT);

async function temporaryFolder() {
  const path = await Deno.makeTempDir({ prefix: "data-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** An entry of the cache with the content, as `deno task data` leaves it. */
async function makeEntry(cache: string) {
  const folder = join(cache, SHA256);
  await Deno.mkdir(folder);
  await Deno.writeFile(join(folder, "weights.bin"), CONTENT);
  await sealEntry(folder, { file: "weights.bin", sha256: SHA256, md5: MD5 });
  return (await findEntry(cache, { sha256: SHA256 }))!;
}

Deno.test("leadsToCache() tells the tasks' own links from others", async (t) => {
  const cases: [target: string, is: boolean][] = [
    [`/home/me/.cache/experiment-data/${SHA256}/tree`, true],
    [`/scratch/experiment-data/${SHA256}/weights.bin`, true],
    [`/home/me/.cache/experiment-data/${SHA256}`, false],
    [`/home/me/.cache/experiment-data/mine/tree`, false],
    [`/home/me/${SHA256}/tree`, false],
    ["/datasets/EuroSAT", false],
  ];
  for (const [target, is] of cases) await t.step(target, () => assert.equal(leadsToCache(target), is));
});

Deno.test("findEntry() finds by a whole hash, its beginning and MD5, and nothing that was not finished", async (t) => {
  await using folder = await temporaryFolder();
  const cache = folder.path;
  await makeEntry(cache);
  await Deno.mkdir(join(cache, "0".repeat(64)));
  const cases: [what: string, hash: Data["hash"], found: boolean][] = [
    ["whole", { sha256: SHA256 }, true],
    ["beginning", { sha256: SHA256.slice(0, 8) }, true],
    ["MD5", { md5: MD5 }, true],
    ["another beginning", { sha256: "12345678" }, false],
    ["another MD5", { md5: "0".repeat(32) }, false],
    ["a folder without a record", { sha256: "0".repeat(64) }, false],
  ];
  for (const [what, hash, found] of cases) {
    await t.step(what, async () => assert.equal((await findEntry(cache, hash)) !== undefined, found));
  }
});

Deno.test("inspectEntry() hashes what has other times than recorded, and records them if the bytes are right", async () => {
  await using folder = await temporaryFolder();
  const entry = await makeEntry(folder.path);
  const file = join(entry.folder, "weights.bin");
  const quick = { unpacked: false, hash: false };
  assert.equal((await inspectEntry(entry, quick)).file, "sound");
  await Deno.utime(file, new Date(0), new Date(0));
  assert.equal((await inspectEntry(entry, quick)).file, "sound");
  const again = (await findEntry(folder.path, { sha256: SHA256 }))!;
  assert.equal(again.record.modified, 0);
  await Deno.chmod(file, 0o644);
  await Deno.writeTextFile(file, "Weights");
  assert.deepEqual(await inspectEntry(again, quick), {
    file: "damaged",
    tree: "missing",
    treeSha256: undefined,
    problems: ["weights.bin: other bytes than were fetched"],
  });
  await Deno.remove(file);
  assert.deepEqual((await inspectEntry(again, quick)).problems, ["weights.bin: not there any more"]);
});

Deno.test("findLocalFile() takes a file by its name, its size or its hash", async (t) => {
  await using folder = await temporaryFolder();
  const data = {
    name: "weights",
    urls: ["https://example.org/resnet18.pth?download=1"],
    hash: { md5: MD5 },
    to: "data/w",
  } satisfies Data;
  const names = ["README", "resnet18.pth", "renamed"];
  const others: [file: string, size: number | undefined][] = [
    ["resnet18.pth", undefined],
    ["renamed", CONTENT.length],
    ["renamed", undefined],
  ];
  for (const [file, size] of others) {
    await t.step(`${file}, size ${size}`, async () => {
      for (const name of names) await Deno.writeTextFile(join(folder.path, name), "something else");
      await Deno.writeFile(join(folder.path, file), CONTENT);
      const { path } = await findLocalFile(folder.path, { ...data, size }, data.hash);
      assert.equal(path, join(folder.path, file));
    });
  }
  await t.step("nothing is there", async () => {
    await assert.rejects(findLocalFile(join(folder.path, "nowhere"), data, data.hash), {
      exitCode: 2,
      message: /nothing is there/,
    });
  });
});

const DATA: PlannedData = {
  path: "/project/data/w",
  folder: `/home/me/.cache/experiment-data/${SHA256}`,
  checksumOf: `md5:${MD5}`,
  sha256: SHA256,
};

Deno.test("makePlan() names data by their place in the project and mounts what they lead to", async () => {
  const text = `name: test
data:
  w: { urls: [https://example.org/w], md5: "${MD5}", to: data/w }
steps:
  train: { run: [python, t.py, "{data.w}/x", "{cache}/y"] }
  infer: { run: [python, i.py], data: [w] }
`;
  const container = {
    image: { name: "digits:cpu", id: "sha256:1" },
    entrypoint: [],
    user: "1:1",
    keepId: false,
  };
  const request = { ...planRequest(text), steps: ["train", "infer"], data: { w: DATA }, container };
  const plan = await makePlan(parseExperiment(text, "/project/experiment.yaml", "/project"), HOST, request);
  const [train, infer] = plan.steps;
  assert.deepEqual(train!.argv, ["python", "t.py", "/project/data/w/x", "/project/.cache/test/y"]);
  assert.deepEqual([train!.data, train!.cache], [["w"], "/project/.cache/test"]);
  assert.deepEqual([infer!.data, infer!.cache], [["w"], undefined]);
  assert.deepEqual(
    plan.container!.mounts.find(({ source }) => source === DATA.folder),
    { source: DATA.folder, target: DATA.folder, readOnly: true },
  );
});

Deno.test("refuseOtherData() lets a run go on with the data that it began with only", async (t) => {
  const cases: [what: string, now: PlannedData, message: RegExp | undefined][] = [
    ["kept elsewhere", { ...DATA, folder: "/scratch", source: "/media/stick" }, undefined],
    [
      "other bytes",
      { ...DATA, sha256: "0".repeat(64) },
      /Cannot resume: the run began with the data "w" of sha256:/,
    ],
    ["another tree", { ...DATA, treeSha256: "0".repeat(64) }, /Cannot resume/],
  ];
  for (const [what, now, message] of cases) {
    await t.step(what, () => {
      if (message === undefined) refuseOtherData({ w: DATA }, { w: now });
      else assert.throws(() => refuseOtherData({ w: DATA }, { w: now }), { exitCode: 2, message });
    });
  }
});
