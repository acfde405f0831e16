/** The container engines of this machine. */

import { explainEngine, lastLine } from "../container/client.ts";
import { type Answer, jsonOf, output } from "./ask.ts";
import { diagnoseDocker, type Docker, readDocker } from "./docker.ts";
import { type Finding, finding, ok } from "./findings.ts";
import { diagnosePodman, type Podman, readPodman } from "./podman.ts";
import type { Demands } from "./demands.ts";

/** A program of which no more is asked than its version. */
export type Simple = { state: "missing" } | { state: "unusable"; finding: Finding } | {
  state: "usable";
  version: string;
};

export interface Engines {
  docker: Docker;
  podman: Podman;
  nerdctl: Simple;
  apptainer: Simple;
}

/** What each engine's program said of itself. */
export interface EngineAnswers {
  docker_version: Answer;
  docker_info: Answer;
  podman_info: Answer;
  nerdctl_version: Answer;
  apptainer_version: Answer;
}

export function readEngines(answers: EngineAnswers): Engines {
  return {
    docker: readDocker(answers.docker_version, answers.docker_info),
    podman: readPodman(answers.podman_info),
    nerdctl: readNerdctl(answers.nerdctl_version),
    apptainer: readApptainer(answers.apptainer_version),
  };
}

function readNerdctl(answer: Answer): Simple {
  if (answer.kind === "missing") return { state: "missing" };
  if (answer.kind === "silent") return { state: "unusable", finding: silence("nerdctl", answer.seconds) };
  const said = jsonOf(answer);
  const server = said?.Server?.Components?.[0]?.Version;
  if (server !== undefined) {
    return { state: "usable", version: `${said.Client?.Version}, containerd ${server}` };
  }
  const { message, details } = explainEngine("nerdctl", answer.stderr);
  return {
    state: "unusable",
    finding: finding("warning", message, details.remedy ?? "nerdctl version tells more"),
  };
}

function readApptainer(answer: Answer): Simple {
  if (answer.kind === "missing") return { state: "missing" };
  if (answer.kind === "silent") return { state: "unusable", finding: silence("Apptainer", answer.seconds) };
  const version = /version (\S+)/.exec(output(answer) ?? "")?.[1];
  if (version !== undefined) return { state: "usable", version };
  const what = `Apptainer does not start: ${lastLine(answer.stderr)}`;
  return { state: "unusable", finding: finding("warning", what, "apptainer version tells more") };
}

function silence(title: string, seconds: number): Finding {
  return finding("warning", `${title} did not answer within ${seconds} s`, "Restart it");
}

/** False for a name that is no container engine, such as `host`. */
export function isUsable(engines: Engines, name: string): boolean {
  return name in engines && engines[name as keyof Engines].state === "usable";
}

export function usableEngines(engines: Engines): string[] {
  return Object.keys(engines).filter((name) => isUsable(engines, name));
}

/**
 * @param gpu whether there is a card that containers may want
 * @param inside whether this is the inside of an image of ours, which needs no engine
 */
export function diagnoseEngines(
  engines: Engines,
  demands: Demands,
  { gpu, inside }: { gpu: boolean; inside: boolean },
): Finding[] {
  const { docker, podman, nerdctl, apptainer } = engines;
  return [
    ...(docker.state === "missing" ? [] : diagnoseDocker(docker)),
    ...(podman.state === "missing" ? [] : diagnosePodman(podman, gpu)),
    ...(nerdctl.state === "missing" ? [] : [diagnoseSimple("nerdctl", nerdctl)]),
    ...(apptainer.state === "missing" ? [] : [diagnoseSimple("Apptainer", apptainer)]),
    ...(inside ? [ok("The steps need no engine here")] : diagnoseMissing(engines)),
    ...(inside ? [] : diagnoseDemandedEngine(engines, demands)),
  ];
}

function diagnoseSimple(title: string, program: Exclude<Simple, { state: "missing" }>): Finding {
  return program.state === "usable" ? ok(`${title} ${program.version}`) : program.finding;
}

/** None is needed: the host engine serves. */
function diagnoseMissing(engines: Engines): Finding[] {
  const missing = Object.entries(engines).filter(([, { state }]) => state === "missing").map(([name]) =>
    name
  );
  if (missing.length === 0) return [];
  if (usableEngines(engines).length > 0) return [ok(`Not installed, and not needed: ${missing.join(", ")}`)];
  const what =
    `No container engine is usable, so the steps run in this machine's own Python; not installed: ${
      missing.join(", ")
    }`;
  return [
    finding(
      "note",
      what,
      "For the authors' own environment install Docker, Podman, or on a cluster Apptainer",
    ),
  ];
}

function diagnoseDemandedEngine(engines: Engines, { engine }: Demands): Finding[] {
  // Of the others nothing can be missing here, or nothing is known.
  if (engine === undefined || !(engine in engines) || isUsable(engines, engine)) return [];
  const what = `experiment.yaml asks for the engine ${engine}, which is not usable here`;
  return [
    finding("blocker", what, `Make ${engine} work, or choose another for a run of yours: --engine host`),
  ];
}
