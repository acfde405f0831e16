/** experiment.yaml: what it may say, and everything that is wrong with it at once. */

import type { ImageIdentity } from "./image_identity.ts";
import type { ClaimSource } from "../sources/source.ts";
import type { EngineName } from "./engine_name.ts";

/** A declared parameter; `text` is the source text of its default, so that `1e-3` stays `1e-3` on a command line. */
export interface Parameter {
  value: number | string | boolean;
  text: string;
  /** It is a list, a mapping or null: `value` and `text` are its YAML in one line. */
  structured?: true;
}

/** What of the requirements is installed, and what beside them. */
export interface PackageChoices {
  /** Extras of a pyproject.toml or its lock. */
  extras?: string[];
  /** Its dependency groups. */
  groups?: string[];
  /** pip's arguments for what is installed after the requirements, e.g. ["-e", "."]; paths are relative to the root. */
  install?: string[];
  /** Minor version, e.g. "3.10"; what the requirements say without it. */
  python?: string;
  /** Day, e.g. "2022-09-29": versions that the requirements leave open are the newest of then. */
  asOf?: string;
  /** PyTorch's build: cpu, cu128, …; without it, or "auto", the one that fits the GPUs that are asked for and here. */
  torch?: string;
  /** Where experiment.yaml says what not every format has, e.g. "experiment.yaml:4:11", for messages. */
  places?: { extras?: string; groups?: string };
}

/** `environment:` of experiment.yaml: what the steps run in. */
export interface Environment extends PackageChoices {
  /** Container image that holds the authors' environment. */
  image?: string;
  /**
   * Files that the Python environment is made from, relative to the root, or one folder in which they are looked for.
   * Without it the Python that is found, or that PYTHON names, is used as it is.
   */
  requirements?: string[];
  /** What the steps need: no GPU, one if there is one, all, a count, or device ids. */
  gpus: "none" | "optional" | "all" | number | string[];
  /** Where the steps run unless the user says otherwise. */
  engine?: EngineName;
  /** Limits of the steps' containers. */
  limits: ContainerLimits;
}

/** Data that are fetched: what they are known by, where they are, and where the steps find them. */
export interface Data {
  name: string;
  /** http or https, in the order to try them; none for data that nobody may hand on. */
  urls: string[];
  /** How these are had, in words for people. */
  how?: string;
  /** Where they are deposited: `doi:…#FILE`, `hf:…` or `croissant:FILE#…`; experiment.lock has the address. */
  from?: string;
  /** What the file or archive is known by: exactly one of the two, in small letters. */
  hash: DataHash;
  /** Bytes of the file or archive. */
  size?: number;
  /** The kind of the archive that is unpacked; a file without it. */
  unpack?: "zip" | "tar";
  /** Where the steps find them, relative to the root. */
  to: string;
}

/** What a step downloads by itself, to a place in the project. */
export interface OwnDownload {
  name: string;
  /** Expected of the file, or of the folder: 64 small hexadecimal digits, or the first of them. */
  sha256?: string;
  /** Where it is afterwards, relative to the root. */
  to: string;
}

/**
 * A whole SHA-256 has 64 digits; authors of weights often give only the first ones. Of data that are only named, the hash
 * is not known until they are looked up.
 */
export type DataHash = { sha256: string } | { md5: string } | { from: string };

/** One of `steps:`; every path is relative to the root. */
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
  /** Paths, relative to the root, that it writes into the project; they end in its own folder. */
  outputs?: string[];
  /** Paths (files or folders, relative to the root) the step reads; all tracked files unless given. */
  inputs?: string[];
  /** Names of the data the step reads: those it lists, and those its command names. */
  data: string[];
  /** Of these, the names of what it downloads by itself. */
  downloads?: string[];
  /** Arguments appended when an interrupted run is taken up again; without it the step starts afresh. */
  resume?: string[];
  /** What it does, in a line for people. */
  description?: string;
  /** A script that `bash -euo pipefail` reads, instead of `run` or `notebook`; parameters are its variables. */
  shell?: string;
  /** Working directory, relative to the root. */
  cwd?: string;
  /** Environment variables, with `{placeholders}`. */
  env?: Record<string, string>;
  /** Names of variables that it gets from the caller, and that no record holds. */
  secrets?: string[];
  /** Seconds after which it is ended, as failed. */
  timeout?: number;
  /** It gets a terminal of 80 columns. */
  tty?: true;
  /** The run goes on without it if it fails. */
  optional?: true;
  /** As `environment.gpus`, where this step needs others. */
  gpus?: Environment["gpus"];
  /** What it took the authors, for whoever begins it. */
  expect?: Expectation;
}

/** `expect:`, what a step took its authors: seconds of time and bytes of disk. */
export interface Expectation {
  seconds?: number;
  bytes?: number;
  /** A machine in words, e.g. "1x A100". */
  on?: string;
}

/** What a class of tolerance asks of the environment, each compared with the authors', or a literal such as `cpu`. */
export type When = Partial<Record<keyof Conditions, "same" | "other" | (string & Record<never, never>)>>;

