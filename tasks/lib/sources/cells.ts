/** The numbers that code cells of a notebook printed: `fit/Fit.ipynb#cell=3`, or of all cells, `fit/Fit.ipynb#cells`. */

import { ContentProblem } from "../values/content_problem.ts";
import { NothingFound, SELECTORS } from "./selector.ts";
import type { ClaimSource, SourceKind } from "./source.ts";

interface CellsSource extends ClaimSource {
  kind: "cells";
  /** Among the notebook's own code cells, 1-based; all of them without it. */
  cell?: number;
}

export const CELLS: SourceKind<CellsSource> = {
  name: "cells",
  examples: ["fit/Fit.ipynb#cell=3"],
  isText: true,

  parse({ step, file, place }) {
    const [, all, number] = /^(?:(cells)|cell=([1-9]\d{0,5}))$/.exec(place ?? "") ?? [];
    if (file === undefined || (all === undefined && number === undefined)) return undefined;
    if (!/\.ipynb$/i.test(file)) return { problem: `must name a notebook before #${place}` };
    return {
      kind: "cells",
      step,
      path: `${step}/${file}`,
      ...(number === undefined ? {} : { cell: Number(number) }),
    };
  },

  format({ path, cell }) {
    return `${path}#${cell === undefined ? "cells" : `cell=${cell}`}`;
  },

  async read({ path, cell }, files, form) {
    const [text, { printedNumbers }] = await Promise.all([files.text(path), import("../values/cells.ts")]);
    const cells = printedNumbers(text);
    if (cell !== undefined && cell > cells.length) {
      throw new ContentProblem(`has ${cells.length} code cells, and no cell ${cell}`);
    }
    const found = (cell === undefined ? cells.flat() : cells[cell - 1]!).map((text) => ({
      value: text,
      text,
    }));
    if (found.length === 0) {
      throw new NothingFound(
        `has no number in the output of ${cell === undefined ? "its cells" : `cell ${cell}`}`,
      );
    }
    if (form === "value" && found.length > 1) {
      throw new ContentProblem(`has ${found.length} numbers there, where one was looked for: ${SELECTORS}`);
    }
    return found;
  },
};

/** Whether a source is about all cells of a notebook. */
export function isAllCells(source: ClaimSource): source is ClaimSource {
  return source.kind === CELLS.name && (source as CellsSource).cell === undefined;
}

/** The source of one cell instead of all. */
export function ofCell(source: ClaimSource, cell: number): ClaimSource {
  return { ...source, cell } as CellsSource;
}
