/**
 * Measures verify.html in a real Chromium: how much memory its renderer takes on a large run folder, and how fast it reads,
 * beside `sha256sum` on the same files. Files are sparse: they are read and hashed whole, and take no place on the disk.
 *
 *     deno run -A bench/verifier_page.ts [--gigabytes 2] [--rounds 3]
 *
 * Writes bench/results/verifier_page.json.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { verifierPage } from "../tasks/lib/maintenance/verifier_page.ts";
import { inspectHost } from "../tasks/lib/system/host.ts";
import { open, withBrowser } from "../test/support/browser.ts";
import { experiment, Project } from "../test/support/project.ts";

const RESULT = new URL("results/verifier_page.json", import.meta.url);

const { values } = parseArgs({
  options: { gigabytes: { type: "string", default: "2" }, rounds: { type: "string", default: "3" } },
});

const BYTES = Number(values.gigabytes) * 2 ** 30;

/** How the bytes are divided; a checkpoint is one large file, what a data set becomes is many. */
const DIVISIONS = { "files of 32 MiB": BYTES / 2 ** 25, "files of 1 MiB": BYTES / 2 ** 20, "one file": 1 };

const STEP = `
import sys
out, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for number in range(count):
    with open(f"{out}/{number}.bin", "wb") as file:
        file.truncate(size)
`;

interface Measured {
  seconds: number;
  /** Of all processes of the browser, or of the program. */
  cpuSeconds: number;
}

interface Round {
  page: Measured & { highestRssMB: number; highestAnonymousMB: number };
  sha256sum: Measured;
}

/** Fields of a process in /proc; nothing for one that has gone. */
function stat(pid: number): { parent: number; cpuSeconds: number } | undefined {
  try {
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
    return { parent: Number(fields[1]), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100 };
  } catch {
    return undefined;
  }
}

/** All processes below this one. */
function descendants(): number[] {
  const parents = new Map<number, number>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const found = /^\d+$/.test(name) ? stat(Number(name)) : undefined;
    if (found !== undefined) parents.set(Number(name), found.parent);
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (parents.get(pid) === Deno.pid || isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow);
}

function isRenderer(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes("--type=renderer");
  } catch {
    return false;
  }
}

function memory(pid: number): { rss: number; anonymous: number } {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/status`);
    const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
    return { rss: kib("VmRSS") / 1000, anonymous: kib("RssAnon") / 1000 };
  } catch {
    return { rss: 0, anonymous: 0 };
  }
}

function cpuOf(pids: number[]): number {
  return pids.reduce((sum, pid) => sum + (stat(pid)?.cpuSeconds ?? 0), 0);
}

async function measurePage(html: string, folder: string): Promise<Round["page"]> {
  let result: Round["page"] | undefined;
  await withBrowser(async (browser) => {
    const { page } = await open(browser, html);
    const [before, started] = [cpuOf(descendants()), performance.now()];
    const highest = { rss: 0, anonymous: 0 };
    const timer = setInterval(() => {
      for (const pid of descendants().filter(isRenderer)) {
        const { rss, anonymous } = memory(pid);
        highest.rss = Math.max(highest.rss, rss);
        highest.anonymous = Math.max(highest.anonymous, anonymous);
      }
    }, 50);
    await page.setInputFiles("#folder", folder);
    await page.waitForSelector(".verdict", { timeout: 600_000 });
    clearInterval(timer);
    const seconds = (performance.now() - started) / 1000;
    const said = await page.textContent(".verdict");
    if (!/^(?:Holds|Does not hold)/.test(said!)) throw new Error(said!);
    result = {
      seconds,
      cpuSeconds: cpuOf(descendants()) - before,
      highestRssMB: Math.round(highest.rss),
      highestAnonymousMB: Math.round(highest.anonymous),
    };
  });
  return result!;
}

/** The same files by the program that everybody has. */
async function measureSums(folder: string): Promise<Measured> {
  const command = ["-c", `times; find "$0" -type f -print0 | xargs -0 sha256sum >/dev/null; times`, folder];
  const started = performance.now();
  const { stdout } = await new Deno.Command("bash", { args: command }).output();
  const seconds = (performance.now() - started) / 1000;
  const children = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
  const cpu = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => 60 * Number(m) + Number(s));
  return { seconds, cpuSeconds: cpu.reduce((sum, one) => sum + one, 0) };
}

const html = await Deno.makeTempFile({ suffix: ".html" });
const page = await verifierPage();
await Deno.writeTextFile(html, page);
const results: Record<string, Round[]> = {};
for (const [name, count] of Object.entries(DIVISIONS)) {
  const run = `[python, make.py, "{out}", "${count}", "${BYTES / count}"]`;
  await using project = await Project.make({ "experiment.yaml": experiment("", run), "make.py": STEP });
  const { code, stderr } = await project.task("reproduce");
  if (code !== 0) throw new Error(stderr);
  const folder = await project.run();
  results[name] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    results[name].push({
      page: await measurePage(html, folder),
      sha256sum: await measureSums(join(folder, "train")),
    });
    console.log(name, JSON.stringify(results[name].at(-1)));
  }
}
const { cpu, cores, memory: total, os, architecture } = await inspectHost();
const machine = { cpu, cores, memory: total, os, architecture };
const result = { machine, measured: new Date().toISOString(), pageBytes: page.length, bytes: BYTES, results };
await Deno.writeTextFile(RESULT, `${JSON.stringify(result, null, 2)}\n`);
await Deno.remove(html);
