/** The status of data, for people and for programs. */

import { join } from "node:path";
import { bytes } from "../cli/format.ts";
import { columns } from "../cli/table.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { filePath } from "./cache.ts";
import { showHash } from "./checksum.ts";
import { type DataState, type DataStatus, targetOf } from "./status.ts";

const STATES: Record<DataState, string> = {
  here: "here",
  unlinked: "here, not linked",
  packed: "here, not unpacked",
  corrupted: "corrupted",
  absent: "not fetched",
};

/** A table: name, state, size, place, hash, source. */
export function listLines(statuses: DataStatus[], terminal: Pick<Terminal, "paint">): string[] {
  const header = ["data", "state", "size", "at", "checksum", "from"];
  const rows = statuses.map(({ data, hash, state, entry, folder }) => [
    data.name,
    STATES[state],
    sizeOf(folder?.bytes ?? entry?.record.bytes ?? data.size),
    data.to,
    shortHash(showHash(hash)),
    entry?.record.source ?? data.urls[0] ?? data.how ?? data.from!,
  ]);
  return columns([header, ...rows], (cell, row, column) => {
    if (row === 0) return terminal.paint(cell, "dim");
    if (column !== 1) return cell;
    return terminal.paint(
      cell,
      cell === STATES.here ? "green" : cell === STATES.corrupted ? "red" : "yellow",
    );
  });
}

function sizeOf(size?: number): string {
  return size === undefined ? "unknown" : bytes(size);
}

function shortHash(hash: string): string {
  return hash.length > 30 ? `${hash.slice(0, 23)}…` : hash;
}

/** Says that data are there. @param took how long it took to fetch them, if they were not there before */
export function readyLine({ data, state, entry, folder }: DataStatus, took?: string): string {
  if (folder !== undefined) return `${data.name}: the folder ${data.to} is it, sha256:${folder.sha256}`;
  const how = took === undefined ? "was here already" : `ready after ${took}`;
  const place = state === "here" ? data.to : targetOf(data, entry!);
  return `${data.name}: ${how}, in ${place}, sha256:${entry!.record.sha256}`;
}

/** One of `data` in what `--json` prints. */
export function statusResult({ root }: Pick<Experiment, "root">, found: DataStatus) {
  const { data, hash, state, entry, integrity, folder } = found;
  return {
    name: data.name,
    state,
    path: join(root, data.to),
    checksumOf: showHash(hash),
    bytes: folder?.bytes ?? entry?.record.bytes ?? data.size,
    urls: data.urls,
    how: data.how,
    from: data.from,
    sha256: folder?.sha256 ?? entry?.record.sha256,
    treeSha256: folder?.sha256 ?? integrity?.treeSha256,
    source: entry?.record.source,
    file: entry && filePath(entry),
    target: entry && targetOf(data, entry),
    problems: integrity?.problems ?? [],
  };
}
