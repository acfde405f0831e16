/** JupyterLab as a process of this machine. */

import type { ProcessServer, ServerPlace, TerminalCommand } from "../engine/engine.ts";
import { spawn } from "../system/command.ts";
import { endProcesses, findProcesses } from "../system/processes.ts";
import type { ServerPlan } from "./plan.ts";
import type { ServerEngine } from "./server_engine.ts";

/** For the server to end its kernels. */
const GRACE_MS = 7000;

export function processServer({ place, shell, prepare }: ProcessServer): ServerEngine {
  const startCommand = (plan: ServerPlan) => place(serverCommand(plan), placeOf(plan));
  return {
    startCommand,
    start: async (plan) => {
      await prepare?.(placeOf(plan));
      await start(plan, startCommand(plan));
    },
    condition: async (plan) => {
      const found = await findProcesses({ mark: mark(plan) });
      return found.length > 0
        ? { is: "running" }
        : { is: "ended", because: "its process is gone", failed: false };
    },
    lastLines: async ({ process }, count) => {
      const text = await Deno.readTextFile(process!.log).catch(() => "");
      return text.split("\n").filter((line) => line !== "").slice(-count);
    },
    stop: async (plan) => void await endProcesses({ mark: mark(plan) }, GRACE_MS),
    logsCommand: ({ process }, { follow, tail }) => {
      const count = tail === "all" ? "+1" : tail;
      return { argv: ["tail", "-n", count, ...(follow ? ["-f"] : []), process!.log] };
    },
    shellCommand: (plan, command) => shell(command, placeOf(plan)),
  };
}

function placeOf({ root, tokenFile, data, process }: ServerPlan): ServerPlace {
  return { root, tokenFile, data, ...process! };
}

/** An entry that only the processes of this server have: numbers of processes are used again. */
function mark({ tokenFile }: ServerPlan): string {
  return `JUPYTER_TOKEN_FILE=${tokenFile}`;
}

function serverCommand({ asRoot, address, port, root, tokenFile, process }: ServerPlan): TerminalCommand {
  const { python, env } = process!;
  return {
    argv: [
      ...[python, "-m", "jupyterlab", "--no-browser", ...(asRoot ? ["--allow-root"] : [])],
      ...[`--ServerApp.ip=${address}`, `--ServerApp.port=${port}`, "--ServerApp.port_retries=0"],
      `--ServerApp.root_dir=${root}`,
    ],
    cwd: root,
    // An exported JUPYTER_TOKEN would go before the file; it is in the file already.
    env: { ...env, JUPYTER_TOKEN_FILE: tokenFile, JUPYTER_TOKEN: "" },
  };
}

async function start(plan: ServerPlan, { argv, cwd, env }: TerminalCommand): Promise<void> {
  // The shell only opens the log, which outlives this process; it reads no value.
  const script = 'umask 077; exec "$@" >"$0" 2>&1 </dev/null';
  const child = spawn(["sh", "-c", script, plan.process!.log, ...argv], { cwd, env });
  child.unref();
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
}
