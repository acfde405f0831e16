/** This environment against the authors': everything recorded that may explain another result. */

import { bytes } from "../cli/format.ts";
import type { Evidence, Recorded } from "../record/evidence.ts";

/** What explains a difference most likely comes first. */
const GROUPS = ["machine", "framework", "environment", "code", "variable", "package"] as const;

/** One thing of two environments; what is not known of one of them is an empty text. */
export interface EnvironmentRow {
  group: typeof GROUPS[number];
  name: string;
  here: string;
  there: string;
  same: boolean;
}

type Facts = Map<string, { group: EnvironmentRow["group"]; name: string; value: string }>;

/** Rows of both environments, or of one if there is nothing to compare it with. */
export function environmentRows(here: Evidence, there?: Evidence): EnvironmentRow[] {
  const [own, others] = [factsOf(here), there === undefined ? new Map() : factsOf(there)] as [Facts, Facts];
  const keys = new Set([...own.keys(), ...others.keys()]);
  const rows = [...keys].map((key) => {
    const { group, name } = (own.get(key) ?? others.get(key))!;
    const [a, b] = [own.get(key)?.value ?? "", others.get(key)?.value ?? ""];
    return { group, name, here: a, there: b, same: a === b };
  });
  return rows.sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}

/** What the newest attempt and the steps recorded, by group and name. */
function factsOf(evidence: Evidence): Facts {
  const facts: Facts = new Map();
  const add = (group: EnvironmentRow["group"], name: string, value: unknown) => {
    const text = show(value);
    if (text !== "") facts.set(`${group} ${name}`, { group, name, value: text });
  };
  const attempt = evidence.attempts.at(-1);
  const recorded = recordOf(evidence);
  addMachine(evidence, recorded, add);
  add("environment", "engine", [evidence.engine.name, evidence.engine.version].filter(Boolean).join(" "));
  add("environment", "image", attempt?.environment.image?.name);
  add("environment", "image's registry digest", attempt?.environment.image?.digest);
  add("environment", "image's configuration", attempt?.environment.image?.config);
  add("environment", "image's layers", attempt?.environment.image?.layers);
  add("environment", "image's id on its engine", attempt?.environment.image?.id);
  add("environment", "image's start script and its hooks, not run", attempt?.environment.image?.startScript);
  add("environment", "lock (SHA-256)", attempt?.environment.lockSha256);
  add("environment", "Python", recorded.environment.python ?? attempt?.environment.pythonVersion);
  add("code", "commit", attempt?.code?.commit);
  add("code", "changed files", attempt?.code?.dirty?.length || undefined);
  for (const [framework, settings] of Object.entries(recorded.environment)) {
    if (framework === "packages" || !isRecord(settings)) continue;
    for (const [name, value] of Object.entries(settings)) {
      add("framework", `${framework} ${name.replaceAll("_", " ")}`, value);
    }
  }
  for (const [name, value] of Object.entries(attempt?.variables ?? {})) add("variable", name, `"${value}"`);
  const { packages } = recorded.environment;
  if (isRecord(packages)) {
    Object.entries(packages).forEach(([name, version]) => add("package", name, version));
  }
  return facts;
}

function addMachine(
  { attempts }: Evidence,
  { cpu }: Facets,
  add: (group: "machine", name: string, value: unknown) => void,
) {
  const host = attempts.at(-1)?.host;
  add("machine", "processor", host?.cpu ?? cpu.model);
  add("machine", "instruction sets", cpu.instruction_sets);
  add("machine", "cores", host?.cores);
  add("machine", "memory", host && bytes(host.memory));
  add("machine", "GPUs", host && (host.gpus.map(({ name }) => name).join(", ") || "none"));
  add("machine", "GPU driver", host?.gpus[0]?.driver);
  add("machine", "system", host && `${host.os} ${host.architecture}`);
  add("machine", "kernel", host?.kernel);
}

interface Facets {
  cpu: NonNullable<Recorded["cpu"]>;
  environment: NonNullable<Recorded["environment"]>;
}

/** What a step recorded of itself: of the first that used a framework, else of the first that recorded anything. */
function recordOf({ steps }: Evidence): Facets {
  const all = Object.values(steps).map(({ recorded }) => recorded).filter((one) => one !== undefined);
  const usesFramework = ({ environment = {} }: Recorded) =>
    Object.entries(environment).some(([name, value]) => name !== "packages" && isRecord(value));
  const { cpu = {}, environment = {} } = all.find(usesFramework) ?? all[0] ?? {};
  return { cpu, environment };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(show).join(" ");
  return isRecord(value) ? JSON.stringify(value) : String(value);
}
