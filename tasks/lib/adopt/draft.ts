/** What is proposed for a repository: each value with the place where it was found. */

/** A file says so; a program reads it out of code; or it is one of several that it may be. */
export type Certainty = "stated" | "read" | "guessed";

export interface Found<T> {
  value: T;
  /** e.g. `README.md:41`, `demo.ipynb, cell 5`, `dvc.yaml, stage train`. */
  found: string;
  certainty: Certainty;
}

export interface StepDraft {
  name: string;
  run?: string[];
  shell?: string;
  notebook?: string;
  cwd?: string;
  env?: Record<string, string>;
  needs: string[];
  outputs: string[];
  inputs?: string[];
  produces?: string[];
  /** Sources of the repository that it runs, and files that it reads: what tells its order. */
  sources: string[];
  reads: string[];
  /** The run goes on without it. */
  optional?: true;
  /** Why it is a comment only. */
  doubt?: string;
}

export type Scalar = string | number | boolean;

export interface ParameterDraft {
  name: string;
  /** As it is to be written: `0.10` keeps its digits. */
  value: Scalar;
}

export interface ClaimDraft {
  name: string;
  from: string;
  /** Source texts of numbers; a list is a curve. */
  value: string | string[];
  unit?: string;
  of?: number;
  tolerance?: { relative: string; because: string };
  /** Why it is a comment only. */
  doubt?: string;
}

/** How the steps of a kind go together with those of others. */
export type Tier = "pipeline" | "told" | "code";

export interface KindSteps {
  kind: string;
  tier: Tier;
  steps: Found<StepDraft>[];
}

/** All that was found, best first. */
export interface Draft {
  name?: Found<string>;
  title?: Found<string>;
  /** Environment files; several that go together are one. */
  requirements: Found<string[]>[];
  /** Arguments of pip's, e.g. `-e .`. */
  install: Found<string[]>[];
  pythons: Found<string>[];
  /** Day of which the packages are to be. */
  asOf?: Found<string>;
  images: Found<string>[];
  gpus?: Found<"optional">;
  kinds: KindSteps[];
  parameters: Found<ParameterDraft>[];
  /** Parameters that stay in a file of the repository: `params.yaml#train.lr`. */
  params: Found<{ name: string; place: string }>[];
  claims: Found<ClaimDraft>[];
  /** What was skipped or passed over, and what a person should know. */
  notes: string[];
}

export function emptyDraft(): Draft {
  return {
    requirements: [],
    install: [],
    pythons: [],
    images: [],
    kinds: [],
    parameters: [],
    params: [],
    claims: [],
    notes: [],
  };
}

/** The doubt of a notebook that can be run, but judged by nothing. */
export const STORES_NOTHING = "it stores nothing that could be claimed";

/** A name that a step may have. */
export function stepName(text: string, taken: Iterable<string> = []): string {
  const used = new Set(taken);
  const plain = text.toLowerCase().replace(/[^a-z0-9_-]+/g, "-").replace(/^[_-]+|-+$/g, "").slice(0, 56) ||
    "step";
  let name = plain;
  for (let i = 2; used.has(name); i++) name = `${plain}-${i}`;
  return name;
}
