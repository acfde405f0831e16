/** Locks: one at a time, gone with their process, and said where there are none. */

import assert from "node:assert/strict";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import {
  acquire,
  describeHolder,
  isLocked,
  readHolder,
  tryAcquire,
  wasLeft,
} from "../../tasks/lib/system/file_lock.ts";
import { exists } from "../../tasks/lib/system/files.ts";
import { experiment, Project, ROOT, TRAIN } from "../support/project.ts";
import { unmount } from "../support/small_disk.ts";

/** A process that has a lock until it is killed. */
async function holderOf(path: string): Promise<Deno.ChildProcess> {
  const code = `import { acquire } from "${ROOT}/tasks/lib/system/file_lock.ts";
using _ = await acquire(${JSON.stringify(path)}, { doing: "testing" });
console.log("locked");
await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--no-check", code],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return child;
}

Deno.test("a lock of another process is waited for, with who has it, and goes with that process", async () => {
  await using project = await Project.make({});
  const path = project.path("a.lock");
  const child = await holderOf(path);
  assert.equal(await isLocked(path), true);
  assert.equal(await tryAcquire(path, "waiting"), undefined);
  const told: string[] = [];
  const waiting = acquire(path, { doing: "waiting", onWait: (holder) => told.push(holder) });
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(told[0]!, new RegExp(`^process ${child.pid} on \\S+, which is testing since \\d{4}-`));
  child.kill("SIGKILL");
  await child.status;
  {
    using lock = await waiting;
    assert.equal(lock.leftBy?.pid, child.pid);
    assert.equal((await readHolder(path))?.pid, Deno.pid);
  }
  assert.equal(await exists(path), false);
  assert.deepEqual([await isLocked(path), wasLeft(path)], [false, false]);
});

Deno.test("20 processes that want one lock get it one after the other", async () => {
  await using project = await Project.make({
    "want.ts": `import { acquire } from "${ROOT}/tasks/lib/system/file_lock.ts";
const [path, place] = Deno.args;
using _ = await acquire(path!, { doing: "counting" });
const count = Number(await Deno.readTextFile(place!));
await new Promise((resolve) => setTimeout(resolve, 5));
await Deno.writeTextFile(place!, String(count + 1));`,
    "count": "0",
  });
  const want = () =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--quiet",
        "--no-check",
        project.path("want.ts"),
        project.path("a.lock"),
        project.path("count"),
      ],
    }).output();
  const ended = await Promise.all(Array.from({ length: 20 }, want));
  assert.deepEqual(ended.map(({ code }) => code), Array(20).fill(0));
  assert.equal(await Deno.readTextFile(project.path("count")), "20");
});

Deno.test("what stands in a lock may be anything", async (t) => {
  await using project = await Project.make({});
  const path = project.path("a.lock");
  for (
    const text of [
      "",
      "process 1\n",
      "{",
      "null",
      "[]",
      '{"host":1}',
      '{"host":"a","pid":1}',
      "x".repeat(1e6),
    ]
  ) {
    await t.step(text.slice(0, 20), async () => {
      await project.write("a.lock", text);
      assert.equal(describeHolder(await readHolder(path)), "another process");
      using lock = await acquire(path, { doing: "testing" });
      assert.equal(lock.leftBy, undefined);
    });
  }
});

/** A real file system that answers "No locks available"; undefined, with the reason, where it can't be mounted. */
async function withoutLocks(folder: string): Promise<Deno.ChildProcess | undefined> {
  await Deno.mkdir(folder);
  const server = new Deno.Command("python3", {
    args: [`${ROOT}/test/support/file_system_without_locks.py`, folder],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = server.stdout.getReader();
  const said = new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  if (/^mounted/.test(said)) return server;
  console.log(`ignored: a file system without locks, since it ${said.trim()}`);
  await server.status;
}

Deno.test("a file system without locks is an error that says so", async (t) => {
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": TRAIN });
  const folder = project.path("no-locks");
  const server = await withoutLocks(folder);
  if (server === undefined) return;
  try {
    await t.step("asked for a lock", async () => {
      for (const ask of [() => acquire(`${folder}/a`, { doing: "testing" }), () => isLocked(`${folder}/a`)]) {
        await assert.rejects(ask, (error) => {
          assert.ok(error instanceof Failure && error.exitCode === 3, String(error));
          assert.match(
            error.message,
            /Cannot lock .*no-locks\/a: its file system has no locks \(.*os error 37/,
          );
          assert.match(error.details.remedy!, /local disk/);
          return true;
        });
      }
    });
    await t.step("runs there", async () => {
      const { code, stderr } = await project.task("reproduce", ["--runs", folder]);
      assert.equal(code, 3);
      assert.match(stderr, /Cannot lock .*\.lock: its file system has no locks .*two processes/);
      assert.match(stderr, /what to do: Use a folder on a local disk/);
      assert.doesNotMatch(stderr, /defect/);
    });
  } finally {
    await unmount(folder);
    await server.status;
  }
});
