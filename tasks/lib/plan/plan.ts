/** What exactly will run, as plain JSON: it can be printed, tested, stored beside the results, and compared. */

import type { EngineName } from "../experiment/engine_name.ts";
import type { Conditions, ContainerLimits, Scalar } from "../experiment/experiment.ts";
import type { GpuRequest } from "./gpus.ts";

export const PLAN_SCHEMA = 1;

export interface Plan {
  schema: typeof PLAN_SCHEMA;
  /** The task that was asked for, e.g. "reproduce". */
  task: string;
  /** Identifies the run: UTC time and a short random part. */
  run: string;
  /** Absolute path of the run folder. */
  directory: string;
  experiment: {
    name: string;
    title?: string;
    file: string;
    root: string;
    /** The YAML as it was when the run was planned; its claims judge the run. */
    text: string;
    /** What each step ran in when the authors ran it; empty where no tolerance depends on it. */
    authors?: Record<string, Conditions>;
  };
  engine: { name: EngineName; because: string; version?: string };
  /** What the steps run in; absent where that is this machine's own files. */
  container?: PlannedContainer;
  environment: { requirements?: string; python: string; gpus: string };
  parameters: Record<string, Scalar>;
  /** Parameters whose values are not the declared ones, and other changes to what the authors ran. */
  changed: string[];
  /** Nothing but the values of declared parameters was changed. */
  onlyParameters: boolean;
  /** What the steps read that was fetched, by name; absent where they read none. */
  data?: Record<string, PlannedData>;
  /** Notebooks that were named on the command line, absolute; they are not the experiment's. */
  notebooks?: string[];
  steps: PlannedStep[];
}

/** Data as the steps of a run find them. */
export interface PlannedData {
  /** What the steps are told: the link in the project, absolute; in one that can't be written, what it would lead to. */
  path: string;
  /** Folder of the cache that the link leads into; absent where it is not known before they are fetched. */
  folder?: string;
  /** What experiment.yaml or experiment.lock knows them by: `sha256:…` or `md5:…`. */
  checksumOf: string;
  /** Of the file or archive. */
  sha256?: string;
  /** Over paths and bytes of what the archive was unpacked to. */
  treeSha256?: string;
  /** Of the file or archive. */
  bytes?: number;
  /** Address or path that it is from. */
  source?: string;
  /** They are fetched before the steps run. */
  missing?: true;
}

/** A folder or file of this machine in a container, for a step at the same path, so that no argument changes. */
export interface Mount {
  source: string;
  target: string;
  readOnly?: boolean;
}

export interface PlannedImage {
  name: string;
  /** Of the image itself; for apptainer the SHA-256 of the SIF file. */
  id: string;
  /** The registry's, if it came from one. */
  digest?: string;
  /** The SIF file that apptainer runs. */
  file?: string;
  /** What that file was made from: the id of an image, or the name that a registry has it by. */
  madeFrom?: string;
}

/** What the choice of an engine and an image says about the steps' containers. */
export interface ContainerRequest {
  image: PlannedImage;
  /** Program and arguments that the step's command is appended to; empty if the image has none. */
  entrypoint: string[];
  /** `uid:gid` in the container that makes files belong to the calling user. */
  user: string;
  /** Podman without root: the user keeps the id. */
  keepId: boolean;
  /** Docker gives containers ids of their own, and is told to leave it. */
  hostIds?: boolean;
  /** HOME, where the image names none. */
  home?: string;
  /** Names of the caller's variables that would change what apptainer does. */
  unset?: string[];
  /** It is a process of this machine in the image's files: it has all of its GPUs and its /dev/shm, and no /tmp. */
  isProcess?: true;
}

export interface PlannedContainer extends Omit<ContainerRequest, "home" | "isProcess">, ContainerLimits {
  gpus: GpuRequest;
  mounts: Mount[];
  /** Folder for what a step of apptainer writes to /tmp and HOME; there only while it runs. */
  scratch?: string;
}

export interface PlannedStep {
  name: string;
  /** The step's own command; `python` is the environment's. */
  argv: string[];
  /** Appended to `argv` when the run is taken up again. */
  resume?: string[];
  /** Absolute working directory. */
  cwd: string;
  /** Set in addition to the user's own environment. */
  env: Record<string, string>;
  /** The step's own folder, absolute. */
  out: string;
  produces: string[];
  inputs?: string[];
  /** Folders of other steps that this one reads. */
  needs: Record<string, Need>;
  /** Names of the data that it reads. */
  data?: string[];
  /** Absolute folder for what it can derive again, where its command names it. */
  cache?: string;
}

/** A folder bound to a need: made in this run, or by the newest run that has it with the same parameters. */
export interface Need {
  run: string;
  directory: string;
}

export interface NotebookOptions {
  /** Those that were named, absolute; the experiment's own without them. */
  notebooks?: string[];
  /** Of these, the ones that a step of the experiment executes. */
  own?: string[];
  /** Values by name, each as Python's JSON. */
  parameters?: Record<string, string>;
  /** Name of the parameter that becomes a folder for results, where a notebook declares it. */
  results?: string;
  /** The folder to work in, absolute. */
  cwd?: string;
  flags: string[];
}
