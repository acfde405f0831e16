/** The shape of plan.json. */

import * as z from "zod/mini";
import { ENGINE_NAMES } from "../experiment/engine_name.ts";
import { plainClaimSchema } from "../experiment/plain_claim_schema.ts";

const texts = z.array(z.string());

const textByName = z.record(z.string(), z.string());

const scalar = z.union([z.string(), z.number(), z.boolean()], { error: "a text, a number, true or false" });

/** The engine of a run, and why it is that one. */
export const engineSchema = z.object({
  /** Where the steps run: this machine's own files, or a container engine. */
  name: z.enum(ENGINE_NAMES),
  /** Why this one was chosen, in words. */
  because: z.string(),
  /** The engine's version, where it says one. */
  version: z.optional(z.string()),
});

/** Values by the names of the parameters; integers that a double can't hold are texts. */
export const parametersSchema = z.record(z.string(), scalar);

/** Data as the steps of a run find them. */
const plannedDataSchema = z.object({
  /** What the steps are told: the link in the project, absolute; in one that can't be written, what it would lead to. */
  path: z.string(),
  /** Folder of the cache that the link leads into; absent where it is not known before they are fetched. */
  folder: z.optional(z.string()),
  /** What experiment.yaml or experiment.lock knows them by: `sha256:…` or `md5:…`. */
  checksumOf: z.string(),
  /** Of the file or archive. */
  sha256: z.optional(z.string()),
  /** Over paths and bytes of what the archive was unpacked to. */
  treeSha256: z.optional(z.string()),
  /** Of the file or archive. */
  bytes: z.optional(z.number()),
  /** Address or path that it is from. */
  source: z.optional(z.string()),
  /** They are fetched before the steps run. */
  missing: z.optional(z.literal(true)),
  /** Nothing can fetch them: `source` says how they are had. */
  byHand: z.optional(z.literal(true)),
});

/** A folder or file of this machine in a container, for a step at the same path, so that no argument changes. */
const mountSchema = z.object({
  /** Absolute path on this machine. */
  source: z.string(),
  /** Absolute path in the container. */
  target: z.string(),
  /** It can only be read there. */
  readOnly: z.optional(z.boolean()),
});

/** An image by all that is known of its identity, so that two runs in the same one can be told from two in others. */
export const plannedImageSchema = z.object({
  /** Name with its tag, as it was asked for. */
  name: z.string(),
  /** The engine's own name for the image; for apptainer the SHA-256 of the SIF file. */
  id: z.string(),
  /** Digest of its configuration, where the engine shows it. */
  config: z.optional(z.string()),
  /** Its layers, as the OCI image specification's chain id. */
  layers: z.optional(z.string()),
  /** SHA-256 of what its configuration gives to a step: variables, entry point, user, folder. */
  settings: z.optional(z.string()),
  /** The registry's, if it came from one. */
  digest: z.optional(z.string()),
  /** The SIF file that apptainer runs. */
  file: z.optional(z.string()),
  /** What that file was made from: the id of an image, or the name that a registry has it by. */
  madeFrom: z.optional(z.string()),
  /**
   * Its start script, which steps do not go through: what JupyterLab has by that script's hooks, such as the variables of
   * an activated conda environment, steps have not.
   */
  startScript: z.optional(z.string()),
});

/** GPUs that a container gets: none, all, so many, or those with these ids. */
export const gpuRequestSchema = z.union([z.literal("none"), z.literal("all"), z.number(), texts], {
  error: '"none", "all", a count or a list of ids',
});

/** What the choice of an engine and an image says about the steps' containers. */
const containerRequestSchema = z.object({
  /** Folder of the image that the project is installed from: what is imported there is the project as it is now. */
  projectAt: z.optional(z.string()),
  /** The image that the containers are made from. */
  image: plannedImageSchema,
  /** Program and arguments that the step's command is appended to; empty if the image has none. */
  entrypoint: texts,
  /** `uid:gid` in the container that makes files belong to the calling user. */
  user: z.string(),
  /** Podman without root: the user keeps the id. */
  keepId: z.boolean(),
  /** Docker gives containers ids of their own, and is told to leave it. */
  hostIds: z.optional(z.boolean()),
  /** HOME, where the image names none. */
  home: z.optional(z.string()),
  /** Names of the caller's variables that would change what apptainer does. */
  unset: z.optional(texts),
  /** It is a process of this machine in the image's files: it has all of its GPUs and its /dev/shm, and no /tmp. */
  isProcess: z.optional(z.literal(true)),
});

