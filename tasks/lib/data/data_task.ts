/** `deno task data`: fetches what an experiment declares, or tells how it stands with it. */

import { resolve } from "node:path";
import type { Arguments, OptionTable } from "../cli.ts";
import { type Data, type Experiment, readExperiment } from "../experiment.ts";
import { Failure } from "../failure.ts";
import { callerFolder } from "../project_root.ts";
import { Stopper } from "../supervise.ts";
import { didYouMean } from "../suggest.ts";
import { bytes, duration, type Terminal } from "../terminal.ts";
import { dataCache } from "./cache_folder.ts";
import { type Look, look } from "./look.ts";
import { obtain, type ObtainOptions } from "./obtain.ts";
import { listLines, lookResult, readyLine } from "./show.ts";

export const DATA_OPTIONS = {
  only: { value: "NAME", many: true, help: "only these data of the experiment" },
  offline: { help: "open no connection; what is missing is an error that says how to bring it" },
  from: {
    value: "PATH",
    help:
      "take the files from there instead of downloading: a file, or a folder with files; hashes are checked",
  },
  plan: { help: "show what would be fetched, and fetch nothing" },
  yes: { help: "fetch more than 1 GB without asking", short: "y" },
} as const satisfies OptionTable;

const ACTIONS = ["fetch", "verify", "list"] as const;
type Action = typeof ACTIONS[number];

/** Bytes that are fetched without being asked for twice. */
const UNASKED = 1e9;

interface Outcome {
  exitCode: 0 | 1;
  result: unknown;
}

/** Does what the arguments say with the data of an experiment. */
export async function dataTask(
  { options, positionals }: Arguments<typeof DATA_OPTIONS>,
  terminal: Terminal,
): Promise<Outcome> {
  const [action, which] = readPositionals(positionals);
  const experiment = await readExperiment(which, callerFolder());
  const chosen = chooseData(experiment, options.only);
  if (chosen.length === 0) {
    terminal.line(`${experiment.name} declares no data`);
    return { exitCode: 0, result: { data: [] } };
  }
  const cache = await dataCache();
  terminal.line(`Data of ${experiment.name}, kept in ${cache}`);
  switch (action) {
    case "list":
      return { exitCode: 0, result: { cache, data: await list(experiment, chosen, terminal) } };
    case "verify":
      return await verify(experiment, chosen, terminal);
    case "fetch":
      return await fetchAll(experiment, chosen, options, terminal);
    default:
      throw new Error(`${action satisfies never} is no action`);
  }
}

/** The action may be left out. */
function readPositionals([first, second]: string[]): [Action, string | undefined] {
  const action = ACTIONS.find((one) => one === first);
  if (action !== undefined) return [action, second];
  if (second === undefined) return ["fetch", first];
  throw new Failure(
    2,
    `"deno task data" does ${ACTIONS.join(", ")}, current value is "${first}"${didYouMean(first!, ACTIONS)}`,
  );
}

function chooseData({ name, data }: Experiment, only: string[]): Data[] {
  const unknown = only.find((one) => data[one] === undefined);
  if (unknown !== undefined) {
    throw new Failure(
      2,
      `Cannot find data "${unknown}" of ${name}${didYouMean(unknown, Object.keys(data))}`,
      {
        remedy: `It declares ${Object.keys(data).join(", ") || "none"}`,
      },
    );
  }
  return Object.values(data).filter((one) => only.length === 0 || only.includes(one.name));
}

async function lookAtAll(experiment: Experiment, chosen: Data[], hash: boolean): Promise<Look[]> {
  const looks = [];
  for (const data of chosen) looks.push(await look(experiment, data, { hash }));
  return looks;
}

async function list(experiment: Experiment, chosen: Data[], terminal: Terminal) {
  const looks = await lookAtAll(experiment, chosen, false);
  listLines(looks, terminal).forEach((line) => terminal.line(line));
  return looks.map((one) => lookResult(experiment, one));
}

