/** The environments that classes of tolerance tell apart: what a run's was, what the authors' was. */

import { frameworksOf } from "../record/frameworks.ts";
import { isSameImage } from "../experiment/image_identity.ts";
import { dirname, join } from "node:path";
import { type Conditions, type Experiment, parseImage, type When } from "../experiment/experiment.ts";
import { type Attempt, type Evidence, readEvidence, type Recorded } from "../record/evidence.ts";

/** What a run says about the environment that one of its steps ran in. */
export function conditionsOf(evidence: Evidence, step: string): Conditions {
  const record = evidence.steps[step];
  const attempt = evidence.attempts[record?.attempt ?? evidence.attempts.length - 1];
  if (attempt === undefined) return {};
  const { gpus } = attempt.host;
  const used = devicesOf(record?.recorded);
  const device = used === undefined
    ? (gpus.length === 0 ? "cpu" : undefined)
    : used.length > 0
    ? "cuda"
    : "cpu";
  return withoutGpu({
    image: imageOf(attempt),
    device,
    gpu: device === "cuda"
      ? models(used!.every((name) => name !== "") ? used! : gpus.map(({ name }) => name))
      : undefined,
    driver: device === "cuda" ? gpus[0]?.driver : undefined,
  });
}

/** On a CPU it is known that there is no GPU. */
function withoutGpu(conditions: Conditions): Conditions {
  return conditions.device === "cpu" ? { gpu: "none", driver: "none", ...defined(conditions) } : conditions;
}

function imageOf({ environment, host }: Attempt): Conditions["image"] {
  return environment.image ?? (host.image === undefined ? { name: "none" } : parseImage(host.image.name));
}

/**
 * Models of the GPUs that the frameworks of a step used, `""` where only that one was used is known.
 *
 * @returns undefined if the step used no framework that tells
 */
function devicesOf(recorded: Recorded | undefined): string[] | undefined {
  const processes = [recorded?.environment, ...(recorded?.notebooks ?? []).map(({ kernel }) => kernel)];
  const frameworks = processes.flatMap(frameworksOf);
  if (frameworks.length === 0) return undefined;
  return frameworks.flatMap(({ devices = [] }) =>
    // That they could not be asked for is recorded, too.
    (Array.isArray(devices) ? devices : []).flatMap((device) =>
      typeof device !== "string" ? [device.name] : /GPU/.test(device) ? [""] : []
    )
  );
}

function models(names: string[]): string | undefined {
  return names.length === 0 ? undefined : [...new Set(names)].sort().join(" and ");
}

/**
 * The authors' environment for each step: what the experiment says of it, else what the evidence beside the experiment
 * says, else the experiment's image.
 *
 * @returns nothing for an experiment to whose claims the environment does not matter
 */
export async function authorsConditions(experiment: Experiment): Promise<Record<string, Conditions>> {
  if (!experiment.claims.some(({ tolerance }) => tolerance.some(({ when }) => when !== undefined))) return {};
  const published = await readEvidence(publishedFolder(experiment)).catch(() => undefined);
  const image = experiment.environment.image;
  const steps = Object.keys(experiment.steps).map((step): [string, Conditions] => [
    step,
    withoutGpu({
      image: image === undefined ? undefined : parseImage(image),
      ...defined(published === undefined ? {} : conditionsOf(published, step)),
      ...defined(experiment.authors),
    }),
  ]);
  return Object.fromEntries(steps);
}

/** The authors' own evidence stands beside the experiment's YAML. */
export function publishedFolder({ file }: Pick<Experiment, "file">): string {
  return join(dirname(file), "published");
}

function defined(conditions: Conditions): Conditions {
  return Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== undefined));
}

/** Whether a run's environment is of the class; what is not known on either side is neither the same nor another. */
export function matches(when: When, run: Conditions, authors: Conditions): boolean {
  return (Object.keys(when) as (keyof Conditions)[]).every((key) => {
    const expected = when[key]!;
    if (expected !== "same" && expected !== "other") return isCalled(run[key], expected);
    const isSame = same(run[key], authors[key]);
    return isSame !== undefined && isSame === (expected === "same");
  });
}

type Condition = Conditions[keyof Conditions];

function isCalled(condition: Condition, expected: string): boolean {
  if (typeof condition !== "object") return condition === expected;
  const { name, digest, config, layers, id } = condition;
  return [name, digest, config, layers, id, `${name}@${digest}`].includes(expected);
}

function same(a: Condition, b: Condition): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return isSameImage(a, b) ?? a.name === b.name;
}

const NAMES = { image: "image", gpu: "GPU model", driver: "GPU driver", device: "device" } as const;

/** The name of a class for people: `same image, same GPU model`, `device cpu`, `any environment`. */
export function className(when: When = {}): string {
  const parts = (Object.keys(NAMES) as (keyof Conditions)[]).flatMap((key) => {
    const expected = when[key];
    if (expected === undefined) return [];
    return [
      expected === "same" || expected === "other" ? `${expected} ${NAMES[key]}` : `${NAMES[key]} ${expected}`,
    ];
  });
  return parts.join(", ") || "any environment";
}
