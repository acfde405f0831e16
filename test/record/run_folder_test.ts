import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { findRun } from "../../tasks/lib/record/find_run.ts";
import { listRuns, newRunId, pointLatest } from "../../tasks/lib/record/run_folder.ts";
import { RunLock } from "../../tasks/lib/record/run_lock.ts";
import { Project } from "../support/project.ts";

function evidence(run: string, task = "reproduce") {
  return JSON.stringify({ schema: 1, run, task, status: "done", attempts: [], steps: {} });
}

Deno.test("newRunId() is made of the time in UTC and sorts by it", () => {
  assert.match(newRunId(new Date("2026-11-23T16:05:12.345Z")), /^20261123T160512Z-[0-9a-f]{4}$/);
});

Deno.test("listRuns() lists the newest first and passes over what is no run", async () => {
  await using project = await Project.make({
    "test/20260101T000000Z-aaaa/evidence.json": evidence("a"),
    "test/20260102T000000Z-bbbb/evidence.json": evidence("b"),
    "test/20260103T000000Z-cccc/evidence.json": "{",
    "test/notes.txt": "",
  });
  assert.deepEqual(
    (await Array.fromAsync(listRuns(project.root, "test"))).map(({ evidence }) => evidence.run),
    ["b", "a"],
  );
  assert.deepEqual(await Array.fromAsync(listRuns(project.root, "none")), []);
});

Deno.test("findRun() takes a path, the beginning of an id, or the newest reproduction", async () => {
  await using project = await Project.make({
    "test/20260101T000000Z-aaaa/evidence.json": evidence("a"),
    "test/20260102T000000Z-bbbb/evidence.json": evidence("b", "train"),
  });
  const find = (asked?: string) => findRun(project.root, "test", asked);
  assert.equal((await find()).evidence.run, "a");
  assert.equal((await find("20260102")).evidence.run, "b");
  assert.equal((await find(project.path("test/20260102T000000Z-bbbb"))).evidence.run, "b");
  await assert.rejects(find("20260102T000000Z-bbbx"), (error) => {
    assert.ok(error instanceof Failure && error.exitCode === 2);
    assert.match(error.message, /did you mean "20260102T000000Z-bbbb"/);
    return true;
  });
  await assert.rejects(find("2026"), /"2026" is the beginning of 2 runs/);
  await assert.rejects(find(""), /There is no run ""/);
  await assert.rejects(find("/no/such/run"), /There is no run folder/);
  await assert.rejects(find(project.root), /is not a run folder: it holds no evidence\.json/);
});

Deno.test("findRun() refuses evidence that it can't read, and says why", async (t) => {
  for (
    const [text, message] of [
      ["{", /is not JSON/],
      ["{}", /it has no schema/],
      ["null", /it has no schema/],
      ['{"schema":1,"steps":{}}', /no attempts and steps/],
      ['{"schema":1,"attempts":[]}', /no attempts and steps/],
      ['{"schema":99}', /newer version/],
    ] as const
  ) {
    await t.step(text, async () => {
      await using project = await Project.make({ "run/evidence.json": text });
      await assert.rejects(findRun("", "", project.path("run")), message);
    });
  }
});

Deno.test("a RunLock is held by one, and free again after release", async () => {
  await using project = await Project.make({});
  const lock = await RunLock.take(project.root);
  await assert.rejects(RunLock.take(project.root), new RegExp(`held by process ${Deno.pid} on`));
  await lock.release();
  await (await RunLock.take(project.root)).release();
});

Deno.test("pointLatest() moves the link and leaves a folder of that name alone", async () => {
  await using project = await Project.make({ "test/one/x": "", "test/two/x": "", "other/latest/x": "" });
  for (const run of ["one", "two"]) {
    await pointLatest(project.root, "test", run);
    assert.equal(await Deno.readLink(join(project.root, "test/latest")), run);
  }
  await pointLatest(project.root, "other", "run");
  assert.ok((await Deno.lstat(project.path("other/latest"))).isDirectory);
});
