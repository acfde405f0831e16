/** The project's own quality gate: its tests and static checks, in environments made from the locks. */

import { join } from "node:path";
import { duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { ensureEnvironment, ensureTestEnvironment } from "../environment/environment.ts";
import { run } from "../system/command.ts";
import { inspectHost } from "../system/host.ts";
import { ROOT } from "../system/product.ts";

const PYTHON_SOURCES = ["src", "experiments", "tasks/inside", "test", "bench", ".devcontainer"];

/** What a test runner counted. */
interface Count {
  passed: number;
  failed: number;
  ignored: number;
}

interface Tools {
  python: string;
  /** Environment in which Python finds the test tools beside the experiment's packages. */
  env: Record<string, string>;
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

/** Runs the tests and prints, last, `N passed, N failed`. */
export async function runTests(
  files: string[],
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const tools = await prepareTools(terminal);
  const counts: Count[] = [];
  if (files.length === 0 || files.some((file) => file.endsWith(".ts"))) {
    counts.push(await testDeno(files, terminal));
  }
  if (files.length === 0 || files.some((file) => file.endsWith(".py"))) {
    counts.push(await testPython(tools, files, terminal));
  }
  const sum = (key: keyof Count) => counts.reduce((total, count) => total + count[key], 0);
  const total = { passed: sum("passed"), failed: sum("failed"), ignored: sum("ignored") };
  const ignored = total.ignored > 0 ? `, ${total.ignored} skipped` : "";
  terminal.line();
  terminal.line(`${total.passed} passed, ${total.failed} failed${ignored}`);
  return { exitCode: total.failed === 0 && total.passed > 0 ? 0 : 1, result: total };
}

async function testDeno(files: string[], terminal: Terminal): Promise<Count> {
  const wanted = files.filter((file) => file.endsWith(".ts"));
  // The permissions of the tasks together, and the loopback for tests that play a server.
  const permissions = ["read", "write", "env", "sys", "run", "net=127.0.0.1"].map((name) =>
    `--allow-${name}`
  );
  const paths = wanted.length > 0 ? wanted : ["test"];
  const { code, output } = await stream(
    [Deno.execPath(), "test", "--no-prompt", ...permissions, ...paths],
    {},
    terminal,
  );
  return count(
    code,
    /(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?:[^|]*\| (\d+) ignored)?/.exec(output),
  );
}

async function testPython({ python, env }: Tools, files: string[], terminal: Terminal): Promise<Count> {
  const wanted = files.filter((file) => file.endsWith(".py"));
  const { code, output } = await stream([python, "-m", "pytest", "-q", ...wanted], env, terminal);
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  const number = (word: string) => new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? "0";
  const failed = Number(number("failed")) + Number(number("errors?"));
  return count(code, ["", number("passed"), String(failed), number("skipped")]);
}

/** A runner that ends badly without counting a failure has failed once. */
function count(code: number, match: ArrayLike<string | undefined> | null): Count {
  const [passed, failed, ignored] = [1, 2, 3].map((index) => Number(match?.[index] ?? 0));
  return { passed: passed!, failed: code !== 0 && failed === 0 ? 1 : failed!, ignored: ignored! };
}

async function stream(argv: string[], env: Record<string, string>, terminal: Terminal) {
  terminal.line(terminal.paint(`\n$ ${argv.join(" ")}`, "dim"));
  const onLine = (line: string) => terminal.line(line);
  const { code, stdout, stderr } = await run(argv, { cwd: ROOT, env: { NO_COLOR: "1", ...env }, onLine });
  return { code, output: stdout + stderr };
}

/** Runs every check, and says at the end which failed. */
export async function runChecks(
  { fix, static: staticOnly }: { fix: boolean; static: boolean },
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const { ruff, python, env } = await prepareTools(terminal);
  const deno = Deno.execPath();
  if (fix) {
    await stream([deno, "fmt"], {}, terminal);
    await stream([ruff, "check", "--fix", ...PYTHON_SOURCES], {}, terminal);
    await stream([ruff, "format", ...PYTHON_SOURCES], {}, terminal);
  }
  const checks: [name: string, argv: string[]][] = [
    ["TypeScript format", [deno, "fmt", "--check"]],
    ["TypeScript lint", [deno, "lint"]],
    ["TypeScript types", [deno, "check", "tasks", "test", "bench"]],
    ["Python format", [ruff, "format", "--check", ...PYTHON_SOURCES]],
    ["Python lint", [ruff, "check", ...PYTHON_SOURCES]],
    ["Python types", [python, "-m", "mypy"]],
  ];
  const failed: string[] = [];
  for (const [name, argv] of checks) {
    const begin = performance.now();
    const { code } = await stream(argv, env, terminal);
    terminal.line(
      `${name}: ${code === 0 ? "ok" : "FAILED"}, ${duration((performance.now() - begin) / 1000)}`,
    );
    if (code !== 0) failed.push(name);
  }
  const tests = staticOnly ? undefined : await runTests([], terminal);
  if (tests?.exitCode === 1) failed.push("tests");
  terminal.line(failed.length === 0 ? "ok" : `Not ok: ${failed.join(", ")}`);
  return { exitCode: failed.length === 0 ? 0 : 1, result: { failed, tests: tests?.result } };
}
