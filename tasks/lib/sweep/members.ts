/** The members of a sweep: which parameter values each run gets. Pure. */

import { Failure } from "../cli/failure.ts";
import { didYouMean } from "../cli/suggest.ts";
import type { Experiment, Sweep } from "../experiment/experiment.ts";
import { chooseParameters } from "../plan/make_plan.ts";

/** More runs than this are not made at once. */
const MOST_MEMBERS = 10_000;

/** Texts of the parameter values of one run, by parameter; only those that the sweep sets. */
export type Values = Record<string, string>;

export interface SweepRequest {
  /** `10`, or `1,5,9`. */
  seeds?: string;
  /** `lr=0.1,0.01`, each. */
  set: string[];
  /** Values for all members. */
  parameters: Values;
}

export interface Members {
  /** Name of the parameter that takes the seed, where there are seeds. */
  seed?: string;
  members: Values[];
}

/**
 * The members that are asked for: what the command line says goes before what the experiment says.
 *
 * @throws Failure(2) for nothing to vary, too many members (with their count), a seed or value twice, a parameter that
 * is not declared, or a value of the wrong type
 */
export function listMembers(experiment: Experiment, request: SweepRequest): Members {
  const { sweep } = experiment;
  const { ...grid } = request.set.length === 0 ? sweep?.grid ?? {} : readGrid(experiment, request.set);
  const list = request.set.length === 0 ? sweep?.list : undefined;
  const name = sweep?.seed ?? "seed";
  // Values of the seed's parameter are seeds, however they are given.
  const isSet = request.seeds === undefined && Object.hasOwn(grid, name);
  const seeds = isSet ? grid[name] : seedsOf(experiment, request.seeds, sweep);
  if (isSet) delete grid[name];
  if (seeds !== undefined) requireSeed(experiment, name, { ...grid, ...request.parameters });
  const axes: [string, string[]][] = [
    ...Object.entries(grid),
    ...(seeds === undefined ? [] : [[name, seeds] as [string, string[]]]),
  ];
  const points = list ?? [{}];
  const count = axes.reduce((product, [, values]) => product * values.length, points.length);
  if (count > MOST_MEMBERS) {
    const factors = [...(list ? [list.length] : []), ...axes.map(([, values]) => values.length)].join(" × ");
    throw new Failure(
      2,
      `Cannot sweep over ${count.toLocaleString("en-US")} members (${factors}), at most ${
        MOST_MEMBERS.toLocaleString("en-US")
      } are made`,
      { remedy: "Give fewer values, or a list of the combinations that matter (sweep.list)" },
    );
  }
  if (axes.length === 0 && list === undefined) {
    throw new Failure(2, `Cannot sweep ${experiment.name}: it says neither seeds nor values`, {
      remedy: "deno task sweep --seeds 10, --set lr=0.1,0.01, or a sweep: in experiment.yaml",
    });
  }
  checkValues(experiment, points, axes);
  const all = axes.reduce<Values[]>(
    (members, [parameter, values]) =>
      members.flatMap((member) => values.map((value) => ({ ...member, [parameter]: value }))),
    points.map((point) => ({ ...request.parameters, ...point })),
  );
  const members = all.map((member) => ({ ...member }));
  refuseTwice(members);
  return { ...(seeds !== undefined && { seed: name }), members };
}

/** So many seeds that are not among the ones there are. */
export function moreSeeds(there: readonly string[], count: number): string[] {
  const taken = new Set(there.map(Number));
  const found: string[] = [];
  for (let seed = 1; found.length < count; seed++) if (!taken.has(seed)) found.push(String(seed));
  return found;
}

/** A count as a positive whole number, of at most as many as there may be members. */
export function readCount(option: string, text: string): number {
  if (/^[1-9]\d*$/.test(text) && Number(text) <= MOST_MEMBERS) return Number(text);
  throw new Failure(
    2,
    `${option} must be a whole number from 1 to ${
      MOST_MEMBERS.toLocaleString("en-US")
    }, current value is "${text}"`,
  );
}

/** Values in words: `seed = 3, lr = 0.1`. */
export function inWords(values: Values): string {
  return Object.entries(values).map(([name, value]) => `${name} = ${value}`).join(", ");
}

function seedsOf(experiment: Experiment, option: string | undefined, sweep?: Sweep): string[] | undefined {
  const seeds = option === undefined ? sweep?.seeds : option.includes(",") ? splitList(option) : option;
  if (seeds === undefined) return undefined;
  if (!Array.isArray(seeds)) return moreSeeds([], readCount("--seeds", String(seeds)));
  const twice = seeds.find((seed, index) => seeds.findIndex((one) => Number(one) === Number(seed)) !== index);
  if (twice !== undefined) {
    throw new Failure(
      2,
      `--seeds must name each seed once, ${twice} stands there twice (${experiment.name})`,
    );
  }
  return seeds;
}

function requireSeed({ name: experiment, parameters }: Experiment, seed: string, others: object) {
  if (Object.hasOwn(others, seed)) {
    throw new Failure(2, `${seed} can't be set beside the seeds of the sweep, which are its values`);
  }
  if (Object.hasOwn(parameters, seed)) return;
  const declared = Object.keys(parameters);
  throw new Failure(2, `Cannot sweep over seeds: ${experiment} declares no parameter ${seed}`, {
    remedy:
      `Declare it (parameters: { ${seed}: 1 }) and use it in a step, or name the one that takes the seed ` +
      `(sweep: { seed: NAME }); the parameters are ${declared.join(", ") || "none"}`,
  });
}

/** `train.lr=0.1,0.01`: a parameter by its name, or by its key in the file where it stands. */
function readGrid(
  { parameters, params, name: experiment }: Experiment,
  set: string[],
): Record<string, string[]> {
  const grid: Record<string, string[]> = {};
  for (const text of set) {
    const [, given, values] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (given === undefined || values === undefined) {
      throw new Failure(2, `--set must be NAME=VALUE,VALUE such as lr=0.1,0.01, current value is "${text}"`);
    }
    const name = Object.hasOwn(parameters, given)
      ? given
      : Object.entries(params).find(([, { keys }]) => keys.join(".") === given)?.[0];
    if (name === undefined) {
      const names = Object.keys(parameters);
      throw new Failure(2, `${experiment} declares no parameter ${given}${didYouMean(given, names)}`, {
        remedy: `The parameters are ${names.join(", ") || "none"}`,
      });
    }
    if (Object.hasOwn(grid, name)) {
      throw new Failure(2, `--set ${name} must be given once, it is given twice`);
    }
    grid[name] = splitList(values);
  }
  return grid;
}

/** Splits at commas outside of brackets, braces and quotes. */
function splitList(text: string): string[] {
  const parts = text.match(/(?:\[[^\]]*\]|\{[^}]*\}|"[^"]*"|[^,])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** Each value once, by the check that each run would make. */
function checkValues(experiment: Experiment, points: Values[], axes: [string, string[]][]) {
  const pairs = [
    ...points.flatMap((point) => Object.entries(point)),
    ...axes.flatMap(([name, values]) => values.map((value): [string, string] => [name, value])),
  ];
  for (const [name, value] of pairs) chooseParameters(experiment, { [name]: value });
}

function refuseTwice(members: Values[]) {
  const seen = new Set<string>();
  for (const member of members) {
    const key = JSON.stringify(Object.entries(member).sort());
    if (seen.has(key)) throw new Failure(2, `Each member must be another, two have ${inWords(member)}`);
    seen.add(key);
  }
}
