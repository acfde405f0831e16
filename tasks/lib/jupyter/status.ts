import { duration } from "../cli/format.ts";
import type { Outcome } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { answers } from "./probe.ts";
import { describeEnd, findOwnServer, imageOf, nameOf, type StartedServer } from "./running.ts";
import { clearState } from "./state.ts";
import { serverUrl } from "./token.ts";

/** `deno task status`: whether the project's server runs and answers; exit code 1 if not. */
export async function statusTask(terminal: Terminal): Promise<Outcome> {
  const server = await findOwnServer("look for JupyterLab in");
  if (server === undefined) {
    terminal.line("No JupyterLab of this project runs; deno task run starts one");
    return { exitCode: 1, result: { running: false } };
  }
  const { folder, plan, engine } = server;
  const token = await Deno.readTextFile(folder.token).catch(() => "");
  const [condition, hasAnswered] = await Promise.all([engine.condition(plan), answers(plan.port, token)]);
  if (condition.is !== "running") {
    terminal.line(describeEnd(plan, condition));
    if (condition.is === "gone") await clearState(folder);
    else terminal.line("deno task logs shows what it said; deno task stop removes what is left of it");
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
    ...(hasAnswered ? [] : ["deno task logs -f shows what it says"]),
  ];
}
