/** Sentences for a paper and commands for a terminal, made from a run's record. */

import { asCalled } from "../cli/program.ts";
import { frameworksOf as recordedFrameworks } from "../record/frameworks.ts";
import { identityInWords } from "../experiment/image_identity.ts";
import { bytes, duration, pluralize } from "../cli/format.ts";
import type { Evidence } from "../record/evidence.ts";
import { shellQuote } from "../system/command.ts";
import type { Judged } from "../verdict/judge.ts";
import { countVerdicts } from "./outcome.ts";

/** What the record does not know, and the author fills in. */
const REPOSITORY = "[URL of the repository]";

/** How the results came about, for the methods section of a paper. */
export function methodsParagraph(judged: Judged, evidence: Evidence): string {
  const { experiment, verdict: { checks } } = judged;
  const steps = Object.keys(evidence.steps);
  const parameters = Object.entries(evidence.parameters).map(([name, value]) => `${name} = ${value}`);
  const sentences = [
    `The experiment "${experiment.title ?? experiment.name}" was run on ${
      evidence.created.slice(0, 10)
    } from ${codeOf(evidence)}`,
    steps.length === 1
      ? `It has one step, ${steps[0]}`
      : steps.length > 1
      ? `Its steps ${list(steps)} ran one after the other`
      : "",
    parameters.length > 0 ? `The parameters were ${list(parameters)}` : "",
    environmentSentence(evidence),
    machineSentence(evidence),
    determinismSentence(evidence),
    claimsSentence(checks, judged),
  ];
  return sentences.filter((sentence) => sentence !== "").map((sentence) => `${sentence}.`).join(" ");
}

function codeOf({ attempts }: Evidence): string {
  const code = attempts.at(-1)?.code;
  if (code === undefined) return "sources that were not recorded";
  if (code.commit === undefined) return `sources with the SHA-256 ${code.sha256}`;
  const changes = code.dirty.length === 0 ? "" : ` with ${pluralize(code.dirty.length, "changed file")}`;
  return `commit ${code.commit}${changes}`;
}

function environmentSentence({ engine, attempts, steps }: Evidence): string {
  const environment = attempts.at(-1)?.environment;
  if (environment === undefined) return "";
  const { image, lockSha256, pythonVersion } = environment;
  const versions = frameworksOf(steps);
  const uses = versions.length > 0 ? `, with ${list(versions)}` : "";
  if (image !== undefined) {
    const program = [engine.name, engine.version].filter(Boolean).join(" ");
    return `It ran in the container image ${image.name} (${identityInWords(image)}) by ${program}${uses}`;
  }
  const lock = lockSha256 ? `, installed from a lock file (SHA-256 ${lockSha256.slice(0, 12)}…)` : "";
  return `It ran in a Python ${pythonVersion ?? ""} environment${lock}${uses}`.replace("Python  ", "Python ");
}

function machineSentence({ attempts }: Evidence): string {
  const host = attempts.at(-1)?.host;
  if (host === undefined) return "";
  const gpus = host.gpus.length === 0
    ? "without a GPU"
    : `with ${list(host.gpus.map(({ name, driver }) => `${name} (driver ${driver})`))}`;
  return `The machine was ${host.cpu} (${host.cores} cores, ${
    bytes(host.memory)
  }, ${host.os} ${host.architecture}) ${gpus}`;
}

/** E.g. `framework 2.13.0`, of every framework that a step recorded. */
function frameworksOf(steps: Evidence["steps"]): string[] {
  const found = Object.values(steps).flatMap(({ recorded }) =>
    Object.entries(recorded?.environment ?? {}).flatMap(([name, settings]) => {
      const version = (settings as { version?: unknown } | null)?.version;
      return typeof version === "string" ? [`${name} ${version}`] : [];
    })
  );
  return [...new Set(found)];
}

