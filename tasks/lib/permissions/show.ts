/** What a person reads about the owners of files. */

import { bytes, pluralize } from "../cli/format.ts";
import { columns } from "../cli/table.ts";
import type { Terminal } from "../cli/terminal.ts";
import { visibleLine } from "../cli/visible.ts";
import type { Report, Tally } from "./helper.ts";
import type { Place } from "./place.ts";
import { CONTAINER_USER, type Owner, type Request } from "./request.ts";

/** Owners that are listed. */
const SHOWN = 8;

/** Prints what is not as it should be, and what is left alone. */
export function showFindings(request: Request, { owners, modes, kept }: Report, terminal: Terminal) {
  if (owners.length > 0) showOwners(request, owners.toSorted((a, b) => b.count - a.count), terminal);
  if (modes.count > 0) {
    terminal.line(`${terminal.paint(size(modes), "bold")} can't be read and written by the group`);
    terminal.line(terminal.paint(`      ${list(modes)}`, "dim"));
  }
  for (const { reason, ...tally } of kept) terminal.note(`Left alone, ${reason}: ${list(tally)}`);
}

function showOwners(request: Request, owners: Report["owners"], terminal: Terminal) {
  const total = { count: sum(owners, "count"), bytes: sum(owners, "bytes") };
  const verb = total.count === 1 ? "does" : "do";
  terminal.line(`${terminal.paint(size(total), "bold")} ${verb} not belong to ${describeOwner(request)}`);
  const shown = owners.slice(0, SHOWN);
  const rows = shown.map((
    one,
  ) => [number(one.count), bytes(one.bytes), `${one.uid}:${one.gid}`, ownerName(one)]);
  columns(rows).forEach((line, index) => {
    terminal.line(`  ${line.trimEnd()}`);
    terminal.line(terminal.paint(`      ${list(shown[index]!)}`, "dim"));
  });
  if (owners.length > SHOWN) {
    terminal.line(`  and those of ${owners.length - SHOWN} further owners (--json has all)`);
  }
}

/** Names that say where a file is from; any other id may be a user of a container, or of another machine. */
function ownerName({ uid, gid }: Owner): string {
  if (uid === 0) return "root";
  return uid === CONTAINER_USER.uid && gid === CONTAINER_USER.gid ? "jovyan of a container" : "";
}

/** Prints what is not repaired, and why. */
export function showLeft(title: string, { left }: Report, terminal: Terminal) {
  for (const { reason, ...tally } of left) {
    terminal.note(
      `${terminal.paint(title, "red", "bold")}, ${reason}: ${number(tally.count)} (${list(tally)})`,
    );
  }
}

/** e.g. `you (1234:5678)` */
export function describeOwner(
  { uid, gid, toContainer }: Pick<Request, "uid" | "gid" | "toContainer">,
): string {
  return toContainer ? `jovyan:users of a container (${uid}:${gid})` : `you (${uid}:${gid})`;
}

/** Where the repair runs, as the end of a sentence. */
export function describePlace(place: Place): string {
  if (place.kind === "here") return Deno.uid() === 0 ? "directly as root" : "with your own rights";
  const { program, image, rootless } = place;
  return `as root in a container of ${image} (${program}${rootless ? ", rootless" : ""})`;
}

/** e.g. `1,204 files and folders (1.4 GB)` */
export function size({ count, bytes: total }: { count: number; bytes: number }): string {
  return `${pluralize(count, "file or folder", { many: "files and folders", shown: number(count) })} (${
    bytes(total)
  })`;
}

export function number(count: number): string {
  return count.toLocaleString("en-US");
}

function sum(tallies: Tally[], what: "count" | "bytes"): number {
  return tallies.reduce((total, tally) => total + tally[what], 0);
}

function list({ examples, count }: Tally): string {
  return examples.map(visibleLine).join(", ") + (count > examples.length ? ", …" : "");
}
