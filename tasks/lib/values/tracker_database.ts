/** Metrics in the SQLite files of MLflow and Trackio. */

import { readFileSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ContentProblem } from "./content_problem.ts";
import { findInJson } from "./json.ts";
import { type LoggedValue, namesOf } from "./logged.ts";

/** Rows; more were logged by no run that is claimed from. */
const MOST_ROWS = 1_000_000;

/**
 * @param file absolute path; it is only read
 * @throws {ContentProblem} if it is no such file, or has no such metric, or more than one run has it
 */
export function metricInDatabase(file: string, metric: string): LoggedValue[] {
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    throw new ContentProblem(
      "was not closed by its writer: a part of its values is still in the file -wal beside it",
    );
  }
  let database: DatabaseSync | undefined;
  try {
    database = inMemory(file);
    const sql = database.prepare("SELECT sql FROM sqlite_master WHERE name = 'metrics'").get()?.sql;
    // A view may be made so that it never ends.
    if (typeof sql !== "string" || !/^CREATE TABLE\b/i.test(sql)) throw new ContentProblem(NO_METRICS);
    const columns = database.prepare("SELECT name FROM pragma_table_info('metrics')").all().map(({ name }) =>
      name
    );
    const found = columns.includes("run_uuid")
      ? ofMlflow(database, metric)
      : columns.includes("run_name") && columns.includes("metrics")
      ? ofTrackio(database, metric)
      : undefined;
    if (found === undefined) {
      throw new ContentProblem(NO_METRICS);
    }
    const runs = [...new Set(found.map(({ run }) => run))];
    if (runs.length <= 1) return found.map(({ step, text }) => ({ step, text }));
    throw new ContentProblem(
      `has ${runs.length} runs with ${metric} (${namesOf(runs)}), where one was looked for`,
    );
  } catch (error) {
    if (error instanceof ContentProblem) throw error;
    throw new ContentProblem(`can't be read as a database: ${(error as Error).message}`);
  } finally {
    database?.close();
  }
}

/** Where a database's header says that it is written by way of a log beside it (https://sqlite.org/fileformat.html). */
const [WRITE_VERSION, READ_VERSION] = [18, 19];

/**
 * A database in memory that needs no log: SQLite makes one beside a file that had one, even to read it, and a run folder
 * stays as the run left it.
 */
function inMemory(file: string): DatabaseSync {
  const content = readFileSync(file);
  content[WRITE_VERSION] = content[READ_VERSION] = 1;
  const database = new DatabaseSync(":memory:") as DatabaseSync & { deserialize(content: Uint8Array): void };
  database.deserialize(content);
  return database;
}

const NO_METRICS = "is not a database of MLflow or Trackio: it has no table of metrics";

type Logged = LoggedValue & { run: string };

function ofMlflow(database: DatabaseSync, metric: string): Logged[] {
  const rows = database.prepare(
    "SELECT run_uuid AS run, step, value, is_nan FROM metrics WHERE key = ? ORDER BY run_uuid, timestamp, step LIMIT ?",
  ).all(metric, MOST_ROWS);
  if (rows.length === 0) {
    const names = database.prepare("SELECT DISTINCT key FROM metrics LIMIT 100").all().map(({ key }) =>
      String(key)
    );
    throw new ContentProblem(`has no metric ${JSON.stringify(metric)}, the metrics are ${namesOf(names)}`);
  }
  return rows.map(({ run, step, value, is_nan }) => ({
    run: String(run),
    step: Number(step),
    text: is_nan ? "NaN" : String(value),
  }));
}

function ofTrackio(database: DatabaseSync, metric: string): Logged[] {
  const rows = database.prepare("SELECT run_name AS run, step, metrics FROM metrics ORDER BY id LIMIT ?").all(
    MOST_ROWS,
  );
  const logged = rows.map(({ run, step, metrics }) => {
    const text = metrics instanceof Uint8Array ? new TextDecoder().decode(metrics) : String(metrics);
    const names = Object.keys(JSON.parse(text.replace(/\bNaN\b|-?\bInfinity\b/g, "null")) ?? {});
    return { run: String(run), step: Number(step), text, names };
  });
  const found = logged.filter(({ names }) => names.includes(metric))
    .map(({ run, step, text }) => ({ run, step, text: findInJson(text, [metric]).text }));
  if (found.length > 0) return found;
  const names = namesOf(logged.flatMap(({ names }) => names));
  throw new ContentProblem(`has no metric ${JSON.stringify(metric)}, the metrics are ${names}`);
}