function determinismSentence({ steps }: Evidence): string {
  for (const { recorded } of Object.values(steps)) {
    for (const framework of recordedFrameworks(recorded?.environment)) {
      const { name, deterministic_algorithms: deterministic, threads } = framework;
      if (deterministic === undefined) continue;
      const algorithms = deterministic
        ? "Deterministic algorithms were enforced"
        : "Deterministic algorithms were not enforced";
      const isTf32 = [framework.cudnn_allow_tf32, framework.matmul_allow_tf32, framework.allow_tf32].includes(
        true,
      );
      const used = `${name} used ${threads} CPU ${threads === 1 ? "thread" : "threads"}`;
      return `${algorithms}, TF32 was ${isTf32 ? "allowed" : "off"}, and ${used}`;
    }
  }
  return "";
}

function claimsSentence(checks: Judged["verdict"]["checks"], { experiment }: Judged): string {
  if (checks.length === 0) return "";
  const counts = experiment.claims.some(({ of }) => of !== undefined)
    ? "; percentages of a known number of samples were compared as counts"
    : "";
  return `Each of ${checks.length} claims was checked against what the run produced: ${
    countVerdicts(checks)
  }${counts}`;
}

/** What others need and where they find it, for the end of a paper. */
export function openScienceStatement(judged: Judged, evidence: Evidence): string {
  const seconds = Object.values(evidence.steps).reduce((sum, { seconds = 0 }) => sum + seconds, 0);
  const time = evidence.status === "done" && seconds > 0
    ? ` (${duration(seconds)} on the machine named in the methods)`
    : "";
  const image = evidence.attempts.at(-1)?.environment.image;
  const environment = image === undefined
    ? "the lock files of the environment"
    : `the container image ${image.name} (${identityInWords(image)})`;
  return [
    `The code, ${environment}, the published claims and the authors' own evidence are available at ${REPOSITORY}, ${
      codeOf(evidence)
    }.`,
    `All steps run with one command, "${
      reproduceCommand(evidence)
    }"${time}, which compares every claim with what it obtains.`,
    judged.verdict.checks.length === 0
      ? ""
      : `Tolerances and the reasons for them are declared in experiment.yaml (SHA-256 ${
        judged.verdict.claimsSha256.slice(0, 12)
      }…).`,
  ].filter((sentence) => sentence !== "").join(" ");
}

/** As this program was called; else Deno at the version that ran it, from where everybody with Node gets it. */
function denoTask({ attempts }: Evidence, ...words: string[]): string {
  const [task = "", ...more] = words;
  const called = asCalled(`deno task ${task}`);
  if (!called.startsWith("deno ")) return [called, shellQuote(more)].join(" ").trim();
  const version = attempts.at(-1)?.host.deno ?? Deno.version.deno;
  return shellQuote(["npx", "-y", `deno@${version}`, "task", ...words]);
}

/** The command line that does the same again, with what was changed from the declared values. */
function reproduceCommand(evidence: Evidence): string {
  const { task, engine, changed, parameters, steps } = evidence;
  const first = task === "step" ? Object.keys(steps)[0] : undefined;
  const options = changed.filter((name) => Object.hasOwn(parameters, name))
    .flatMap((name) => [`--${name}=${parameters[name]}`]);
  const place = engine.name === "host" ? [] : ["--engine", engine.name];
  return denoTask(evidence, task, ...(first ? [first] : []), ...place, ...options);
}

/** Commands that repeat the run elsewhere, in order, with what each is for. */
export function commandsToRepeat(evidence: Evidence): { command: string; purpose: string }[] {
  const commit = evidence.attempts.at(-1)?.code?.commit;
  return [
    { command: `git clone "${REPOSITORY}" experiment && cd experiment`, purpose: "get the code" },
    ...(commit === undefined
      ? []
      : [{ command: shellQuote(["git", "checkout", commit]), purpose: "as it was" }]),
    { command: reproduceCommand(evidence), purpose: "run it and judge it" },
    {
      command: denoTask(evidence, "verify", evidence.run),
      purpose: "check this run folder again: hashes and claims",
    },
  ];
}

function list(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}
