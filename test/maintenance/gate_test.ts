/** Which tests are meant, and how what they print is read. */

import assert from "node:assert/strict";
import { countDeno, countPytest, skippedLines } from "../../tasks/lib/maintenance/run_tests.ts";
import { findTests, testsOf, together } from "../../tasks/lib/maintenance/test_files.ts";
import { ended, ROOT } from "../support/project.ts";

Deno.test("findTests() takes a file, a folder for both languages, and all", async () => {
  const paths = async (...asked: string[]) => (await findTests(asked)).map(({ path }) => path);
  assert.deepEqual(await paths(`${ROOT}/test/plan/plan_test.ts`), ["test/plan/plan_test.ts"]);
  const inside = await paths(`${ROOT}/test/inside`, `${ROOT}/test/plan/`);
  assert.ok(inside.includes("test/inside/run_step_test.py") && inside.includes("test/plan/plan_test.ts"));
  assert.ok(inside.every((path) => /^test\/(inside|plan)\//.test(path)));
  const all = await paths();
  assert.ok(
    all.length > 80 && all.includes("test/house_test.ts") &&
      all.includes("test/src/modelling/digits/train_test.py"),
  );
  await assert.rejects(
    () => findTests(["test/plam"]),
    /Cannot test test\/plam: it must be a file such as test\/plan\/plan_test\.ts/,
  );
});

Deno.test("findTests() knows which files share a container engine", async () => {
  const sharing = (await findTests([])).filter(({ usesEngine }) => usesEngine).map(({ path }) => path);
  assert.ok(sharing.includes("test/containers/containers_test.ts"));
  assert.ok(!sharing.includes("test/plan/plan_test.ts"));
});

Deno.test("together() leaves no file out, and runs what loads torch in one process", async () => {
  const all = await findTests([]);
  const units = together(all);
  assert.deepEqual(units.flatMap(({ files }) => files).sort(), all.map(({ path }) => path).sort());
  const src = units.find(({ path }) => path === "test/src")!;
  assert.ok(src.files.includes("test/src/house_test.py") && src.files.every((file) => file.endsWith(".py")));
});

Deno.test("testsOf() chooses the tests of a changed file's room", async (t) => {
  const all = await findTests([]);
  const cases: [changed: string, test: string][] = [
    ["tasks/lib/plan/plan.ts", "test/plan/plan_test.ts"],
    ["tasks/inside/run_step.py", "test/inside/run_step_test.py"],
    ["tasks/claim.ts", "test/tasks/claim_task_test.ts"],
    ["src/modelling/digits/train.py", "test/src/modelling/digits/train_test.py"],
    ["test/values/csv_test.ts", "test/values/csv_test.ts"],
    ["test/fixtures/build/plan.json", "test/image/build_test.ts"],
    ["README.md", "test/house_test.ts"],
  ];
  for (const [changed, test] of cases) {
    await t.step(changed, () => {
      const chosen = testsOf([changed], all).map(({ path }) => path);
      assert.ok(chosen.includes(test) && chosen.includes("test/house_test.ts"), chosen.join(" "));
      assert.ok(chosen.length < all.length / 2);
    });
  }
});

Deno.test("countDeno() reads what deno test really prints, and the reasons of what is ignored", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/a_test.ts`,
      `console.log("ignored: a part, since there is no oven");
      Deno.test("a", async (t) => { await t.step("b", () => {}); });
      Deno.test({ name: "c", ignore: true, fn() {} });
      Deno.test("d", () => { throw new Error("no"); });`,
    );
    const command = new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--no-config", `${folder}/a_test.ts`],
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    });
    const { stdout } = await ended(command.spawn());
    const expected = { passed: 1, failed: 1, skipped: 1, reasons: ["a part, since there is no oven"] };
    assert.deepEqual(countDeno(stdout.split("\n")), expected);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("countPytest() reads the last line and the reasons", () => {
  const lines = [
    "..s.F",
    "SKIPPED [2] test/src/a_test.py:18: there is no CUDA device",
    "FAILED test/src/a_test.py::test_b - assert 1 == 2",
    "1 failed, 4 passed, 2 skipped, 1 error in 75.20s (0:01:15)",
  ];
  const expected = { passed: 4, failed: 2, skipped: 2, reasons: ["there is no CUDA device"] };
  assert.deepEqual(countPytest(lines), expected);
  assert.deepEqual(countPytest(["3 passed in 0.10s"]), { passed: 3, failed: 0, skipped: 0, reasons: [] });
});

Deno.test("skippedLines() says once what is missing", () => {
  const file = { passed: 0, failed: 0, seconds: 1 };
  const files = [
    {
      ...file,
      path: "test/a_test.ts",
      skipped: 20,
      reasons: ["the tests of images, since there is no docker client"],
    },
    {
      ...file,
      path: "test/b_test.ts",
      skipped: 3,
      reasons: ["the tests of JupyterLab, since there is no docker client"],
    },
    { ...file, path: "test/c_test.py", skipped: 2, reasons: ["there is no CUDA device"] },
    { ...file, path: "test/d_test.ts", skipped: 0, reasons: [] },
  ];
  assert.deepEqual(skippedLines({ passed: 0, failed: 0, skipped: 25, files, left: [] }), [
    "Skipped: there is no docker client (test/a_test.ts, test/b_test.ts)",
    "Skipped: there is no CUDA device (test/c_test.py)",
  ]);
});
