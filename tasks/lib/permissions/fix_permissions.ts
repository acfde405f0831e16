/** `deno task fix-permissions`: looks, says what is found, repairs it, and can take that back. */

import { join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { duration } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import { visibleLine } from "../cli/visible.ts";
import { shellQuote } from "../system/command.ts";
import { callerFolder, projectRoot } from "../system/project_root.ts";
import { findFirst } from "./find.ts";
import { type Report, runHelper } from "./helper.ts";
import { choosePlace, type ChosenPlace, helperCommand, type Place } from "./place.ts";
import { accepted } from "./refusal.ts";
import { type Caller, planRequest, readCaller, type Request } from "./request.ts";
import { describeOwner, describePlace, number, showFindings, showLeft } from "./show.ts";
import { readUndoList, UndoList } from "./undo_list.ts";

export interface Options {
  plan: boolean;
  "to-container": boolean;
  group: boolean;
  all: boolean;
  engine?: string;
  image?: string;
  undo?: string;
}

interface Outcome {
  exitCode: 0 | 1;
  result: unknown;
}

/**
 * Repairs the project that the user stands in.
 *
 * @throws Failure(2) if there is none, Failure(3) if root's rights are needed and can't be had.
 */
export async function fixPermissions(options: Options, terminal: Terminal): Promise<Outcome> {
  const root = await Deno.realPath(await projectRoot(callerFolder(), "repair"));
  const caller = await readCaller();
  const request = planRequest(root, caller, options);
  const chosen = { engine: options.engine, image: options.image };
  if (options.undo !== undefined) return await takeBack(options, request, caller, chosen, terminal);
  if (await isKnownRight(request, caller)) return allRight(request, terminal);
  const place = await choosePlace(request, caller, chosen).catch((error) => {
    if (error instanceof Failure && error.exitCode === 3) return error;
    throw error;
  });
  if (place instanceof Failure) return await lookOnly(place, request, options.plan, terminal);
  const begin = performance.now();
  using list = new UndoList(root);
  const work = options.plan ? "look" : "repair";
  const report = await look(place, request, terminal, work, (line) => list.add(line));
  if (report.owners.length === 0 && report.modes.count === 0 && report.left.length === 0) {
    return allRight(request, terminal);
  }
  if (options.plan) return await showPlan(place, request, report, terminal);
  const seconds = Math.round(performance.now() - begin) / 1000;
  const amount = `${number(report.changed)} of ${number(report.entries)} files and folders`;
  terminal.line(`Repaired ${amount} in ${duration(seconds)}, ${describePlace(place)}`);
  if (list.path !== undefined) {
    terminal.line(`To take it back: deno task fix-permissions --undo ${shellQuote([list.path])}`);
  }
  showLeft("Not repaired", report, terminal);
  if (place.kind === "container" && place.rootless && report.left.length > 0) terminal.note(ROOTLESS);
  const isDone = report.left.length === 0 && hasArrived(place, request, report, terminal);
  return {
    exitCode: isDone ? 0 : 1,
    result: { ...request, ...report, plan: false, seconds, undo: list.path },
  };
}

const ROOTLESS = "A rootless engine has no power over the files of root and of this machine's other users: " +
  "sudo $(command -v deno) task fix-permissions";

/** What a container's user owns is known only to its engine, unless this is root. */
async function isKnownRight(request: Request, { isRoot }: Caller): Promise<boolean> {
  if (request.toContainer && !isRoot) return false;
  return (await findFirst(request)).kind === "nothing";
}

function allRight(request: Request, terminal: Terminal): Outcome {
  const rights = request.group ? ", and the group may write to it" : "";
  terminal.line(`Everything in ${visibleLine(request.root)} belongs to ${describeOwner(request)}${rights}`);
  return { exitCode: 0, result: { ...request, owners: [], changed: 0 } };
}

/** Looks at all entries, or repairs them, and shows what was found. */
async function look(
  place: Place,
  request: Request,
  terminal: Terminal,
  work: "look" | "repair" = "look",
  onChange?: (line: string) => void,
): Promise<Report> {
  const answer = await runHelper(place, request, work, {
    progress: (line) => terminal.progress(line),
    onChange,
  });
  terminal.clearProgress();
  const report = accepted(answer, place, request);
  showFindings(request, report, terminal);
  return report;
}

/**
 * Gives back what an earlier repair changed, to whom it belonged.
 *
 * @throws Failure(2) if the list is none, Failure(3) if root's rights are needed and can't be had
 */
async function takeBack(
  { undo = "", plan }: Options,
  request: Request,
  caller: Caller,
  chosen: ChosenPlace,
  terminal: Terminal,
): Promise<Outcome> {
  if (plan) throw new Failure(2, "--undo does what its list says: remove --plan, and look at the list");
  const path = resolve(callerFolder(), undo);
  const list = await readUndoList(path);
  const place = caller.isRoot ? { kind: "here" as const } : await choosePlace(request, caller, chosen, true);
  const answer = await runHelper(place, request, "undo", {
    progress: (line) => terminal.progress(line),
    undo: list,
  });
  terminal.clearProgress();
  const report = accepted(answer, place, request);
  terminal.line(
    `Given back ${number(report.changed)} of ${number(report.entries)} files and folders, ${
      describePlace(place)
    }`,
  );
  showLeft("Not given back", report, terminal);
  return {
    exitCode: report.left.length === 0 ? 0 : 1,
    result: { root: request.root, ...report, undo: path },
  };
}

async function showPlan(
  place: Place,
  request: Request,
  report: Report,
  terminal: Terminal,
): Promise<Outcome> {
  showLeft("Can't be repaired", report, terminal);
  const argv = await helperCommand(place, request, "repair", "permissions");
  terminal.line(`Would be repaired ${describePlace(place)}:`);
  terminal.line(`  ${shellQuote(argv)}`);
  return { exitCode: 0, result: { ...request, ...report, plan: true, argv } };
}

/** Shows what this user can see, and why it can't be repaired. */
async function lookOnly(
  obstacle: Failure,
  request: Request,
  plan: boolean,
  terminal: Terminal,
): Promise<Outcome> {
  const report = await look({ kind: "here" }, request, terminal).catch((error) => {
    throw error instanceof Failure && error.exitCode === 3 ? obstacle : error; // no Python here, either
  });
  showLeft("Not counted", report, terminal);
  if (!plan) throw obstacle;
  terminal.note(`It can't be repaired now. ${obstacle.message}`);
  if (obstacle.details.remedy) terminal.note(`  what to do: ${obstacle.details.remedy}`);
  return { exitCode: 0, result: { ...request, ...report, plan: true, obstacle: obstacle.message } };
}

/** Whether the repair arrived, by the first entry of each owner: an engine in a virtual machine may keep it to itself. */
function hasArrived(
  place: Place,
  { root, uid, toContainer }: Request,
  { owners }: Report,
  terminal: Terminal,
): boolean {
  if (place.kind === "here" || toContainer) return true;
  const paths = owners.flatMap(({ examples }) => examples.slice(0, 1));
  const missed = paths.find((path) => (ownerOf(join(root, path)) ?? uid) !== uid);
  if (missed === undefined) return true;
  terminal.note(
    `${
      visibleLine(missed)
    } still is not yours: ${place.program} may run in a virtual machine that keeps owners to itself. ` +
      "Then: sudo $(command -v deno) task fix-permissions",
  );
  return false;
}

/** Undefined for what is gone, or has a name that is no Unicode. */
function ownerOf(path: string): number | null | undefined {
  try {
    return Deno.lstatSync(path).uid;
  } catch {
    return undefined;
  }
}
