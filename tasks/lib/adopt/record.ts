/** `new --record -- COMMAND`: runs a command once and makes a step of what was seen. */

import { basename, dirname, join, relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import { run } from "../system/command.ts";
import { INSIDE } from "../system/product.ts";
import { type ClaimDraft, type Draft, emptyDraft, type Found, type StepDraft, stepName } from "./draft.ts";
import { asPython, escaped, withoutNested } from "./plain_step.ts";
import { printedValues } from "./printed_values.ts";
import { Repository } from "./repository.ts";

/** What a process of Python told at its end. */
interface Report {
  python: string;
  opened: Record<string, boolean>;
  modules: Record<string, string>;
  packages: Record<string, string>;
}

const FOUND = "the recorded run";

/** Loaded at each start, and of no use to a step. */
const TOOLS = /^(?:pip|setuptools|wheel|distribute|_distutils_hack)$/i;

/** More outputs of one folder are named by the folder. */
const MOST_OUTPUTS = 6;

/**
 * Runs it in the user's own environment; what it writes stays. The draft has one step.
 *
 * @param argv as it would be typed; no shell reads it
 * @throws Failure(1) if it fails: what a failed command leaves is no result
 */
export async function record(root: string, cwd: string, argv: string[], terminal: Terminal): Promise<Draft> {
  const before = stateOf(root);
  const folder = await Deno.makeTempDir({ prefix: "record-" });
  const printed: string[] = [];
  try {
    const pythonPath = [join(INSIDE, "adopt", "recorder"), Deno.env.get("PYTHONPATH")].filter(Boolean).join(
      ":",
    );
    const { code } = await run(argv, {
      cwd,
      env: { NEW_RECORD: folder, PYTHONPATH: pythonPath, PYTHONUNBUFFERED: "1" },
      onLine: (line, stream) => {
        if (stream === "stdout") printed.push(line);
        terminal.line(line);
      },
    });
    if (code !== 0) {
      throw new Failure(1, `Cannot make a step of ${argv.join(" ")}: it ended with exit code ${code}`, {
        remedy: "Make it run through first",
      });
    }
    const reports = await readReports(folder);
    return draftOf({ root, cwd, argv, before, after: stateOf(root), reports, printed });
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** Size and time of each file. */
function stateOf(root: string): Map<string, string> {
  const { files } = Repository.open(root);
  return new Map(files.map((path) => {
    const { size, mtime, ino } = Deno.lstatSync(join(root, path));
    return [path, `${size} ${mtime?.getTime()} ${ino}`];
  }));
}

async function readReports(folder: string): Promise<Report[]> {
  const reports: Report[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".json")) reports.push(JSON.parse(await Deno.readTextFile(join(folder, name))));
  }
  return reports;
}

interface Seen {
  root: string;
  cwd: string;
  argv: string[];
  before: Map<string, string>;
  after: Map<string, string>;
  reports: Report[];
  printed: string[];
}

function draftOf({ root, cwd, argv, before, after, reports, printed }: Seen): Draft {
  const draft = emptyDraft();
  const written = [...after].filter(([path, state]) => before.get(path) !== state).map(([path]) => path)
    .filter((path) => !/\.pyc$/.test(path));
  const inside = (path: string) => {
    const own = relative(root, path);
    return own !== "" && !own.startsWith("..") && before.has(own) ? [own] : [];
  };
  const opened = reports.flatMap(({ opened }) =>
    Object.entries(opened).filter(([, writes]) => !writes).flatMap(([path]) => inside(path))
  );
  const modules = reports.flatMap(({ modules }) => Object.values(modules).flatMap(inside));
  const scripts = argv.slice(1).flatMap((word) => inside(join(cwd, word)));
  const inputs = [...new Set([...scripts, ...modules, ...opened])].filter((path) => !written.includes(path))
    .sort();
  const source = scripts.find((path) => /\.\w+$/.test(path));
  const name = stepName(source === undefined ? basename(argv[0]!) : basename(source).replace(/\.\w+$/, ""));
  const folder = relative(root, cwd);
  const step: StepDraft = {
    name,
    run: argv.map(escaped).map((word, index) => index === 0 ? asPython(word) : word),
    ...(folder !== "" && { cwd: folder }),
    needs: [],
    outputs: grouped(written, before),
    inputs,
    reads: opened,
    sources: source === undefined ? [] : [source],
  };
  draft.kinds.push({
    kind: FOUND,
    tier: "pipeline",
    steps: [{ value: step, found: FOUND, certainty: "stated" }],
  });
  draft.claims.push(...claimsOf(name, printed));
  const packages = new Map(
    reports.flatMap(({ packages }) => Object.entries(packages)).filter(([one]) => !TOOLS.test(one)),
  );
  if (packages.size > 0) {
    const pinned = [...packages].map(([one, version]) => `${one}==${version}`).sort();
    draft.install.push({ value: pinned, found: FOUND, certainty: "stated" });
  }
  const python = /^3\.\d+/.exec(reports[0]?.python ?? "")?.[0];
  if (python !== undefined) draft.pythons.push({ value: python, found: FOUND, certainty: "guessed" });
  if (reports.length === 0) {
    draft.notes.push(
      "No process of Python 3.8 or newer told what it read: the inputs are those that the command names",
    );
  }
  return draft;
}

/** Many files of a new folder are its folder. */
function grouped(written: string[], before: Map<string, string>): string[] {
  const folders = Map.groupBy(written, (path) => dirname(path));
  return withoutNested([...folders].flatMap(([folder, paths]) => {
    const isNew = folder !== "." && ![...before.keys()].some((path) => path.startsWith(`${folder}/`));
    return isNew || paths.length > MOST_OUTPUTS && folder !== "." ? [folder] : paths;
  }));
}

function claimsOf(name: string, printed: string[]): Found<ClaimDraft>[] {
  const lines = printed.map((text) => ({ text, found: `${FOUND}, what it printed` }));
  return printedValues(lines).map(({ label, pattern, index, values, unit, of, found }, place, all) => ({
    value: {
      name: all.findIndex((one) => one.label === label) === place ? label : `${label} (${place + 1})`,
      from: `${name}~/${pattern}/${index === undefined ? "" : `[${index}]`}`,
      value: values.length === 1 ? values[0]! : values,
      ...(unit !== undefined && { unit }),
      ...(of !== undefined && { of }),
    },
    found,
    certainty: "stated" as const,
  }));
}