/** Limits of a container, in the words of `docker run`. */
export const limitsSchema = z.object({
  /** Of /dev/shm, e.g. "8g". */
  shmSize: z.optional(z.string()),
  /** E.g. "16g". */
  memory: z.optional(z.string()),
  /** Number of processors, e.g. "1.5". */
  cpus: z.optional(z.string()),
  /** Containers have no network. */
  network: z.optional(z.literal("none")),
});

const plannedContainerSchema = z.extend(
  z.omit(containerRequestSchema, { home: true, isProcess: true, projectAt: true }),
  {
    ...limitsSchema.shape,
    /** GPUs that the containers get. */
    gpus: gpuRequestSchema,
    /** What the containers see of this machine. */
    mounts: z.array(mountSchema),
    /** Folder for what a step of apptainer writes to /tmp and HOME; there only while it runs. */
    scratch: z.optional(z.string()),
  },
);

/** A folder bound to a need: made in this run, or by the newest run that has it with the same parameters. */
export const needSchema = z.object({
  /** Id of the run that made it. */
  run: z.string(),
  /** Absolute path of the folder. */
  directory: z.string(),
});

const plannedStepSchema = z.object({
  /** Name of the step. */
  name: z.string(),
  /** The step's own command; `python` is the environment's. */
  argv: texts,
  /** Appended to `argv` when the run is taken up again. */
  resume: z.optional(texts),
  /** Absolute working directory. */
  cwd: z.string(),
  /** Set in addition to the user's own environment. */
  env: textByName,
  /** The step's own folder, absolute. */
  out: z.string(),
  /** Files that must be in the step's own folder when it ends. */
  produces: texts,
  /** What it does, in a line for people. */
  description: z.optional(z.string()),
  /** Variables of `env` that are this step's own. */
  settings: z.optional(textByName),
  /** Names of variables that it gets from the caller; their values are nowhere. */
  secrets: z.optional(texts),
  /** Seconds after which it is ended. */
  timeout: z.optional(z.number()),
  /** It gets a terminal of 80 columns. */
  tty: z.optional(z.literal(true)),
  /** The run goes on without it if it fails. */
  optional: z.optional(z.literal(true)),
  /** GPUs that its container gets instead of the run's. */
  gpus: z.optional(gpuRequestSchema),
  /** What it took its authors. */
  expect: z.optional(
    z.object({
      /** So many seconds. */
      seconds: z.optional(z.number()),
      /** So many bytes of disk. */
      bytes: z.optional(z.number()),
      /** A machine in words. */
      on: z.optional(z.string()),
    }),
  ),
  /** What it writes into the project, relative to its root. */
  outputs: z.optional(texts),
  /** Files and folders that it reads, relative to the root; all tracked files without it. */
  inputs: z.optional(texts),
  /** Folders of other steps that this one reads. */
  needs: z.record(z.string(), needSchema),
  /** Names of the data that it reads. */
  data: z.optional(texts),
  /** What it downloads by itself: where it is afterwards, absolute, and what is expected of it. */
  downloads: z.optional(
    z.record(
      z.string(),
      z.object({
        /** Where the step keeps it. */
        path: z.string(),
        /** What it is known by. */
        sha256: z.optional(z.string()),
      }),
    ),
  ),
  /** Absolute folder for what it can derive again, where its command names it. */
  cache: z.optional(z.string()),
});