/** What of an environment decides which class of tolerance applies; absent where it is not known. */
export interface Conditions {
  /** The container image and what is known of its identity; its name is `none` without one. */
  image?: ImageIdentity & { name: string };
  /** Model of the GPUs that were used, as nvidia-smi names them; `none` on a CPU. */
  gpu?: string;
  /** Version of the GPU's driver; `none` on a CPU. */
  driver?: string;
  device?: "cpu" | "cuda";
}

/** How far an obtained value may be from the claimed one: exactly one of samples, absolute, relative; and the reason. */
export interface Tolerance {
  samples?: number;
  absolute?: number;
  relative?: number;
  because: string;
  /** The environments that it is for; all of them without it. */
  when?: When;
  /** Ids of the runs it rests on. It judges none of these. */
  runs?: string[];
  /** It rests on no runs yet. */
  provisional?: boolean;
}

/** A value is claimed to lie in a range; the ends belong to it, and are source texts. */
export interface Range {
  kind: "range";
  least?: string;
  most?: string;
}

/** The mean of a value over n runs and their standard deviation, as source texts. */
export interface Spread {
  kind: "spread";
  mean: string;
  std: string;
  n: number;
}

/** As it is shown: `≥ 94`. */
export function rangeText(value: Range | Spread): string {
  if (value.kind === "spread") return `${value.mean} ± ${value.std} (n = ${value.n})`;
  const { least, most } = value;
  return least === undefined ? `≤ ${most}` : most === undefined ? `≥ ${least}` : `${least} to ${most}`;
}

/** What of the values over seeds is claimed: their mean, …, or how many of `of` seeds are above a number. */
export type Statistic =
  | { kind: "mean" | "min" | "max" | "interval" }
  /** `above` is a source text. */
  | { kind: "count"; above: string; of: number };

/** One of `claims:`, with the place of its value in a run and in the source text. */
export interface Claim {
  name: string;
  from: ClaimSource;
  /** The claimed value; a list is a curve, and all of it one claim. */
  value: Scalar | number[] | Range | Spread;
  /** YamlDocument text of the value: 86.10 has two decimals. Of a curve, of each point; of a range, `≥ 94`. */
  text: string | string[];
  /** Where the value is read from, as it is written; it is there once `withPublishedValues` has read it. */
  published?: string;
  unit?: string;
  /** The value is a count of so many samples, printed as a percentage. */
  of?: number;
  /** The claim is about the runs of a sweep over seeds, and one run does not judge it. */
  over?: Statistic;
  /** Classes, of which the first that matches the environment is used; one without `when` matches every one. */
  tolerance: Tolerance[];
  /** Line of the claim in its file, 1-based. */
  line: number;
}

/** The runs that `deno task sweep` makes; values are source texts. */
export interface Sweep {
  /** So many seeds, or these. */
  seeds?: number | string[];
  /** Name of the parameter that takes the seed. */
  seed: string;
  /** All combinations of these values, by parameter. */
  grid: Record<string, string[]>;
  /** These combinations. */
  list?: Record<string, string>[];
  /** The steps of a member; those that claims over seeds are about without it, and what these need. */
  steps?: string[];
  /** `deno task reproduce` makes the sweep, too. */
  reproduce?: true;
}

/** experiment.yaml, checked. Records have no prototype, so that no name is found that nobody wrote. */
export interface Experiment {
  name: string;
  title?: string;
  /** Absolute path of the YAML file. */
  file: string;
  /** Absolute path of the project root, which every path in the file is relative to. */
  root: string;
  environment: Environment;
  parameters: Record<string, Parameter>;
  /** Parameters that stand in files of the repository. */
  params: Record<string, { file: string; keys: string[] }>;
  /** Texts of these files, once they are read. */
  parameterFiles?: Record<string, string>;
  data: Record<string, Data>;
  /** What is declared with the data and is downloaded by steps themselves. */
  downloads?: Record<string, OwnDownload>;
  /** In the order of the file. */
  steps: Record<string, Step>;
  claims: Claim[];
  /** What the files that values are read from say against themselves, for the user. */
  notes?: string[];
  sweep?: Sweep;
  /** The environment that the claimed values are from, where the file says so. */
  authors: Conditions;
}

/** @param reference `name`, or `name@sha256:…` */
export function parseImage(reference: string): Conditions["image"] {
  const [name = "", digest] = reference.split("@");
  return digest === undefined ? { name } : { name, digest };
}

export type Scalar = number | string | boolean;

/** Limits that a user or the experiment sets for the steps' containers. */
export interface ContainerLimits {
  /** Of /dev/shm, e.g. "8g". */
  shmSize?: string;
  /** E.g. "16g". */
  memory?: string;
  /** Number of processors, e.g. "1.5". */
  cpus?: string;
  network?: "none";
}

/** A time: a number, and s, m, h or d. */
export const TIME_PATTERN = /^[1-9]\d*(?:\.\d+)?[smhd]$/;

/** A size as the container engines take it: a number, and b, k, m or g. */
export const SIZE_PATTERN = /^[1-9]\d*[bkmgBKMG]?$/;
