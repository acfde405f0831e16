/** The project's own quality gate: its tests and static checks, in environments made from the locks. */

import { join } from "node:path";
import { duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { ensureEnvironment, ensureTestEnvironment } from "../environment/environment.ts";
import { run } from "../system/command.ts";
import { inspectHost } from "../system/host.ts";
import { ROOT } from "../system/product.ts";
import { type Python, runTestFiles, skippedLines, type TestsResult } from "./run_tests.ts";
import { findTests, type TestFile, testsOf } from "./test_files.ts";

const PYTHON_SOURCES = ["packages", "src", "experiments", "tasks/inside", "test", "bench"];

interface Tools extends Python {
  ruff: string;
}

async function prepareTools(terminal: Terminal): Promise<Tools> {
  const options = {
    root: ROOT,
    announce: (line: string) => terminal.line(line),
    progress: (line: string) => terminal.progress(line),
  };
  const { image } = await inspectHost();
  const main = image === undefined
    ? await ensureEnvironment({ ...options, requirements: "requirements.txt", gpu: false })
    : { python: image.python, directory: "" };
  // A dev container's checkout is the host's too, whose environment for the tests stays as it is.
  const directory = image === undefined ? undefined : ".venv-test-image";
  const test = await ensureTestEnvironment({ ...options, main, directory });
  const env = { PYTHONPATH: test.pythonPath, PYTHONDONTWRITEBYTECODE: "" };
  return { python: main.python, env, ruff: join(test.bin, "ruff") };
}

/**
 * Runs the tests and prints, last, `N passed, N failed`.
 *
 * @param paths files or folders of tests; all without any
 */
export async function runTests(
  paths: string[],
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: TestsResult }> {
  return await test(await findTests(paths), terminal);
}

async function test(
  files: TestFile[],
  terminal: Terminal,
  seconds?: number,
): Promise<{ exitCode: 0 | 1; result: TestsResult }> {
  const tools = files.some(({ language }) => language === "Python")
    ? await prepareTools(terminal)
    : undefined;
  const result = await runTestFiles(files, tools, terminal, seconds);
  terminal.line();
  for (const { path, failed } of result.files) if (failed > 0) terminal.line(`Failed: ${path}`);
  for (const line of skippedLines(result)) terminal.line(line);
  if (result.left.length > 0) {
    terminal.line(`No time for ${result.left.length} files: deno task test ${result.left.join(" ")}`);
  }
  const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
  terminal.line(`${result.passed} passed, ${result.failed} failed${skipped}`);
  return { exitCode: result.failed === 0 && (result.passed > 0 || result.left.length > 0) ? 0 : 1, result };
}

/** About the most seconds that `--fast` takes; half of them are left to the tests even where the checks take long. */
const FAST_SECONDS = 60;

/** Runs every check, and says at the end which failed. */
export async function runChecks(
  { fix, static: staticOnly, fast }: { fix: boolean; static: boolean; fast: boolean },
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const tools = await prepareTools(terminal);
  const begin = performance.now();
  if (fix) await fixAll(tools, terminal);
  const changed = fast ? await changedFiles() : undefined;
  const failed = await check(tools, terminal, changed);
  if (staticOnly) return conclude(failed, undefined, terminal);
  const left = Math.max(FAST_SECONDS - (performance.now() - begin) / 1000, FAST_SECONDS / 2);
  const tests = changed
    ? await test(testsOf(changed, await findTests([])), terminal, left)
    : await runTests([], terminal);
  return conclude(tests.exitCode === 1 ? [...failed, "tests"] : failed, tests.result, terminal);
}

async function fixAll({ ruff, env }: Tools, terminal: Terminal) {
  const fixes = [
    [Deno.execPath(), "fmt"],
    [ruff, "check", "--fix", ...PYTHON_SOURCES],
    [ruff, "format", ...PYTHON_SOURCES],
  ];
  for (const argv of fixes) {
    await run(argv, { cwd: ROOT, env: { NO_COLOR: "1", ...env }, onLine: (line) => terminal.line(line) });
  }
}

type Check = [name: string, argv: string[]];

/**
 * The names of the static checks that fail; they run side by side, and one that fails is shown whole.
 *
 * @param changed if given, types are checked only in the languages of these files
 */
async function check(
  { ruff, python, env }: Tools,
  terminal: Terminal,
  changed?: string[],
): Promise<string[]> {
  const touches = (end: string) => changed === undefined || changed.some((file) => file.endsWith(end));
  const deno = Deno.execPath();
  const checks: Check[] = [
    ...touches(".ts") ? [["TypeScript types", [deno, "check", "tasks", "test", "bench"]] as Check] : [],
    ...touches(".py") ? [["Python types", [python, "-m", "mypy"]] as Check] : [],
    ["TypeScript format", [deno, "fmt", "--check"]],
    ["TypeScript lint", [deno, "lint"]],
    ["Python format", [ruff, "format", "--check", ...PYTHON_SOURCES]],
    ["Python lint", [ruff, "check", ...PYTHON_SOURCES]],
  ];
  const failed: string[] = [];
  await Promise.all(checks.map(async ([name, argv]) => {
    const begin = performance.now();
    const { code, stdout, stderr } = await run(argv, { cwd: ROOT, env: { NO_COLOR: "1", ...env } });
    if (code !== 0) {
      failed.push(name);
      terminal.line(`\n$ ${argv.join(" ")}\n${stdout}${stderr}`);
    }
    const seconds = (performance.now() - begin) / 1000;
    terminal.line(`${name}: ${code === 0 ? "ok" : "FAILED"}, ${duration(seconds)}`);
  }));
  return failed;
}

/** What is to be committed, or else what the last commit changed. */
async function changedFiles(): Promise<string[]> {
  const { default: $ } = await import("dax");
  const open = [
    ...await $`git diff --name-only HEAD`.cwd(ROOT).lines(),
    ...await $`git ls-files --others --exclude-standard`.cwd(ROOT).lines(),
  ].filter((line) => line !== "");
  return open.length > 0 ? open : await $`git show --name-only --format= HEAD`.cwd(ROOT).lines();
}

function conclude(failed: string[], tests: TestsResult | undefined, terminal: Terminal) {
  terminal.line(failed.length === 0 ? "ok" : `Not ok: ${failed.join(", ")}`);
  return { exitCode: failed.length === 0 ? 0 as const : 1 as const, result: { failed, tests } };
}
