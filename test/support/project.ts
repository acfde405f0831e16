/** A throw-away project for tests, and the real command line to run on it. */

import { dirname, join } from "node:path";
import { recordProblems } from "./schemas.ts";

export const ROOT = join(import.meta.dirname!, "..", "..");

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

const RUN_TASKS = ["reproduce", "train", "infer", "step", "notebook"];

function runFolders(runs: string): string[] {
  try {
    return [...Deno.readDirSync(runs)].flatMap((experiment) =>
      [...Deno.readDirSync(join(runs, experiment.name))].filter(({ isDirectory }) => isDirectory)
        .map(({ name }) => join(runs, experiment.name, name))
    );
  } catch {
    return []; // a test has put something else there
  }
}

export class Project implements AsyncDisposable {
  private constructor(readonly root: string) {}

  /** Makes a project of the given files. An experiment without `requirements` needs no environment, so it starts at once. */
  static async make(files: Record<string, string>): Promise<Project> {
    const project = new Project(await Deno.realPath(await Deno.makeTempDir({ prefix: "project-" })));
    for (const [path, text] of Object.entries(files)) await project.write(path, text);
    return project;
  }

  async write(path: string, text: string) {
    await Deno.mkdir(dirname(this.path(path)), { recursive: true });
    await Deno.writeTextFile(this.path(path), text);
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Starts `deno task TASK ARGS` as a user would, standing in the project's folder. */
  start(task: string, args: string[] = [], env: Record<string, string> = {}): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "--config", join(ROOT, "deno.json"), task, ...args],
      cwd: this.root,
      // `deno task test` has set INIT_CWD to where the tests were started, and an inner task would believe it.
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", INIT_CWD: this.root, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async task(task: string, args: string[] = [], env: Record<string, string> = {}): Promise<Ended> {
    const end = await ended(this.start(task, args, env));
    if (RUN_TASKS.includes(task)) this.#checkRecords();
    return end;
  }

  /** Those of each run once, while nobody has altered them. */
  #checkRecords() {
    for (const directory of runFolders(this.path("runs"))) {
      if (this.#checked.has(directory)) continue;
      this.#checked.add(directory);
      const problems = recordProblems(directory);
      if (problems.length > 0) throw new Error(`${directory}: ${problems.join(", ")}`);
    }
  }

  readonly #checked = new Set<string>();

  /** Does something with the project, then puts all its files back as they were: quicker than a run for each case. */
  async restored(action: () => Promise<void>) {
    const before = `${this.root}.before`;
    const copied = await new Deno.Command("cp", { args: ["-a", this.root, before] }).output();
    if (!copied.success) throw new Error(new TextDecoder().decode(copied.stderr));
    try {
      await action();
    } finally {
      await Deno.remove(this.root, { recursive: true });
      await Deno.rename(before, this.root);
    }
  }

  /** The only run there is, or the newest. */
  async run(name = "test", index = -1): Promise<string> {
    const all = [...Deno.readDirSync(this.path("runs", name))].filter((entry) => entry.isDirectory);
    // Ids of the same second differ in their random part only, so the evidence tells which is newer.
    const dated = await Promise.all(all.map(async (entry) => {
      const directory = this.path("runs", name, entry.name);
      const info = await Deno.stat(join(directory, "plan.json")).catch(() => undefined);
      return { directory, time: info?.mtime?.getTime() ?? 0 };
    }));
    return dated.sort((a, b) => a.time - b.time).at(index)!.directory;
  }

  // deno-lint-ignore no-explicit-any
  async json(...parts: string[]): Promise<any> {
    return JSON.parse(await Deno.readTextFile(this.path(...parts)));
  }

  async evidence(name = "test") {
    return JSON.parse(await Deno.readTextFile(join(await this.run(name), "evidence.json")));
  }

  async [Symbol.asyncDispose]() {
    await Deno.remove(this.root, { recursive: true });
  }
}

export async function ended(child: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Waits until something is so. */
export async function until(what: string, so: () => Promise<boolean> | boolean, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!await so()) {
    if (performance.now() > deadline) throw new Error(`Waited ${seconds} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** An experiment of one step, `train`, that runs `train.py`, and what else is given. */
export function experiment(more = "", run = '[python, train.py, --out, "{out}"]'): string {
  return `name: test\nsteps:\n  train:\n    run: ${run}\n${more}`;
}

/** A step that writes metrics.json and says so. */
export const TRAIN = `
import json, sys
out = sys.argv[sys.argv.index("--out") + 1]
print("training")
json.dump({"accuracy": [90.0, 99.44], "arguments": sys.argv[1:]}, open(out + "/metrics.json", "w"))
`;

/** What git prints in a project, as a person with settings of her own. */
export async function git(project: Project, ...args: string[]): Promise<string> {
  const settings = [
    "-c",
    "user.name=Ada",
    "-c",
    "user.email=ada@example.org",
    "-c",
    "init.defaultBranch=main",
  ];
  const { stdout } = await new Deno.Command("git", { args: [...settings, ...args], cwd: project.root })
    .output();
  return new TextDecoder().decode(stdout);
}
