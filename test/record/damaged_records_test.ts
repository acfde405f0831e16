/** Records that somebody else wrote, or that were damaged: a clear error or a verdict, in bounded time, and never a crash. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import type { Arguments, OptionTable } from "../../tasks/lib/cli/options.ts";
import { Terminal } from "../../tasks/lib/cli/terminal.ts";
import { COMPARE_OPTIONS, compareTask } from "../../tasks/lib/compare/compare_task.ts";
import { fromInToto } from "../../tasks/lib/record/in_toto.ts";
import { REPORT_OPTIONS, reportRun } from "../../tasks/lib/report/report_task.ts";
import { VERIFY_OPTIONS, verifyTask } from "../../tasks/lib/report/verify_task.ts";
import { sha256 } from "../../tasks/lib/system/files.ts";
import { experiment, Project, ROOT, TRAIN } from "../support/project.ts";

/** A task takes 2 s at most; tests share the machine with others, which may take as much. */
const LONGEST_MS = 2000 * 5;

let slowest = 0;

const CLAIMS = `claims:
  - name: accuracy
    from: train/metrics.json#/accuracy/-1
    value: 99.44
    unit: "%"
    of: 360
  - name: the log
    from: train/log.txt#/accuracy (.*)/
    value: 1.5
`;

/** Collects what would be printed. */
class Listener extends Terminal {
  text = "";
  override raw(bytes: Uint8Array) {
    this.text += new TextDecoder().decode(bytes);
  }
  override note(text: string) {
    this.text += text;
  }
  override progress() {}
}

// deno-lint-ignore no-explicit-any -- each task has options of its own
function argumentsOf(options: OptionTable, positionals: string[]): Arguments<any> {
  const values = Object.entries(options).map((
    [name, { value }],
  ) => [name, value === undefined ? false : undefined]);
  return { options: Object.fromEntries(values), positionals, parameters: {}, known: [], rest: [] };
}

const TASKS: Record<string, (run: string, other: string, terminal: Terminal) => Promise<unknown>> = {
  verify: (run, _, terminal) => verifyTask(argumentsOf(VERIFY_OPTIONS, [run]), terminal),
  report: (run, _, terminal) => reportRun(argumentsOf(REPORT_OPTIONS, [run]), terminal),
  compare: (run, other, terminal) => compareTask(argumentsOf(COMPARE_OPTIONS, [run, other]), terminal),
};

/** Runs a task, whose end must be a result or a failure with a message; returns what it says. */
async function said(task: string, run: string, other: string): Promise<string> {
  const terminal = new Listener();
  const began = performance.now();
  try {
    await TASKS[task]!(run, other, terminal);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    terminal.text += `${error.message}\n${
      error.details.problems?.map(({ message }) => message).join("\n") ?? ""
    }`;
  }
  const took = performance.now() - began;
  slowest = Math.max(slowest, took);
  assert.ok(took < LONGEST_MS, `${task} took ${took} ms`);
  return terminal.text;
}

