/** The help text of a task. */

import { wrap } from "./format.ts";
import type { CommandLine, OptionTable } from "./options.ts";

/** Options of every task. */
export const COMMON = {
  json: { help: "print one JSON object on standard output, everything else on standard error" },
  help: { help: "show this help", short: "h" },
} satisfies OptionTable;

/** The help text: an example first, then what can be given. */
export function help<O extends OptionTable>(task: CommandLine<O>): string {
  const commands = Math.max(...task.examples.map(([command]) => command.length));
  const { json, ...common } = COMMON;
  const options: OptionTable = { ...task.options, ...(task.interactive ? {} : { json }), ...common };
  const rows: [string, string][] = Object.entries(options).map(([name, option]) => [
    `${option.short ? `-${option.short}, ` : ""}--${name}${option.value ? ` ${option.value}` : ""}`,
    option.help,
  ]);
  if (task.parameters) {
    rows.push(["--PARAMETER VALUE", "a parameter that the experiment declares, e.g. --epochs 3"]);
  }
  if (task.rest !== undefined) rows.push(["-- ARGUMENTS", task.rest]);
  if (task.positionals) rows.unshift([task.positionals.usage, task.positionals.help]);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    ...task.examples.map(([command, effect]) => `${command.padEnd(commands)}  # ${effect}`),
    "",
    ...wrap(task.summary, 100),
    "",
    ...rows.flatMap(([left, right]) =>
      wrap(right, 100 - width).map((line, i) => `  ${(i === 0 ? left : "").padEnd(width)}  ${line}`)
    ),
  ].join("\n");
}
