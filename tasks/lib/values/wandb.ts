/**
 * What a run logged in W&B's offline file: records of LevelDB's log format (its doc/log_format.md) after a header of
 * seven bytes, each a message of wandb/proto/wandb_internal.proto.
 */

import { ContentProblem } from "./content_problem.ts";
import { type LoggedValue, namesOf } from "./logged.ts";
import { fieldsOf, textOf } from "./protobuf.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const HISTORY = 2;

const ITEM = { key: 1, nestedKey: 2, json: 16 };

/** @throws {ContentProblem} if it is no such file, or the metric was not logged */
export function loggedInWandb(file: Bytes, metric: string): LoggedValue[] {
  const found: LoggedValue[] = [];
  const names = new Set<string>();
  for (const record of recordsOf(file)) {
    for (const { number, bytes } of fieldsOf(record)) {
      if (number !== HISTORY) continue;
      const { step, values } = historyOf(bytes);
      for (const [name, text] of values) {
        if (!name.startsWith("_") && isNumber(text)) names.add(name);
        if (name === metric && isNumber(text)) found.push({ step, text });
      }
    }
  }
  if (found.length > 0) return found;
  throw new ContentProblem(`has no metric ${JSON.stringify(metric)}, the metrics are ${namesOf(names)}`);
}

function isNumber(json: string): boolean {
  return /^-?(?:\d|NaN$|Infinity$)/.test(json);
}

function historyOf(message: Bytes): { step: number; values: Map<string, string> } {
  const values = new Map<string, string>();
  for (const { number, bytes } of fieldsOf(message)) {
    if (number !== 1) continue;
    let json = "";
    const keys: string[] = [];
    for (const item of fieldsOf(bytes)) {
      if (item.number === ITEM.key || item.number === ITEM.nestedKey) keys.push(textOf(item.bytes));
      if (item.number === ITEM.json) json = textOf(item.bytes);
    }
    values.set(keys.join("."), json);
  }
  return { step: Number(values.get("_step") ?? 0), values };
}

const [HEADER, BLOCK, RECORD_HEADER] = [7, 32768, 7];

const [FULL, FIRST, , LAST] = [1, 2, 3, 4];

/** Records in pieces, none of which goes over the end of a block. A last record that was being written is left out. */
function* recordsOf(file: Bytes): Generator<Bytes> {
  if (textOf(file.subarray(0, 4)) !== ":W&B") throw new ContentProblem("is not an offline file of W&B");
  let pieces: Bytes[] = [];
  for (let at = HEADER; at + RECORD_HEADER <= file.length;) {
    const left = BLOCK - at % BLOCK;
    if (left < RECORD_HEADER) {
      at += left;
      continue;
    }
    const length = file[at + 4]! + 256 * file[at + 5]!;
    const type = file[at + 6]!;
    const end = at + RECORD_HEADER + length;
    if (end > file.length) return;
    if (type < FULL || type > LAST! || RECORD_HEADER + length > left) {
      throw new ContentProblem(`is damaged at byte ${at}`);
    }
    if (type === FULL || type === FIRST) pieces = [];
    pieces.push(file.subarray(at + RECORD_HEADER, end));
    if (type === FULL || type === LAST) yield joined(pieces);
    at = end;
  }
}

function joined(pieces: Bytes[]): Bytes {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
