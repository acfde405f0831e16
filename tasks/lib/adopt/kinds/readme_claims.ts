/** Numbers that the README claims, in its tables and sentences: comments, since nobody says where they come out. */

import type { Kind } from "../kind.ts";
import { readme } from "../markdown.ts";

const METRICS =
  "accuracy|acc|precision|recall|f1(?:[- ]score)?|auc|roc[- ]auc|map|miou|iou|dice|bleu|rouge(?:-\\w+)?|perplexity|ppl|loss|error|rmse|mae|mse|psnr|ssim|fid|top-?[15]|r2|score|reward";

const SENTENCE = new RegExp(
  String
    .raw`\b((?:\w+[ -]){0,2}(?:${METRICS}))\b\s*(?:of|is|was|:|=|≈|~|reaches|to)?\s*(?:about |around |up to |~|≈)?\**(\d+(?:\.\d+)?)\**\s*(%)?`,
  "gi",
);

const MOST = 20;

export const README_CLAIMS: Kind = {
  name: "README (claims)",
  look(repository, draft) {
    const path = readme(repository);
    const text = path && repository.text(path);
    if (!path || !text) return;
    let isCode = false;
    let header: string[] = [];
    let count = 0;
    const add = (name: string, value: string, line: number, unit?: string) => {
      if (++count > MOST) return;
      const metric = name.split(/[^\w-]+/).findLast((word) => /[a-z]/i.test(word)) ?? "";
      draft.claims.push({
        value: {
          name: name.slice(0, 150),
          // The step that is the last stands for the question mark.
          from: String.raw`?~/${metric}\D*([\d.]+)/[-1]`,
          value,
          ...(unit !== undefined && { unit }),
          doubt: "the README says it, and where it comes out is a guess",
        },
        found: `${path}:${line}`,
        certainty: "guessed",
      });
    };
    for (const [index, line] of text.split("\n").entries()) {
      if (/^\s*(?:```|~~~)/.test(line)) isCode = !isCode;
      if (isCode) continue;
      const cells = /^\s*\|?(.*\|.*)\|?\s*$/.exec(line)?.[1]?.split("|").map((cell) => cell.trim());
      if (cells === undefined) {
        header = [];
        for (const [, name, value, unit] of line.matchAll(SENTENCE)) add(name!, value!, index + 1, unit);
      } else if (header.length === 0) header = cells;
      else if (!cells.every((cell) => /^[:\s-]*$/.test(cell))) addRow(header, cells, index + 1, add);
    }
  },
};

function addRow(
  header: string[],
  cells: string[],
  line: number,
  add: (name: string, value: string, line: number, unit?: string) => void,
) {
  const isMetric = new RegExp(`(?:${METRICS})`, "i");
  for (const [column, cell] of cells.entries()) {
    const [, value, unit] = /^[*_\s]*(\d+\.\d+)\s*(%)?(?:\s*±.*)?[*_\s]*$/.exec(cell) ?? [];
    const name = header[column] ?? "";
    const row = cells[0]!.replace(/[*_`]|\[([^\]]*)\]\([^)]*\)/g, "$1").trim();
    if (value === undefined || column === 0 || !isMetric.test(name)) continue;
    add(`${row}, ${name.replace(/[*_`]/g, "")}`, value, line, unit ?? (name.includes("%") ? "%" : undefined));
  }
}
