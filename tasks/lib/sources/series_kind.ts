/** What the kinds have in common that find a metric by its name in the files of an experiment tracker. */

import { ContentProblem } from "../values/content_problem.ts";
import type { RowQuery } from "../values/csv.ts";
import type { LoggedValue } from "../values/logged.ts";
import { parseRow } from "./row.ts";
import { SELECTORS } from "./selector.ts";
import type { ClaimSource, RunFiles, SourceKind } from "./source.ts";

/** A metric in a tracker's files. */
export interface SeriesSource extends ClaimSource {
  /** As it is written, without the step: of a store that is a folder, that folder. */
  file: string;
  metric: string;
  /** The step at which it was logged; without it, all of them. */
  at?: RowQuery;
}

/** Files of a tracker. */
export interface SeriesFiles {
  name: string;
  example: string;
  /** Where the metric stands, relative to the step's folder; undefined if the file is none of this kind. */
  pathOf(file: string, metric: string): string | undefined;
  /** @throws {ContentProblem} if the file is none of this kind, or has no such metric */
  read(files: RunFiles, path: string, metric: string): Promise<LoggedValue[]>;
}

/** A kind of source that finds a metric in the files of one tracker; `?step=N` takes the value of one step. */
export function seriesKind({ name, example, pathOf, read }: SeriesFiles): SourceKind<SeriesSource> {
  return {
    name,
    examples: [example],
    isText: false,

    parse({ step, file = "", place: metric = "" }) {
      const [, store = "", query] = /^(.*?)(?:\?(.*))?$/s.exec(file)!;
      const path = metric === "" || metric === "sha256" ? undefined : pathOf(store, metric);
      if (path === undefined) return undefined;
      const at = query === undefined ? undefined : parseRow(query);
      if (at !== undefined && "problem" in at) return at;
      if (at !== undefined && at.column !== "step") {
        return {
          problem: `must name the step at which ${metric} was logged, e.g. "?step=10" or "?step=last"`,
        };
      }
      return {
        kind: name,
        step,
        path: `${step}/${path}`,
        file: store,
        metric,
        ...(at === undefined ? {} : { at }),
      };
    },

    format({ step, file, metric, at }) {
      return `${step}/${file}${at === undefined ? "" : `?step=${at.value}`}#${metric}`;
    },

    async read({ path, metric, at }, files, form) {
      const all = await read(files, path, metric);
      const step = at?.value === "last" ? all.at(-1)?.step : at === undefined ? undefined : Number(at.value);
      const found = step === undefined ? all : all.filter((one) => one.step === step);
      if (found.length === 0) {
        const steps = [...new Set(all.map(({ step }) => step))];
        const shown = steps.slice(0, 10).join(", ");
        throw new ContentProblem(
          `has no ${metric} at step ${at?.value}, it was logged at ${shown}${
            steps.length > 10 ? ` and ${steps.length - 10} more` : ""
          }`,
        );
      }
      if (form === "value" && found.length > 1) {
        const where = at === undefined ? "" : ` at step ${at.value}`;
        throw new ContentProblem(
          `has ${found.length} values of ${metric}${where}, where one was looked for: ${SELECTORS}`,
        );
      }
      return found.map(({ text }) => ({ value: Number(text), text }));
    },

    check({ metric, at }, value) {
      return Array.isArray(value) || at !== undefined ? undefined : {
        field: "from",
        problem:
          `must take one value of ${metric}, e.g. by [-1] for the last or [max] at its end, or by ?step=10 before "#", or value must be a list`,
      };
    },

    quantity({ metric, at }) {
      return at === undefined
        ? { keys: [metric] }
        : at.value === "last"
        ? { keys: [metric], at: { index: -1 } }
        : { keys: [metric], at };
    },
  };
}