/** Hashes every file. */
async function verify(experiment: Experiment, chosen: Data[], terminal: Terminal): Promise<Outcome> {
  const looks = [];
  for (const data of chosen) {
    terminal.progress(`${data.name}: hashing`);
    looks.push(await look(experiment, data, { hash: true }));
  }
  terminal.clearProgress();
  listLines(looks, terminal).forEach((line) => terminal.line(line));
  const bad = looks.filter(({ state }) => state === "corrupted");
  bad.forEach(({ data, soundness }) =>
    soundness!.problems.forEach((problem) => terminal.note(`${data.name}: ${problem}`))
  );
  const absent = looks.filter(({ state }) => state !== "corrupted" && state !== "here");
  if (bad.length + absent.length > 0) terminal.note(`What to do: ${fetchCommand(experiment)}`);
  return {
    exitCode: bad.length + absent.length > 0 ? 1 : 0,
    result: { data: looks.map((one) => lookResult(experiment, one)) },
  };
}

function fetchCommand({ name }: Experiment): string {
  return `deno task data fetch ${name}`;
}

type FetchOptions = Arguments<typeof DATA_OPTIONS>["options"];

async function fetchAll(
  experiment: Experiment,
  chosen: Data[],
  options: FetchOptions,
  terminal: Terminal,
): Promise<Outcome> {
  const before = await lookAtAll(experiment, chosen, false);
  const missing = before.filter(({ state }) => state === "absent" || state === "corrupted");
  if (missing.length > 0) announceCost(missing.map(({ data }) => data), options, terminal);
  if (options.plan) {
    listLines(before, terminal).forEach((line) => terminal.line(line));
    return { exitCode: 0, result: { data: before.map((one) => lookResult(experiment, one)) } };
  }
  const looks = await obtainAll(experiment, before, options, terminal);
  return { exitCode: 0, result: { data: looks.map((one) => lookResult(experiment, one)) } };
}

async function obtainAll(
  experiment: Experiment,
  before: Look[],
  { offline, from }: FetchOptions,
  terminal: Terminal,
): Promise<Look[]> {
  using stopper = new Stopper();
  const options: ObtainOptions = {
    offline,
    from: from && resolve(callerFolder(), from),
    line: (text) => terminal.line(text),
    progress: (text) => terminal.progress(text),
    signal: stopper.aborted,
  };
  const looks: Look[] = [];
  try {
    for (const found of before) {
      const started = performance.now();
      looks.push(found.state === "here" ? found : await obtain(experiment, found.data, options));
      terminal.clearProgress();
      const took = found.state === "here" ? undefined : duration((performance.now() - started) / 1000);
      terminal.line(readyLine(looks.at(-1)!, took));
    }
  } catch (error) {
    if (stopper.signal === undefined) throw error;
    throw new Failure(130, `Interrupted by ${stopper.signal}; what was downloaded is kept for the next time`);
  }
  return looks;
}

/** @throws Failure(2) for more than 1 GB that nobody has said yes to */
function announceCost(missing: Data[], { yes, plan, from, offline }: FetchOptions, terminal: Terminal) {
  if (from !== undefined || offline) return;
  const known = missing.reduce((sum, { size = 0 }) => sum + size, 0);
  const isUnknown = missing.some(({ size }) => size === undefined);
  const amount = isUnknown ? known === 0 ? "an unknown amount" : `more than ${bytes(known)}` : bytes(known);
  const room = missing.some(({ unpack }) => unpack !== undefined)
    ? "; on disk that, and what is unpacked from it"
    : "";
  terminal.line(`To download: ${missing.map(({ name }) => name).join(", ")}: ${amount}${room}`);
  if (known <= UNASKED || yes || plan) return;
  throw new Failure(2, `Cannot download ${bytes(known)} without being told to: that is more than 1 GB`, {
    remedy: "Add --yes",
  });
}
