/** Steps and JupyterLab as processes of this machine, in the project's own Python environment. */

import { dirname, join } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { type Engine, type EngineChoice, stepCommand } from "../engine.ts";

export const ENGINE: Engine = {
  name: "host",
  choose: async ({ image }, because) => {
    if (image === undefined) return await Promise.resolve(onHost(because));
    throw new Failure(2, "--image needs a container engine: leave out --engine host");
  },
  command: (plan, step, resuming) => stepCommand(plan.environment.python, step, resuming),
  runtime: async ({ environment: { python } }, { env }) =>
    await Promise.resolve({
      env: { ...env, PATH: `${dirname(python)}:${Deno.env.get("PATH") ?? ""}` },
      ahead: { command: (argv) => argv },
    }),
  server: {
    kind: "process",
    place: (command) => command,
    shell: (command, { root, python }) => ({
      argv: command.length > 0 ? command : [Deno.env.get("SHELL") || "bash"],
      cwd: root,
      env: shellEnvironment(python),
    }),
  },
};

/**
 * The choice of this engine.
 *
 * @param because why, for the user
 */
export function onHost(because: string): EngineChoice {
  return { engine: { name: "host", because } };
}

/** The environment's own programs go before the user's. */
function shellEnvironment(python: string): Record<string, string> {
  const bin = dirname(python);
  return { PATH: `${bin}:${Deno.env.get("PATH") ?? ""}`, VIRTUAL_ENV: join(bin, "..") };
}
