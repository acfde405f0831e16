/** The learning curves of a sweep's members, laid over each other. */

import { join } from "node:path";
import type { FoundSweep } from "../record/sweep_record.ts";
import { type Curve, curvesInCsv, curvesInJson, nameParts } from "../report/curves.ts";
import { Folder, readRegularSync } from "../system/regular_file.ts";
import { readEnded } from "./member_record.ts";

/** More members than this are not read: a fan of them looks the same. */
export const MOST_READ = 200;

/** A larger file has no curve for people. */
const MOST_BYTES = 4_000_000;

/** What the members' curves of one quantity reach at an epoch. */
export interface FanPoint {
  /** 1-based. */
  epoch: number;
  least: number;
  /** Quartiles. */
  low: number;
  median: number;
  high: number;
  most: number;
}

export interface Fan {
  /** E.g. `validation accuracy`. */
  title: string;
  members: number;
  points: FanPoint[];
}

/** A fan for each quantity that at least two members have a curve of, accuracy and loss first; at most so many. */
export function fansOf({ directory, record }: FoundSweep, most = 6): Fan[] {
  const done = record.members.filter(({ status, run }) => status === "done" && run !== undefined);
  const read = done.slice(0, MOST_READ).flatMap(({ run }) => curvesOf(join(directory, run!), record.steps));
  const byName = new Map<string, Curve["values"][]>();
  for (const { name, values } of read) byName.set(name, [...byName.get(name) ?? [], values]);
  return [...byName].filter(([, curves]) => curves.length > 1)
    .map(([name, curves]) => fan(titleOf(name), curves))
    .filter(({ points }) => points.length > 1)
    .sort((a, b) => rank(a.title) - rank(b.title)).slice(0, most);
}

/** Each name once: a table and a JSON file often hold the same curve. None where a file is not what was recorded. */
function curvesOf(folder: string, steps: readonly string[]): Curve[] {
  const ended = readEnded(folder)?.ended;
  const within = new Folder(folder);
  const found = new Map<string, Curve>();
  for (const step of steps) {
    for (const { path, bytes, link } of ended?.steps[step]?.outputs ?? []) {
      if (!/\.(?:json|csv)$/.test(path) || bytes > MOST_BYTES || link !== undefined) continue;
      for (const curve of curvesIn(join(folder, step, path), within)) {
        if (!found.has(curve.name)) found.set(curve.name, curve);
      }
    }
  }
  return [...found.values()];
}

function curvesIn(path: string, within: Folder): Curve[] {
  try {
    const text = new TextDecoder().decode(readRegularSync(path, { within }));
    return path.endsWith(".csv") ? curvesInCsv(text) : curvesInJson(text);
  } catch {
    return []; // gone, or no JSON
  }
}

function titleOf(name: string): string {
  const { title, part } = nameParts(name);
  return part === title ? title : `${part} ${title}`;
}

function rank(title: string): number {
  const isValidation = /^(?:val|test)/i.test(title);
  return (/accuracy/i.test(title) ? 0 : /loss/i.test(title) ? 2 : 4) + (isValidation ? 0 : 1);
}

function fan(title: string, curves: Curve["values"][]): Fan {
  const epochs = Math.max(...curves.map((values) => values.length));
  const points: FanPoint[] = [];
  for (let index = 0; index < epochs; index++) {
    const values = curves.flatMap((curve) => curve[index] ?? []).sort((a, b) => a - b);
    if (values.length === 0) continue;
    const at = (share: number) => quantile(values, share);
    points.push({
      epoch: index + 1,
      least: at(0),
      low: at(0.25),
      median: at(0.5),
      high: at(0.75),
      most: at(1),
    });
  }
  return { title, members: curves.length, points };
}

/** By linear interpolation between neighbours. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below]!;
  return low + ((sorted[below + 1] ?? low) - low) * (place - below);
}
