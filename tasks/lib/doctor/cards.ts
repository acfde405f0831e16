/** NVIDIA cards, as `nvidia-smi` lists them. */

import { lastLine } from "../container/client.ts";
import type { Answer } from "./ask.ts";

/** Drivers of branch 470 and older have no `compute_cap`. */
export const CARD_QUERY = smiQuery("name,driver_version,uuid,compute_cap");

/** For drivers that do not know the field of compute capability. */
export const OLD_CARD_QUERY = smiQuery("name,driver_version,uuid");

/** What NVIDIA calls a card decides which drivers its images accept for it. */
export type CardKind = "consumer" | "workstation" | "data centre";

export interface Card {
  name: string;
  kind: CardKind;
  /** e.g. "575.57.08"; under WSL the version of the Windows driver. */
  driver: string;
  uuid: string;
  /** Compute capability, e.g. "8.9"; unknown to old drivers. */
  capability?: string;
}

/** The cards of this machine, or why they can't be listed. */
export interface Cards {
  cards: Card[];
  /** What `nvidia-smi` said instead of a list. */
  problem?: string;
  /** There is an `nvidia-smi`, so there should be a driver and a card. */
  expected: boolean;
}

function smiQuery(fields: string): string[] {
  return ["nvidia-smi", `--query-gpu=${fields}`, "--format=csv,noheader"];
}

/** Whether the driver is too old to tell a compute capability, so that `OLD_CARD_QUERY` is to be asked. */
export function lacksCapability(answer: Answer): boolean {
  return answer.kind === "ended" && /"compute_cap" is not a valid field/.test(answer.stdout + answer.stderr);
}

/** Never throws: an answer that is no list is the `problem`. */
export function readCards(answer: Answer): Cards {
  switch (answer.kind) {
    case "missing":
      return { cards: [], expected: false };
    case "silent":
      return { cards: [], expected: true, problem: `it did not answer within ${answer.seconds} s` };
    case "ended": {
      const cards = answer.code === 0 ? parseCards(answer.stdout) : [];
      const said = answer.stdout.trim() || answer.stderr.trim();
      return { cards, expected: true, problem: cards.length > 0 ? undefined : firstLine(said) };
    }
    default:
      return answer satisfies never;
  }
}

/** The first line tells what is wrong; a sentence that is continued on the second is cut at its end. */
function firstLine(said: string): string {
  const line = said.split("\n").find((one) => one.trim() !== "") ?? lastLine(said);
  return line === "" ? "it printed nothing" : line.replace(/\. .*$/, "").replace(/\.$/, "");
}

function parseCards(csv: string): Card[] {
  return csv.split("\n").filter((line) => line.split(",").length >= 3).map((line) => {
    const [name = "", driver = "", uuid = "", capability] = line.split(",").map((cell) => cell.trim());
    const told = capability !== undefined && /^\d+\.\d+$/.test(capability) ? capability : undefined;
    return {
      name,
      kind: kindOf(name),
      driver,
      uuid,
      capability: told ?? (KEPLER.test(name) ? "3.5" : undefined),
    };
  });
}

/** Cards that no driver after branch 470 serves, and those do not tell: without their age a newer one would be advised. */
const KEPLER = /\b(?:Tesla K\d|Quadro K\d|GTX (?:6\d0|7[78]0))/;

/** By the brand in the name: "NVIDIA GeForce RTX 4090", "Quadro RTX 8000", "NVIDIA RTX A6000", "Tesla T4", "NVIDIA H100". */
function kindOf(name: string): CardKind {
  if (/GeForce|TITAN/i.test(name)) return "consumer";
  return /Quadro|RTX|NVS/.test(name) ? "workstation" : "data centre";
}

/** The cards in a few words: `NVIDIA A100-SXM4-80GB (compute capability 8.0), 4 of them, driver 550.54.15`. */
export function describeCards(cards: Card[]): string {
  const names = [
    ...new Set(
      cards.map(({ name, capability }) =>
        capability === undefined ? name : `${name} (compute capability ${capability})`
      ),
    ),
  ];
  const count = cards.length > 1 ? `, ${cards.length} cards` : "";
  return `${names.join(", ")}${count}, driver ${cards[0]?.driver}`;
}
