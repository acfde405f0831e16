import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { findRun } from "../../tasks/lib/record/find_run.ts";
import { listRuns, newRunId, pointLatest } from "../../tasks/lib/record/run_folder.ts";
import { acquireRun, isRunLocked, wasRunLeft } from "../../tasks/lib/record/run_lock.ts";
import { madeEvidence } from "../support/made_evidence.ts";
import { Project } from "../support/project.ts";

function evidence(run: string, task = "reproduce") {
  return JSON.stringify(madeEvidence({ run, task }));
}

Deno.test("newRunId() is made of the time in UTC and sorts by it", () => {
  assert.match(newRunId(new Date("2026-11-23T16:05:12.345Z")), /^20261123T160512Z-159[0-9a-f]{3}$/);
  const times = [0, 5, 99, 100, 999].map((one) => newRunId(new Date(Date.UTC(2026, 10, 23, 16, 5, 12, one))));
  assert.deepEqual(times.toSorted(), times);
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
      ["{}", /evidence\.json is not the evidence of a run: schema is missing, it must be a number/],
      ["null", /the file must be an object, current value is null/],
      [JSON.stringify({ ...madeEvidence(), steps: "x" }), /steps must be an object, current value is "x"/],
      [JSON.stringify({ ...madeEvidence(), steps: { train: null } }), /steps\.train must be an object/],
      [JSON.stringify({ ...madeEvidence(), attempts: [] }), /attempts must be a list of at least one/],
      [`{"schema":1,"run":${"[".repeat(200)}${"]".repeat(200)}}`, /nested deeper than 100 levels/],
      ['{"schema":99}', /newer version/],
    ] as const
  ) {
    await t.step(message.source, async () => {
      await using project = await Project.make({ "run/evidence.json": text });
      await assert.rejects(findRun("", "", project.path("run")), message);
    });
  }
});

Deno.test("a run folder is locked by one, and free again afterwards", async () => {
  await using project = await Project.make({});
  const { root } = project;
  assert.equal(await isRunLocked(root), false);
  {
    using _ = await acquireRun(root);
    assert.equal(await isRunLocked(root), true);
    const message = new RegExp(`locked by process ${Deno.pid} on .*, which is writing to it since \\d{4}-`);
    await assert.rejects(acquireRun(root), message);
  }
  assert.deepEqual([await isRunLocked(root), await wasRunLeft(root)], [false, false]);
  await project.write(".lock", JSON.stringify({ host: "elsewhere", pid: 1, since: "2026-01-01T00:00:00Z" }));
  assert.equal(await wasRunLeft(root), true);
  await assert.rejects(acquireRun(root), /locked by process 1 on elsewhere since .*, another host/);
  using _ = await acquireRun(root, true);
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
