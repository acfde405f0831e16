/** What the steps' authors say that it takes, before it begins. */

import { dirname } from "node:path";
import { Failure } from "../cli/failure.ts";
import { bytes, duration, pluralize } from "../cli/format.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { PlannedStep } from "../plan/plan.ts";
import { freeSpace } from "../system/files.ts";
import type { Host } from "../system/host.ts";
import type { PreparedRun } from "./prepare_run.ts";

/**
 * Says what each step is expected to take, and asks where this machine clearly lacks it.
 *
 * @param yes go on all the same
 * @throws Failure(3) for a secret that is not set, and for what is lacking where nobody can be asked; Failure(130) for
 * a no.
 */
export async function requireExpected(
  { plan, host, runs }: Pick<PreparedRun, "plan" | "host" | "runs">,
  yes: boolean,
  terminal: Terminal,
): Promise<void> {
  for (const { name, secrets = [] } of plan.steps) {
    const missing = secrets.filter((secret) => !Deno.env.get(secret));
    if (missing.length === 0) continue;
    throw new Failure(3, `Cannot run "${name}": ${missing.join(", ")} must be set in the environment`, {
      remedy: `export ${missing[0]}=…, then try again; no record will hold it`,
    });
  }
  const expected = plan.steps.filter(({ expect }) => expect !== undefined);
  if (expected.length === 0) return;
  for (const step of expected) terminal.line(`"${step.name}" takes ${inWords(step)}, say its authors`);
  const others = otherGpus(expected, host);
  const lacking = [...await lackingSpace(expected, runs), ...lackingGpus(expected, host)];
  if (lacking.length === 0) return others.forEach((line) => terminal.note(line));
  const what = lacking.join("; ");
  if (yes) return terminal.note(`${what}; going on all the same (--yes)`);
  if (terminal.json || !Deno.stdin.isTerminal()) {
    throw new Failure(3, `This machine lacks what the steps are expected to take: ${what}`, {
      remedy: "Add --yes to run them all the same",
    });
  }
  terminal.note(what);
  if (!confirm("Run all the same?")) throw new Failure(130, "Nothing was run");
}

function inWords({ expect: { seconds, bytes: size, on } = {} }: PlannedStep): string {
  const parts = [
    seconds === undefined ? [] : duration(seconds),
    size === undefined ? [] : `${bytes(size)} of disk`,
  ].flat();
  const where = on === undefined ? "" : `on ${on}`;
  return [parts.join(" and "), where].filter((part) => part !== "").join(" ") || "nothing in particular";
}

/** The steps come one after the other, and what each leaves stays. */
async function lackingSpace(steps: PlannedStep[], runs: string): Promise<string[]> {
  const wanted = steps.reduce((sum, { expect }) => sum + (expect?.bytes ?? 0), 0);
  if (wanted === 0) return [];
  let folder = runs;
  while (!await Deno.stat(folder).then(() => true, () => false)) folder = dirname(folder);
  const free = await freeSpace(folder);
  return free >= wanted ? [] : [`${bytes(wanted)} of disk are expected, and ${folder} has ${bytes(free)}`];
}

/** What authors say of GPUs: how many, what the names of theirs hold, and how much memory each has. */
interface ExpectedGpus {
  said: string;
  count: number;
  /** Words of a model's name, in small letters; those that many names have are left out. */
  words: string[];
  /** Bytes. */
  memory?: number;
}

/** Of a name such as "NVIDIA A100-SXM4-80GB", what does not tell a model. */
const COMMON =
  /^(?:nvidia|geforce|tesla|quadro|gpus?|sxm\d?|pcie?|nvl|with|of|each|memory|vram|hbm\de?|and|a|\d+gi?b)$/;

/** Only a count and a model are understood; what else the authors write is for people. */
function expectedGpus(steps: PlannedStep[]): ExpectedGpus[] {
  return [...new Set(steps.flatMap(({ expect }) => expect?.on ?? []))].flatMap((said) => {
    const [, count, model] = /^(\d+)\s*[x×]\s*(\S.*)$/.exec(said) ?? [];
    if (count === undefined || model === undefined || /\b(?:cpus?|cores?)\b/i.test(model)) return [];
    const gigabytes = /(\d+(?:\.\d+)?)\s*gi?b?\b/i.exec(model)?.[1];
    const text = model.replace(/(\d+(?:\.\d+)?)\s*gi?b?\b/gi, " ");
    const words = text.toLowerCase().split(/[^a-z\d]+/).filter((word) => word !== "" && !COMMON.test(word));
    const memory = gigabytes === undefined ? undefined : Number(gigabytes) * 1e9;
    return { said, count: Number(count), words, ...(memory === undefined ? {} : { memory }) };
  });
}

/** A card tells a little less memory than it is sold with: a part of it is for error correction. */
const SOLD = 0.9;

function lackingGpus(steps: PlannedStep[], { gpus }: Host): string[] {
  return expectedGpus(steps).flatMap(({ said, count, memory = 0 }) => {
    const enough = gpus.filter((gpu) => gpu.memory * 2 ** 20 >= memory * SOLD);
    if (enough.length >= count) return [];
    if (gpus.length < count || memory === 0) {
      const found = gpus.length === 0 ? "no GPU" : pluralize(gpus.length, "GPU");
      return [`${said} is expected, and this machine has ${found}`];
    }
    return [`${said} is expected, and this machine has ${showGpus(gpus)}`];
  });
}

/** Another model is no lack: it may be the better one; but times, and bits, are others. */
function otherGpus(steps: PlannedStep[], { gpus }: Host): string[] {
  return expectedGpus(steps).flatMap(({ said, count, words }) => {
    const same = gpus.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
    if (words.length === 0 || gpus.length < count || same.length >= count) return [];
    return [`${said} is expected, and this machine has ${showGpus(gpus)}: it may take another time`];
  });
}

/** `2x NVIDIA A100-SXM4-40GB (42.9 GB)`. */
function showGpus(gpus: Host["gpus"]): string {
  const shown = gpus.map(({ name, memory }) => `${name} (${bytes(memory * 2 ** 20)})`);
  return [...new Set(shown)].map((one) => `${shown.filter((other) => other === one).length}x ${one}`).join(
    ", ",
  );
}
