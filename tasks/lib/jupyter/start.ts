/** `deno task jupyter`: starts JupyterLab, waits until it answers, and stays with it unless it is to be left alone. */

import { Failure } from "../cli/failure.ts";
import type { Outcome } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { chooseEngine } from "../engine/choose.ts";
import { engineOf } from "../engine/index.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { readExperiment } from "../experiment/read.ts";
import { runsRoot } from "../record/run_folder.ts";
import { shellQuote } from "../system/command.ts";
import { inspectHost } from "../system/host.ts";
import { callerFolder } from "../system/project_root.ts";
import { StopSignals } from "../system/supervise.ts";
import { serverEngineOf } from "./engines.ts";
import { followLog } from "./follow.ts";
import { openBrowser } from "./open_browser.ts";
import { planServer, type ServerPlan } from "./plan.ts";
import { requireFree } from "./ports.ts";
import { readRequest, type RunOptions, type ServerRequest } from "./request.ts";
import { findServer, imageOf, nameOf, type StartedServer } from "./running.ts";
import { writeRecord } from "./server_record.ts";
import { acquireState, clearState, makeStateFolder, stateFolder, writePrivate } from "./state.ts";
import { chooseToken, serverUrl } from "./token.ts";
import { waitUntilReady } from "./wait.ts";

export async function startTask(
  options: RunOptions,
  positionals: string[],
  terminal: Terminal,
): Promise<Outcome> {
  const request = readRequest(options);
  if (terminal.json && !options.detach && !options.plan) {
    throw new Failure(
      2,
      "--json needs --detach: in the foreground the log of JupyterLab is shown until it ends",
    );
  }
  const experiment = await readExperiment(positionals[0], callerFolder());
  if (options.plan) return await showPlan(request, experiment, options, terminal);
  await makeStateFolder(stateFolder(experiment.root));
  using stopper = new StopSignals();
  const server = await startOrFind(request, experiment, options, stopper, terminal);
  if (server.is === "old") return server.outcome;
  const { plan, result } = server;
  if (options.open) await openBrowser(result.url, stateFolder(experiment.root), terminal);
  if (options.detach) {
    terminal.line("Stop it with: deno task stop; see also deno task status, logs -f and shell");
    return { exitCode: 0, result };
  }
  terminal.line("^C stops it; its log follows");
  return await followLog(plan, result.started, stopper, terminal);
}

type Server =
  | { is: "old"; outcome: Outcome }
  | { is: "new"; plan: ServerPlan; result: Started };

/** What `--json` prints. */
interface Started extends ServerPlan {
  url: string;
  /** UTC, ISO 8601. */
  started: string;
  /** Wall time until it answered. */
  seconds?: number;
  /** It was started by an earlier command. */
  already: boolean;
}

/** Starts a server unless one runs; nobody else can start one meanwhile. */
async function startOrFind(
  request: ServerRequest,
  experiment: Experiment,
  options: RunOptions,
  stopper: StopSignals,
  terminal: Terminal,
): Promise<Server> {
  const folder = stateFolder(experiment.root);
  using _ = await acquireState(folder);
  const running = await findServer(experiment.root);
  if (running !== undefined) {
    const condition = await running.engine.condition(running.plan);
    if (condition.is === "running") {
      return { is: "old", outcome: await offer(running, options.open, terminal) };
    }
    await running.engine.stop(running.plan); // removes what is left of it
  }
  const plan = await prepare(request, experiment, options, terminal);
  requireFree(plan);
  const token = await chooseToken(request.tokenFile);
  await writePrivate(folder.token, token);
  return await start(plan, token, stopper, terminal);
}

/** One server for a project is enough: this is the one that runs. */
async function offer(server: StartedServer, open: boolean, terminal: Terminal): Promise<Outcome> {
  const { plan, folder, started } = server;
  const url = serverUrl(plan.port, await Deno.readTextFile(folder.token));
  terminal.line(`${nameOf(plan)} runs already`);
  terminal.line(terminal.paint(url, "bold"));
  terminal.line("To start it otherwise: deno task stop, then deno task jupyter again");
  if (open) await openBrowser(url, folder, terminal);
  return { exitCode: 0, result: { ...plan, url, started, already: true } satisfies Started };
}

async function prepare(
  request: ServerRequest,
  experiment: Experiment,
  options: Pick<RunOptions, "yes" | "plan">,
  terminal: Terminal,
): Promise<ServerPlan> {
  const host = await inspectHost();
  const obtain = options.yes && !options.plan ? (await import("../image/build.ts")).obtainImage : undefined;
  const choice = await chooseEngine(
    {
      ...request,
      runs: runsRoot(experiment.root),
      ...(obtain && { obtain: (missing) => obtain(missing, terminal) }),
      ...(!options.plan && { reporter: terminal }),
    },
    experiment,
    host,
  );
  const { serverPython } = await import("./host_python.ts");
  const python = choice.container ? undefined : await serverPython(experiment, host, options, terminal);
  const folder = stateFolder(experiment.root);
  const data = await dataFolders(experiment);
  const { kind } = (await engineOf(choice.engine.name)).server;
  const { plan, notes } = planServer({ request, experiment, host, choice, kind, folder, data, python });
  const image = imageOf(plan);
  const place = image === undefined ? plan.engine : `${plan.engine}, image ${image}`;
  terminal.line(
    `JupyterLab for ${experiment.title ?? experiment.name} in ${place} (${choice.engine.because})`,
  );
  if (choice.change !== undefined) terminal.note(terminal.paint(choice.change, "bold"));
  notes.forEach((note) => terminal.note(note));
  return plan;
}

/** Of the data that are there; the others are fetched by `deno task data`, and are seen after a new start. */
async function dataFolders(experiment: Experiment): Promise<string[] | undefined> {
  if (Object.keys(experiment.data).length === 0) return undefined;
  const { hereIn } = await import("../data/plan_data.ts");
  return await hereIn(experiment);
}

async function start(
  plan: ServerPlan,
  token: string,
  stopper: StopSignals,
  terminal: Terminal,
): Promise<Server> {
  const engine = await serverEngineOf(plan);
  const folder = stateFolder(plan.root);
  const { started } = await writeRecord(folder, plan);
  try {
    await engine.start(plan);
    const seconds = await waitUntilReady({ plan, engine, token, signal: stopper.aborted, terminal });
    const url = serverUrl(plan.port, token);
    terminal.line(terminal.paint(url, "bold"));
    return { is: "new", plan, result: { ...plan, url, started, seconds, already: false } };
  } catch (error) {
    await engine.stop(plan).catch(() => {}); // the first problem is the one to tell
    await clearState(folder);
    throw error;
  }
}

async function showPlan(
  request: ServerRequest,
  experiment: Experiment,
  options: RunOptions,
  terminal: Terminal,
): Promise<Outcome> {
  const plan = await prepare(request, experiment, options, terminal);
  const { argv, env } = (await serverEngineOf(plan)).startCommand(plan);
  const settings = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
  const command = settings.length > 0 ? ["env", ...settings, ...argv] : argv;
  terminal.line(shellQuote(command));
  terminal.note(`The token will be in ${plan.tokenFile}`);
  return { exitCode: 0, result: { ...plan, command } };
}