/** What a step ran in when the authors ran it. */
const conditionsSchema = z.object({
  /** The container image and what is known of its identity; its name is `none` without one. */
  image: z.optional(z.object({
    /** Name with its tag. */
    name: z.string(),
    /** The engine's own name for it. */
    id: z.optional(z.string()),
    /** Digest of its configuration. */
    config: z.optional(z.string()),
    /** Its layers, as a chain id. */
    layers: z.optional(z.string()),
    /** The registry's digest of it. */
    digest: z.optional(z.string()),
  })),
  /** Models of the GPUs; `none` on a CPU. */
  gpu: z.optional(z.string()),
  /** Version of the GPU driver; `none` on a CPU. */
  driver: z.optional(z.string()),
  /** Whether it computed on a CPU or on GPUs. */
  device: z.optional(z.enum(["cpu", "cuda"])),
});

/** plan.json. */
export const planSchema = z.object({
  /** Version of this shape. */
  schema: z.literal(1),
  /** The task that was asked for, e.g. "reproduce". */
  task: z.string(),
  /** Identifies the run: UTC time and a short random part. */
  run: z.string(),
  /** Absolute path of the run folder. */
  directory: z.string(),
  /** The experiment that the run is of. */
  experiment: z.object({
    /** Its name, and that of its folder of runs. */
    name: z.string(),
    /** One line for people. */
    title: z.optional(z.string()),
    /** Absolute path of the YAML file. */
    file: z.string(),
    /** Absolute path of the project. */
    root: z.string(),
    /** The YAML as it was when the run was planned; its claims judge the run. */
    text: z.string(),
    /** The same claims as plain JSON, for judges that read no YAML; absent in plans from before there was one. */
    claims: z.optional(z.array(plainClaimSchema)),
    /** What each step ran in when the authors ran it; empty where no tolerance depends on it. */
    authors: z.optional(z.record(z.string(), conditionsSchema)),
    /** What the authors' files say against themselves, e.g. a notebook's prose against its outputs. */
    notes: z.optional(texts),
  }),
  /** Where the steps run. */
  engine: engineSchema,
  /** What the steps run in; absent where that is this machine's own files. */
  container: z.optional(plannedContainerSchema),
  /** The Python environment. */
  environment: z.object({
    /** What it is made from. */
    requirements: z.optional(z.string()),
    /** Its Python. */
    python: z.string(),
    /** GPUs that were asked for, in words. */
    gpus: z.string(),
  }),
  /** Values of the parameters in this run. */
  parameters: parametersSchema,
  /** Parameters whose values are not the declared ones, and other changes to what the authors ran. */
  changed: texts,
  /** Nothing but the values of declared parameters was changed. */
  onlyParameters: z.boolean(),
  /** What the steps read that was fetched, by name; absent where they read none. */
  data: z.optional(z.record(z.string(), plannedDataSchema)),
  /** Notebooks that were named on the command line, absolute; they are not the experiment's. */
  notebooks: z.optional(texts),
  /** Files of the project as the steps see them: the repository's own, with other values of parameters. */
  files: z.optional(z.array(z.object({
    /** Relative to the root. */
    path: z.string(),
    /** The whole file. */
    text: z.string(),
  }))),
  /** What steps of earlier runs have written, and the steps of this one find in the project. */
  staged: z.optional(
    z.array(z.object({
      /** Name of the step. */
      step: z.string(),
      /** Id of the run that has it. */
      run: z.string(),
      /** Absolute path of its folder. */
      directory: z.string(),
      /** What it wrote into the project. */
      outputs: texts,
    })),
  ),
  /** The steps that run, in order. */
  steps: z.array(plannedStepSchema),
});

/** What exactly will run: plain JSON. */
export type Plan = z.infer<typeof planSchema>;

export type PlannedData = z.infer<typeof plannedDataSchema>;

export type Mount = z.infer<typeof mountSchema>;

export type PlannedImage = z.infer<typeof plannedImageSchema>;

/** What an engine's choice says of the containers; the plan adds mounts, limits and GPUs. */
export type ContainerRequest = z.infer<typeof containerRequestSchema>;

/** What all containers of a run have in common. */
export type PlannedContainer = z.infer<typeof plannedContainerSchema>;

/** One step of a plan: command, folders, variables, and what it reads and leaves. */
export type PlannedStep = z.infer<typeof plannedStepSchema>;

/** The folder of another step that a step reads. */
export type Need = z.infer<typeof needSchema>;
