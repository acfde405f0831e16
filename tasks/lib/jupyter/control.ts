/** `deno task status`, `logs`, `shell` and `stop`: the project's JupyterLab after it was started. */

import { Failure } from "../cli/failure.ts";
import { duration } from "../cli/format.ts";
import type { Outcome } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { runInTerminal } from "../system/command.ts";
import { answers } from "./probe.ts";
import { describeEnd, findOwnServer, imageOf, nameOf, requireServer, type StartedServer } from "./running.ts";
import { acquireState, clearState } from "./state.ts";
import { serverUrl } from "./token.ts";
/** `deno task status`: whether the project's server runs and answers; exit code 1 if not. */
export async function statusTask(terminal: Terminal): Promise<Outcome> {
  const server = await findOwnServer("look for JupyterLab in");
  if (server === undefined) {
    terminal.line("No JupyterLab of this project runs; deno task jupyter starts one");
    return { exitCode: 1, result: { running: false } };
  }
  const { folder, plan, engine } = server;
  const token = await Deno.readTextFile(folder.token).catch(() => "");
  const [condition, hasAnswered] = await Promise.all([engine.condition(plan), answers(plan.port, token)]);
  if (condition.is !== "running") {
    terminal.line(describeEnd(plan, condition));
    if (condition.is === "gone") await clearState(folder);
    else terminal.line("deno task logs shows its log; deno task stop removes what is left of it");
    return { exitCode: 1, result: { running: false, ...condition } };
  }
  const url = serverUrl(plan.port, token);
  describe(server, url, hasAnswered).forEach((line) => terminal.line(line));
  return {
    exitCode: hasAnswered ? 0 : 1,
    result: { running: true, answers: hasAnswered, url, started: server.started, ...plan },
  };
}

function describe({ plan, started }: StartedServer, url: string, hasAnswered: boolean): string[] {
  const age = duration((Date.now() - Date.parse(started)) / 1000);
  const name = imageOf(plan);
  const image = name === undefined ? "" : `, image ${name}`;
  const published = plan.published.length > 0 ? `; also published: ${plan.published.join(", ")}` : "";
  return [
    `${nameOf(plan)} has run for ${age}${image}`,
    `${hasAnswered ? "It answers" : "It does not answer"} at ${url}${published}`,
    ...(hasAnswered ? [] : ["deno task logs -f shows its log"]),
  ];
}

/** `deno task logs`: the log of the project's server, also after it ended. */
export async function logsTask(
  { follow, tail = "200" }: { follow: boolean; tail?: string },
): Promise<Outcome> {
  if (!/^(?:\d+|all)$/.test(tail)) {
    throw new Failure(2, `--tail must be a number of lines, or all, current value is "${tail}"`);
  }
  const { plan, engine, folder } = await requireServer("show the log of JupyterLab in");
  const condition = await engine.condition(plan);
  if (condition.is === "gone") {
    await clearState(folder);
    throw new Failure(3, `${describeEnd(plan, condition)}, and its log with it`, {
      remedy: "deno task jupyter",
    });
  }
  const { argv, ...options } = engine.logsCommand(plan, { follow, tail });
  return { programExited: await runInTerminal(argv, options) };
}

/**
 * `deno task shell`: a shell, or a command, where the project's server runs, as the user that it runs as. The engine
 * itself says what is wrong with a container that does not run: looking first would double the time of a short command.
 */
export async function shellTask(command: string[]): Promise<Outcome> {
  const { plan, engine } = await requireServer("open a shell in");
  const onTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const { argv, ...options } = engine.shellCommand(plan, command, onTerminal);
  const code = await runInTerminal(argv, options);
  if (code === 0) return { programExited: 0 };
  const condition = await engine.condition(plan);
  if (condition.is === "running") return { programExited: code };
  throw new Failure(3, describeEnd(plan, condition), { remedy: "deno task jupyter" });
}

/** `deno task stop`: ends the project's server and removes what is left of it, whatever became of it. */
export async function stopTask(terminal: Terminal): Promise<Outcome> {
  const server = await findOwnServer("stop JupyterLab in");
  if (server === undefined) {
    terminal.line("No JupyterLab of this project runs");
    return { exitCode: 0, result: { stopped: false } };
  }
  using _ = await acquireState(server.folder);
  const { is: before } = await server.engine.condition(server.plan);
  if (before === "running") terminal.progress("Stopping JupyterLab");
  await server.engine.stop(server.plan);
  await clearState(server.folder);
  terminal.line(
    before === "running" ? `Stopped ${nameOf(server.plan)}` : `${nameOf(server.plan)} had ended; removed`,
  );
  return {
    exitCode: 0,
    result: { stopped: before === "running", engine: server.plan.engine, id: server.plan.id },
  };
}
