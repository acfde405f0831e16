/** What is said before a run: what will run, where, with what. */

import { relative } from "node:path";
import { bytes } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Plan } from "../plan/plan.ts";
import { shellQuote } from "../system/command.ts";

/** Says before a run what will run, in which engine, with which values and data. */
export function announce(plan: Plan, resumed: boolean, terminal: Terminal) {
  const { experiment, engine, parameters, changed, environment } = plan;
  const title = plan.notebooks === undefined
    ? experiment.title ?? experiment.name
    : `${
      plan.notebooks.length === 1 ? "A notebook" : `${plan.notebooks.length} notebooks`
    } in the environment of ${experiment.name}`;
  terminal.line(terminal.paint(title, "bold"));
  const values = Object.entries(parameters).map(([name, value]) => `${name} = ${value}`).join(", ") || "none";
  const place = plan.container === undefined
    ? engine.name
    : `${engine.name}, image ${plan.container.image.name}`;
  terminal.line(`engine: ${place} (${engine.because}); GPUs: ${environment.gpus}`);
  terminal.line(
    `parameters: ${values}${changed.length > 0 ? "; changed, so the claims will not apply" : ""}`,
  );
  terminal.line(`${resumed ? "going on in" : "run folder:"} ${plan.directory}`);
  announceNeeds(plan, terminal);
  announceData(plan, terminal);
}

/** Says which earlier results this run builds on. */
function announceNeeds(plan: Plan, terminal: Terminal) {
  for (const { name, needs } of plan.steps) {
    for (const [need, { run }] of Object.entries(needs)) {
      if (run !== plan.run) {
        terminal.line(`"${name}" uses "${need}" of ${run}, the newest with these parameters`);
      }
    }
  }
}

/** Says which data the steps read, or that they are to be fetched first. */
function announceData({ data = {}, experiment }: Plan, terminal: Terminal) {
  for (
    const [name, { path, checksumOf, sha256, bytes: size, source, missing, byHand }] of Object.entries(data)
  ) {
    const amount = size === undefined ? "of unknown size" : bytes(size);
    const place = path.startsWith(`${experiment.root}/`) ? relative(experiment.root, path) : path;
    const hash = sha256 === undefined ? checksumOf : `sha256:${sha256}`;
    terminal.line(
      missing && byHand
        ? `data: ${name} must be put at ${place} first (${source}), ${hash}`
        : missing
        ? `data: ${name} will be fetched first from ${source}, ${amount}, ${hash}, to ${place}`
        : `data: ${name} in ${place}, ${hash}`,
    );
  }
}

/** The same for `--plan`, with the command lines to paste into a shell. */
export function describePlan(plan: Plan, commands: Record<string, string[]>, terminal: Terminal) {
  announce(plan, false, terminal);
  for (const { name, cwd, env } of plan.steps) {
    // A container gets its environment by its own command line.
    const settings = plan.container === undefined
      ? ["env", ...Object.entries(env).map(([key, value]) => `${key}=${value}`)]
      : [];
    terminal.line();
    terminal.line(terminal.paint(name, "bold"));
    const folders = [
      `${plan.directory}/${name}`,
      ...(plan.container?.scratch ? [plan.container.scratch] : []),
    ];
    terminal.line(`mkdir -p ${shellQuote(folders)} && cd ${shellQuote([cwd])} && \\`);
    terminal.line(shellQuote([...settings, ...commands[name]!]));
  }
}
