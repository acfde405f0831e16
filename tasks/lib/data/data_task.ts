/** `deno task data`: fetches what an experiment declares, or tells how it stands with it. */

import { Failure } from "../cli/failure.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import { didYouMean } from "../cli/suggest.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Data, Experiment } from "../experiment/experiment.ts";
import { readExperiment } from "../experiment/read.ts";
import { callerFolder } from "../system/project_root.ts";
import { dataCache } from "./cache_folder.ts";
import { fetchAll } from "./fetch_all.ts";
import type { Got } from "./identifier/get.ts";
import { type DataStatus, isSound, statusOf, statusOfAll } from "./status.ts";
import { listLines, statusResult } from "./show.ts";

export const DATA_OPTIONS = {
  only: { value: "NAME", many: true, help: "only these data of the experiment" },
  offline: { help: "open no connection; what is missing is an error that says how to get it by other means" },
  from: {
    value: "PATH",
    help:
      "take the files from there instead of downloading: a file, or a folder with files; hashes are checked",
  },
  plan: { help: "show what would be fetched, and fetch nothing" },
  yes: { help: "fetch more than 1 GB, or from a host that a DOI names, without asking", short: "y" },
  into: { value: "FOLDER", help: "with get: the new folder; it follows from the identifier without this" },
} as const satisfies OptionTable;

const ACTIONS = ["fetch", "verify", "list", "get"] as const;

type Action = typeof ACTIONS[number];

/** Does what the arguments say with the data of an experiment. */
export async function dataTask(
  { options, positionals }: Arguments<typeof DATA_OPTIONS>,
  terminal: Terminal,
): Promise<{ exitCode: 0 | 1; result: unknown }> {
  const [action, which] = readPositionals(positionals);
  if (action === "get") return await get(which, options, terminal);
  if (options.into !== undefined) {
    throw new Failure(2, `--into is for "deno task data get", not for ${action}`);
  }
  const experiment = await readExperiment(which, callerFolder());
  const chosen = chooseData(experiment, options.only);
  if (chosen.length === 0) {
    terminal.line(`${experiment.name} declares no data`);
    return { exitCode: 0, result: { data: [] } };
  }
  const cache = await dataCache();
  terminal.line(`Data of ${experiment.name}, kept in ${cache}`);
  const statuses = await act(action, experiment, chosen, options, terminal);
  const isWrong = action === "verify" && statuses.some(({ state }) => !isSound(state));
  return {
    exitCode: isWrong ? 1 : 0,
    result: { cache, data: statuses.map((one) => statusResult(experiment, one)) },
  };
}

/** An experiment of others, for `deno task reproduce IDENTIFIER`, or to look at it before. */
async function get(
  identifier: string | undefined,
  options: Arguments<typeof DATA_OPTIONS>["options"],
  terminal: Terminal,
): Promise<{ exitCode: 0; result: Got }> {
  if (identifier === undefined) {
    throw new Failure(
      2,
      '"deno task data get" needs an identifier: an address of git with its commit, a DOI or a zip',
    );
  }
  const { getIdentified } = await import("./identifier/get.ts");
  const got = await getIdentified(identifier, options, terminal);
  got.notes.forEach((note) => terminal.line(note));
  terminal.line(options.plan ? `To be fetched to ${got.folder}` : `Fetched to ${got.folder}`);
  return { exitCode: 0, result: got };
}

async function act(
  action: Exclude<Action, "get">,
  experiment: Experiment,
  chosen: Data[],
  options: Arguments<typeof DATA_OPTIONS>["options"],
  terminal: Terminal,
): Promise<DataStatus[]> {
  switch (action) {
    case "list":
      return await list(experiment, chosen, terminal);
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

async function list(experiment: Experiment, chosen: Data[], terminal: Terminal): Promise<DataStatus[]> {
  const statuses = await statusOfAll(experiment, chosen);
  listLines(statuses, terminal).forEach((line) => terminal.line(line));
  return statuses;
}

/** Hashes every file, and says which are not as they were fetched. */
async function verify(experiment: Experiment, chosen: Data[], terminal: Terminal): Promise<DataStatus[]> {
  const statuses: DataStatus[] = [];
  for (const data of chosen) {
    terminal.progress(`${data.name}: hashing`);
    statuses.push(await statusOf(experiment, data, { hash: true }));
  }
  listLines(statuses, terminal).forEach((line) => terminal.line(line));
  for (const { data, integrity } of statuses) {
    integrity?.problems.forEach((problem) => terminal.note(`${data.name}: ${problem}`));
  }
  if (!statuses.every(({ state }) => isSound(state))) {
    terminal.note(`${terminal.paint("what to do", "bold")}: deno task data fetch ${experiment.name}`);
  }
  return statuses;
}
