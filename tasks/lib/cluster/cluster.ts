/** A cluster that runs are handed to: `hosts/NAME.yaml`, apart from any experiment. */

import { join, relative } from "node:path";
import * as z from "zod/mini";
import { Failure } from "../cli/failure.ts";
import { exists } from "../system/files.ts";
import { readRegularText } from "../system/regular_file.ts";
import { yaml } from "../values/yaml.ts";

const text = z.string({ error: "a text" }).check(
  z.refine((value) => !/[\n\r\0]/.test(value) && value.trim() !== "", { error: "one line of text" }),
);

/** A number or a text of which a pattern says what it may be. */
function like(pattern: RegExp, error: string) {
  return z.union([z.number(), z.string()], { error }).check(
    z.refine((value) => pattern.test(String(value)), { error }),
  );
}

const count = like(/^[1-9]\d*$/, "a whole number above 0");

/** A time limit as `sbatch --time` takes it. */
const time = like(
  /^([1-9]\d*|(\d+-)?\d+(:\d+){0,2})$/,
  'a time limit such as 30 (minutes), "4:00:00" or "2-00:00:00"',
);

/** What ssh takes for a destination; anything else would be an option, or a program, to somebody. */
const host = z.string({ error: "user@login" }).check(
  z.regex(/^(\w[\w.-]*@)?\w[\w.-]*$/, { error: "user@login, or a name of your ~/.ssh/config" }),
);

const absolute = text.check(
  z.refine((value) => value.startsWith("/") && !value.split("/").includes(".."), {
    error: "an absolute path on the cluster",
  }),
);

const gpus = like(
  /^([1-9]\d*|[A-Za-z][\w:.()-]*)$/,
  'a count, or what --gres of sbatch takes, e.g. "gpu:a100:1"',
);

/** Engines that a compute node can have; others want a service there. */
export const NODE_ENGINES = ["host", "apptainer", "podman"] as const;

export const clusterSchema = z.strictObject({
  /** The login node, as ssh takes it: user@login; without it, Slurm's commands are on this machine. */
  host: z.optional(host),
  /** With host: a folder on the cluster, absolute, that its nodes share; the project is copied there. */
  folder: z.optional(absolute),
  /** With host: the Python of the experiment's environment there, absolute; python3 without it. */
  python: z.optional(absolute),
  /** What schedules the jobs there. */
  scheduler: z._default(z.literal("slurm", { error: '"slurm", the only scheduler that is known' }), "slurm"),
  /** Partition that the jobs are queued in. */
  partition: z.optional(text),
  /** Account that is charged. */
  account: z.optional(text),
  /** Quality of service. */
  qos: z.optional(text),
  /** Features that a node must have. */
  constraint: z.optional(text),
  /** Time limit of each run. */
  time: z.optional(time),
  /** Seconds before the time limit at which training is asked to save; then the run is queued again. */
  signal: z.optional(count),
  /** GPUs of each run, on each of its nodes: a count, or what `--gres` takes, e.g. "gpu:a100:1". */
  gpus: z.optional(gpus),
  /** Nodes of each run: the steps that torchrun names run on all of them, others on the first. */
  nodes: z.optional(count),
  /** Steps that are started by srun and torchrun: a process for each GPU, one for each node without any. */
  torchrun: z._default(z.array(text), []),
  /** Processors of each run, on each of its nodes. */
  cpus: z.optional(count),
  /** Memory of each run, on each of its nodes, e.g. 16G. */
  memory: z.optional(text),
  /** So many runs of a sweep at a time. */
  throttle: z.optional(count),
  /** Loaded before the run. */
  modules: z._default(z.array(text), []),
  /** Shell lines before the run. */
  prologue: z._default(z.array(text), []),
  /** Further options of `sbatch`, e.g. --exclusive. */
  options: z._default(
    z.array(text.check(z.regex(/^-/, { error: "an option of sbatch, e.g. --exclusive" }))),
    [],
  ),
  /** Where the steps run on a node. */
  environment: z.optional(
    z.enum(NODE_ENGINES, { error: "host, apptainer or podman" }),
  ),
  /** The image, where the environment is a container. */
  image: z.optional(text),
}).check(z.superRefine(({ host, folder, python, environment, nodes, torchrun }, { issues }) => {
  const inContainer = environment !== undefined && environment !== "host";
  const wrong = (key: string, input: unknown, message: string) =>
    void issues.push({ code: "custom", input, path: [key], message });
  if (Number(nodes ?? 1) > 1 && torchrun.length === 0) {
    wrong("nodes", nodes, "1 where torchrun names no step that runs on all of them, e.g. torchrun: [train]");
  }
  if (torchrun.length > 0 && inContainer) {
    wrong("environment", environment, "host where steps are started by srun and torchrun");
  }
  if (host === undefined) {
    for (const [key, value] of Object.entries({ folder, python })) {
      if (value !== undefined) wrong(key, value, "left out, or be given with host: user@login");
    }
    return;
  }
  if (folder === undefined) {
    wrong(
      "folder",
      folder,
      "given with host, as an absolute path on the cluster, e.g. /scratch/user/experiments",
    );
  }
  if (inContainer) {
    wrong("environment", environment, "host where the cluster is behind a login node");
  }
}));

export type Cluster = z.infer<typeof clusterSchema> & {
  name: string;
  /** The file, relative to the project; absent where there is none and Slurm's own defaults hold. */
  file?: string;
};

/** Folder of the clusters' files in a project. */
export const HOSTS = "hosts";

/**
 * Reads the cluster of a name; `slurm` needs no file.
 *
 * @throws Failure(2) if there is none of this name, or with all that is wrong in its file
 */
export async function readCluster(root: string, name: string): Promise<Cluster> {
  if (!/^[\w.-]+$/.test(name)) {
    throw new Failure(2, `--on takes the name of a file in ${HOSTS}/, not "${name}"`);
  }
  const path = join(root, HOSTS, `${name}.yaml`);
  const file = relative(root, path);
  if (!await exists(path)) {
    if (name === "slurm") return { ...clusterSchema.parse({}), name };
    throw new Failure(2, `There is no cluster "${name}": ${file} is not there`, {
      remedy: `Write ${file}, e.g. "partition: gpu" and "time: 4:00:00"; --on slurm needs no file`,
    });
  }
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(await readRegularText(path), {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  const at = (offset = 0) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [broken] = document.errors;
  if (broken !== undefined) throw new Failure(2, `Cannot read ${at(broken.pos[0])}: ${broken.message}`);
  const { data, error } = clusterSchema.safeParse(document.toJS({ maxAliasCount: 0 }) ?? {});
  if (data !== undefined) return { ...data, name, file };
  throw new Failure(2, `${file} does not describe a cluster`, {
    problems: error.issues.map((issue) => {
      const keys = issue.code === "unrecognized_keys" ? issue.keys : [];
      const key = [...issue.path, ...keys.slice(0, 1)];
      const node = document.getIn(key, true) as { range?: [number, number, number] } | undefined;
      const message = keys.length > 0
        ? `there is no key ${keys.join(", ")}; there are ${Object.keys(clusterSchema.shape).join(", ")}`
        : `${key.join(".")} must be ${issue.message}`;
      return { message: `${message} (${at(node?.range?.[0])})` };
    }),
  });
}

/** How many GPUs each run gets there. */
export function gpuCount({ gpus }: Cluster): number {
  if (gpus === undefined) return 0;
  return typeof gpus === "number" ? gpus : Number(/:(\d+)(?:\(|$)/.exec(gpus)?.[1] ?? 1);
}