/** The same random numbers each time (mulberry32). */
function randomNumbers(seed: number): () => number {
  return () => {
    seed = seed + 0x6D2B79F5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

function deep(levels: number): Json {
  let value: Json = [];
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** A million characters, once: so many are read in any file of results. */
const HUGE = "x".repeat(1_000_000);

const VALUES: (() => Json)[] = [
  () => null,
  () => "text",
  () => "",
  () => true,
  () => 5,
  () => -1,
  () => 1e308,
  () => [],
  () => ({}),
  () => [null],
  () => [{}],
  () => ({ a: null }),
  () => deep(80),
  () => deep(3000),
  () => HUGE,
  () => "../../../../../../etc/passwd",
  () => "/dev/zero",
  () => "__proto__",
  () => "\u001b]0;x\u0007\u001b[2J\u202e",
  () => "2026-13-45T99:99:99Z",
  () => "a\u0000b",
];

/** Replaces or removes one value, anywhere in it; returns what was done. */
function mutate(root: { [key: string]: Json }, random: () => number): string {
  const places: [holder: Record<string, Json>, key: string, path: string][] = [];
  const visit = (value: Json, path: string) => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) {
      const holder = value as Record<string, Json>;
      places.push([holder, key, `${path}/${key}`]);
      visit(holder[key]!, `${path}/${key}`);
    }
  };
  visit(root, "");
  const [holder, key, path] = places[Math.floor(random() * places.length)]!;
  const kind = Math.floor(random() * (VALUES.length + 2));
  if (kind === VALUES.length) {
    delete holder[key];
    return `${path} removed`;
  }
  if (kind === VALUES.length + 1) {
    holder[`${key}\u001b[2J`] = holder[key]!;
    return `${path} doubled`;
  }
  const value = VALUES[kind]!();
  holder[key] = value;
  return `${path} = ${(JSON.stringify(value) ?? "").slice(0, 40)}`;
}

async function copyTree(from: string, to: string) {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** A real run, with a receipt, and a copy that may be damaged. */
async function reproduced(): Promise<{ project: Project; run: string; damaged: string }> {
  const project = await Project.make({ "experiment.yaml": experiment(CLAIMS), "train.py": TRAIN });
  assert.equal((await project.task("reproduce")).code, 1);
  const run = await project.run();
  const damaged = project.path("damaged");
  await copyTree(run, damaged);
  return { project, run, damaged };
}

/** How many records are damaged; `DAMAGED_RECORDS=2000` takes two minutes. */
const MUTATIONS = Number(Deno.env.get("DAMAGED_RECORDS") ?? 500);

Deno.test(`${MUTATIONS} damaged records end in a verdict or a clear error`, async (t) => {
  const { project, run, damaged } = await reproduced();
  await using _ = project;
  const published = project.path("published");
  await copyTree(join(ROOT, "published"), published);
  const places: [folder: string, whole: string, files: string[]][] = [
    [damaged, run, ["evidence.json", "evidence.json", "plan.json", "verdict.json", "receipt.json"]],
    [published, join(ROOT, "published"), ["evidence.json", "plan.json", "verdict.json"]],
  ];
  const random = randomNumbers(20261127);
  const log = console.log;
  let [refused, judged] = [0, 0];
  for (let index = 0; index < MUTATIONS; index++) {
    const [folder, whole, files] = places[index % places.length]!;
    const file = files[Math.floor(random() * files.length)]!;
    const text = await Deno.readTextFile(join(whole, file));
    const isFirst = file === "receipt.json" && random() < 0.5;
    const record = isFirst ? { ...fromInToto(JSON.parse(text)), schema: 1 } : JSON.parse(text);
    const what = `${index}: ${file} ${mutate(record, random)}`;
    const written = JSON.stringify(record);
    await Deno.writeTextFile(
      join(folder, file),
      isFirst ? `{"sha256":"${sha256(written)}","statement":${written}}` : written,
    );
    // Without its receipt a run is looked at more closely.
    const receipt = join(folder, "receipt.json");
    const isBare = folder === damaged && file !== "receipt.json" && index % 4 < 2;
    if (isBare) await Deno.remove(receipt);
    // The page with its charts takes longest, and reads nothing that the text does not.
    for (const task of index % 5 === 0 ? ["verify", "report", "compare"] : ["verify", "compare"]) {
      try {
        const output = await said(task, folder, whole);
        if (/current value is|is missing, it must be|nested deeper|is not JSON/.test(output)) refused++;
        else judged++;
      } catch (error) {
        throw new Error(`${task} of ${what}`, { cause: error });
      }
    }
    await Deno.writeTextFile(join(folder, file), text);
    if (isBare) await Deno.copyFile(join(whole, "receipt.json"), receipt);
  }
  await t.step(`${refused} refused with the field, ${judged} judged`, () => {
    log(
      `${refused} tasks refused one with its field, ${judged} judged it, at most ${
        Math.round(slowest)
      } ms each`,
    );
    assert.ok(refused > MUTATIONS / 4 && judged > MUTATIONS / 4);
  });
});

Deno.test("what is not a regular file, or lies elsewhere, is not read", async (t) => {
  const kinds: [kind: string, said: RegExp, put: (path: string) => Promise<unknown>][] = [
    [
      "named pipe",
      /named pipe|not there any more/,
      (path) => new Deno.Command("mkfifo", { args: [path] }).output(),
    ],
    ["socket", /socket|not there any more/, (path) =>
      new Deno.Command("python3", {
        args: [
          "-c",
          "import os, socket, sys; os.chdir(os.path.dirname(sys.argv[1])); socket.socket(socket.AF_UNIX).bind(os.path.basename(sys.argv[1]))",
          path,
        ],
      }).output()],
    ["folder", /folder/, (path) => Deno.mkdir(path)],
    ["device", /link that leaves|device|not there any more/, (path) => Deno.symlink("/dev/zero", path)],
    ["link elsewhere", /link that leaves|not there any more/, (path) => Deno.symlink("/etc/passwd", path)],
    ["link to itself", /circle|not there any more/, (path) => Deno.symlink(path, path)],
    ["huge file", /MiB|other bytes/, async (path) => {
      await Deno.writeTextFile(path, "");
      await Deno.truncate(path, 2 ** 31);
    }],
  ];
  const files = [
    "evidence.json",
    "plan.json",
    "verdict.json",
    "receipt.json",
    "receipt.json.sig",
    "log.txt",
    "train/metrics.json",
    "train",
  ];
  const { project, run, damaged } = await reproduced();
  await using _ = project;
  for (const [kind, expected, put] of kinds) {
    for (const file of files) {
      if (kind === "huge file" && file === "train") continue;
      if (kind === "folder" && file === "train") continue;
      if (kind === "huge file" && /log|metrics/.test(file)) continue; // hashing 2 GiB is what it should do
      await t.step(`${kind} in the place of ${file}`, async () => {
        await Deno.remove(damaged, { recursive: true });
        await copyTree(run, damaged);
        await Deno.remove(join(damaged, file), { recursive: true }).catch(() => {});
        await Deno.mkdir(dirname(join(damaged, file)), { recursive: true });
        await put(join(damaged, file));
        for (const receipt of [true, false]) {
          if (!receipt && !file.startsWith("receipt")) await Deno.remove(join(damaged, "receipt.json"));
          const texts = [];
          for (const task of Object.keys(TASKS)) texts.push(await said(task, damaged, run));
          // Without a receipt nothing says what the log was, and a verdict that can't be read is no verdict.
          if (receipt && file !== "receipt.json.sig") assert.match(texts.join("\n"), expected);
        }
      });
    }
  }
});

Deno.test("a record of 20,000 files is checked in a moment", async () => {
  const { project, damaged } = await reproduced();
  await using _ = project;
  const path = join(damaged, "evidence.json");
  const evidence = JSON.parse(await Deno.readTextFile(path));
  evidence.steps.train.outputs = Array.from({ length: 20_000 }, (_, index) => ({
    path: `images/image-${index}.jpg`,
    bytes: index,
    sha256: sha256(String(index)),
  }));
  evidence.steps.train.outputs[19_999].bytes = "many";
  await Deno.writeTextFile(path, JSON.stringify(evidence, null, 2));
  await Deno.remove(join(damaged, "receipt.json"));
  assert.match(
    await said("verify", damaged, damaged),
    /evidence\.json is not the evidence of a run: steps\.train\.outputs\[19999\]\.bytes must be a number, current value is "many"/,
  );
});
