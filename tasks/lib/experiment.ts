/** experiment.yaml: what it may say, and everything that is wrong with it at once. */

/** A declared parameter; `text` is the source text of its default, so that `1e-3` stays `1e-3` on a command line. */
export interface Parameter {
  value: number | string | boolean;
  text: string;
}

export interface Environment {
  /** Container image that holds the authors' environment. */
  image?: string;
  /** Python requirements file, relative to the root; its locks stand beside it. Without it, a bare Python is enough. */
  requirements?: string;
  /** What the steps need: no GPU, one if there is one, all, a count, or device ids. */
  gpus: "none" | "optional" | "all" | number | string[];
  /** Size of /dev/shm in a container, e.g. "8g". */
  shmSize?: string;
}

export interface Step {
  name: string;
  /** Argument list with `{placeholders}`; a step has either this or `notebook`. */
  run?: string[];
  /** Path of a notebook, relative to the root. */
  notebook?: string;
  /** Names of the steps whose folders this one reads. */
  needs: string[];
  /** Paths, relative to the step's own folder, that must be there when it ends. */
  produces: string[];
  /** Paths (files or folders, relative to the root) the step reads; all tracked files unless given. */
  inputs?: string[];
  /** Arguments appended when an interrupted run is taken up again; without it the step starts afresh. */
  resume?: string[];
}

/** Where a claimed value is found in a run folder. `path` is relative to the run folder: `<step>/<file>`. */
export type ClaimSource =
  | { kind: "pointer"; step: string; path: string; pointer: string[] }
  | { kind: "sha256"; step: string; path: string };

/** How far an obtained value may be from the claimed one; exactly one of the three, and the reason. */
export interface Tolerance {
  samples?: number;
  absolute?: number;
  relative?: number;
  because: string;
}

export interface Claim {
  name: string;
  from: ClaimSource;
  /** The claimed value, and its source text: 86.10 has two decimals. */
  value: number | string | boolean;
  text: string;
  unit?: string;
  /** The value is a count of so many samples, printed as a percentage. */
  of?: number;
  tolerance?: Tolerance;
  /** Line of the claim in its file, 1-based. */
  line: number;
}

export interface Experiment {
  name: string;
  title?: string;
  /** Absolute path of the YAML file. */
  file: string;
  /** Absolute path of the project root, which every path in the file is relative to. */
  root: string;
  environment: Environment;
  parameters: Record<string, Parameter>;
  /** In the order of the file. */
  steps: Record<string, Step>;
  claims: Claim[];
}
