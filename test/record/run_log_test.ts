import assert from "node:assert/strict";
import { LOG_LIMIT, RunLog } from "../../tasks/lib/record/run_log.ts";
import { Project } from "../support/project.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("log.txt holds what the steps print, in order, with a title for each", async () => {
  await using project = await Project.make({});
  const log = await RunLog.open(project.root);
  await log.begin("train", "step train: python train.py");
  await Promise.all(["one\n", "two\n", "three\n"].map((text) => log.write(encode(text))));
  await log.note("train: done");
  log.close();
  const text = await Deno.readTextFile(log.path);
  assert.match(text, /^==== \S+Z step train: python train.py\none\ntwo\nthree\n==== \S+Z train: done\n$/);
});

Deno.test("log.txt goes on where it was when a run is taken up again", async () => {
  await using project = await Project.make({});
  for (const step of ["train", "infer"]) {
    const log = await RunLog.open(project.root);
    await log.begin(step, step);
    log.close();
  }
  assert.match(await Deno.readTextFile(project.path("log.txt")), /^==== \S+ train\n==== \S+ infer\n$/);
});

Deno.test("a step that prints more than fits gets a file with all of it, and the next step has room again", async () => {
  await using project = await Project.make({});
  const log = await RunLog.open(project.root);
  await log.begin("train", "train");
  const chunks = Array.from({ length: 9 }, (_, i) => String(i).repeat(LOG_LIMIT / 8));
  for (const chunk of chunks) await log.write(encode(chunk));
  await log.begin("infer", "infer");
  await log.write(encode("infers\n"));
  log.close();
  const text = await Deno.readTextFile(log.path);
  assert.ok(text.length < LOG_LIMIT + 1000);
  assert.match(
    text.slice(LOG_LIMIT),
    /train printed more than this log holds: all of it is in log-train\.txt\n/,
  );
  assert.ok(text.endsWith("infers\n"));
  assert.ok(await Deno.readTextFile(project.path("log-train.txt")) === chunks.join(""), "the whole is whole");
});

Deno.test("a step that prints exactly what fits needs no file of its own", async () => {
  await using project = await Project.make({});
  const log = await RunLog.open(project.root);
  await log.begin("train", "train");
  await log.write(encode("x".repeat(LOG_LIMIT)));
  log.close();
  assert.deepEqual([...Deno.readDirSync(project.root)].map(({ name }) => name), ["log.txt"]);
});

Deno.test("a log that can't be written says why and throws nothing", async () => {
  await using project = await Project.make({});
  const log = await RunLog.open(project.root);
  await log.begin("train", "train");
  log.close();
  await log.write(encode("x"));
  assert.ok(log.broken);
});
