/** Runs files of tests side by side, each in a process of its own, and tells what came of them. */

import { join } from "node:path";
import { duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { run } from "../system/command.ts";
import { writeJson } from "../system/files.ts";
import { ROOT } from "../system/product.ts";
import { type TestFile, together } from "./test_files.ts";

export interface Python {
  python: string;
  /** Environment in which Python finds the test tools beside the experiment's packages. */
  env: Record<string, string>;
}

/** What came of a file. */
export interface FileResult {
  path: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  /** What was skipped and why, as the tests say. */
  reasons: string[];
}

export interface TestsResult {
  passed: number;
  failed: number;
  skipped: number;
  files: FileResult[];
  /** Files for which there was no time. */
  left: string[];
}

/** How long each file took the last time. */
const TIMES = join(ROOT, ".cache", "test-times.json");

/** About the seconds of those that take much longer than their size tells, for the first time. */
const LONG: Record<string, number> = {
  "test/src": 240,
  "test/cluster/slurm_test.ts": 240,
  "test/containers/devcontainer_test.ts": 190,
  "test/report/report_browser_test.ts": 70,
  "test/run/repositories_test.ts": 90,
  "test/program/packages_test.ts": 60,
  "test/record/records_test.ts": 50,
  "test/tasks/docs_commands_test.ts": 55,
  "test/environment/formats_test.ts": 50,
  "test/notebooks": 45,
  "test/experiments/digits_tensorflow_test.ts": 40,
  "test/environment/environment_test.ts": 35,
  "test/environment/other_pythons_test.ts": 25,
  "test/crate/provenance_test.ts": 20,
  "test/tasks/tasks_test.ts": 20,
  "test/sweep/sweep_test.ts": 20,
  "test/inside/install_packages_test.py": 20,
};

/** The rights of the tasks together, and the loopback for tests that play a server. */
const RIGHTS = ["read", "write", "env", "sys", "run", "net=127.0.0.1"].map((name) => `--allow-${name}`);

/** Bytecode is kept, or each Python that a test starts compiles torch and TensorFlow again: some seconds each. */
const ENVIRONMENT = { NO_COLOR: "1", DENO: Deno.execPath(), PYTHONDONTWRITEBYTECODE: "" };

/**
 * Runs the files, several at once, and prints a line for each and all that a failed one says.
 *
 * @param seconds no file is started that, by its last time, would end later than this; without it all run
 */
export async function runTestFiles(
  files: TestFile[],
  python: Python | undefined,
  terminal: Terminal,
  seconds = Infinity,
): Promise<TestsResult> {
  const times = await readTimes();
  const deadline = performance.now() + seconds * 1000;
  const queue = inOrder(files, times, Number.isFinite(seconds));
  const results: FileResult[] = [];
  const left: string[] = [];
  let engineInUse = false;
  const work = async () => {
    for (;;) {
      const index = queue.findIndex((file) => !file.usesEngine || !engineInUse);
      if (index === -1) return; // the engine's files are left to who has the engine
      const [file] = queue.splice(index, 1) as [TestFile];
      if (performance.now() + (times[file.path] ?? 0) * 1000 > deadline) {
        left.push(file.path);
        continue;
      }
      if (file.usesEngine) engineInUse = true;
      const result = await runFile(file, python, terminal, files.length === 1);
      if (file.usesEngine) engineInUse = false;
      results.push(result);
      times[file.path] = Math.round(result.seconds * 10) / 10;
    }
  };
  await Promise.all(Array.from({ length: jobs() }, work));
  await Deno.mkdir(join(ROOT, ".cache"), { recursive: true });
  await writeJson(TIMES, times);
  results.sort((a, b) => a.path < b.path ? -1 : 1);
  const sum = (key: "passed" | "failed" | "skipped") => results.reduce((total, file) => total + file[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped"), files: results, left };
}

/** One more than there are processors, since many tests wait for processes and servers; memory bounds them, too. */
function jobs(): number {
  return Math.min(navigator.hardwareConcurrency + 1, 8);
}

/** The engine's and the longest files first, so that none is waited for alone; the quickest where time is short. */
function inOrder(files: TestFile[], times: Record<string, number>, isShort: boolean): TestFile[] {
  const weight = (file: TestFile) => times[file.path] ?? LONG[file.path] ?? file.bytes / 1000;
  if (isShort) return files.toSorted((a, b) => weight(a) - weight(b));
  return together(files).toSorted((a, b) =>
    Number(b.usesEngine) - Number(a.usesEngine) || weight(b) - weight(a)
  );
}

async function readTimes(): Promise<Record<string, number>> {
  return await Deno.readTextFile(TIMES).then(JSON.parse).catch(() => ({}));
}

async function runFile(
  file: TestFile,
  python: Python | undefined,
  terminal: Terminal,
  isAlone: boolean,
): Promise<FileResult> {
  const argv = file.language === "TypeScript"
    ? [Deno.execPath(), "test", "--no-check", "--no-prompt", ...RIGHTS, ...file.files]
    : [python!.python, "-m", "pytest", "-q", ...file.files];
  const lines: string[] = [];
  const begin = performance.now();
  const { code } = await run(argv, {
    cwd: ROOT,
    env: { ...ENVIRONMENT, ...(file.language === "Python" ? python!.env : {}) },
    onLine: (line) => {
      lines.push(line);
      if (isAlone) terminal.line(line);
    },
  });
  const seconds = (performance.now() - begin) / 1000;
  const counts = file.language === "TypeScript" ? countDeno(lines) : countPytest(lines);
  // A runner that ends badly without counting a failure has failed once.
  const failed = code !== 0 && counts.failed === 0 && !isEmpty(code, file) ? 1 : counts.failed;
  const result = { path: file.path, ...counts, failed, seconds };
  if (failed > 0 && !isAlone) terminal.line(["", ...lines, ""].join("\n"));
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  const word = failed > 0 ? terminal.paint("FAILED", "red", "bold") : "ok";
  terminal.line(
    `${word} ${file.path}: ${counts.passed} passed${failed > 0 ? `, ${failed} failed` : ""}${skipped}, ${
      duration(seconds)
    }`,
  );
  return result;
}

/** Pytest ends with 5 if a file holds nothing to run. */
function isEmpty(code: number, { language }: TestFile): boolean {
  return language === "Python" && code === 5;
}

type Counts = Pick<FileResult, "passed" | "failed" | "skipped" | "reasons">;

/** Reads what `deno test` printed; tests say by a line "ignored: WHAT, since WHY" what they leave out. */
export function countDeno(lines: string[]): Counts {
  const match = /(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?:[^|]*\| (\d+) ignored)?/.exec(
    lines.join("\n"),
  );
  const [passed, failed, skipped] = [1, 2, 3].map((group) => Number(match?.[group] ?? 0)) as [
    number,
    number,
    number,
  ];
  const reasons = lines.filter((line) => line.startsWith("ignored: ")).map((line) =>
    line.slice("ignored: ".length)
  );
  return { passed, failed, skipped, reasons: [...new Set(reasons)] };
}

/** Reads what `pytest -rs` printed. */
export function countPytest(lines: string[]): Counts {
  const last = lines.findLast((line) => / in [\d.]+s/.test(line)) ?? "";
  const number = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0);
  const reasons = lines.flatMap((line) => /^SKIPPED \[\d+\] [^ ]+ (.*)/.exec(line)?.[1] ?? []);
  return {
    passed: number("passed"),
    failed: number("failed") + number("errors?"),
    skipped: number("skipped"),
    reasons: [...new Set(reasons)],
  };
}

/** What was skipped, each reason once, with the files it is from. */
export function skippedLines({ files }: TestsResult): string[] {
  const byReason = new Map<string, string[]>();
  for (const { path, skipped, reasons } of files) {
    if (skipped === 0) continue;
    for (const reason of reasons.length > 0 ? reasons : ["no reason was given"]) {
      const why = /,? (?:since|because) (.*)/.exec(reason)?.[1] ?? reason;
      byReason.set(why, [...byReason.get(why) ?? [], path]);
    }
  }
  return [...byReason].map(([reason, paths]) => `Skipped: ${reason} (${paths.join(", ")})`);
}
