/** What of an environment may explain another result, the likeliest first, and why. */

import { identityInWords } from "../experiment/image_identity.ts";
import type { Attempt, StepEvidence } from "../record/evidence.ts";
import type { Device, Framework, ProcessRecord, StepRecord } from "./step_record.ts";

/** Whether a difference explains other numbers: nearly always, sometimes, or hardly ever. */
export type Likelihood = "likely" | "possible" | "unlikely";

/** Values by name; undefined where nothing was recorded. */
export type Values = Record<string, unknown> | undefined;

export interface Aspect {
  name: string;
  likelihood: Likelihood;
  /** Why it may explain a difference, as one sentence without a period. */
  because: string;
  read(record: StepRecord): Values;
}

/** In the order in which to suspect them. */
export const ASPECTS: Aspect[] = [
  {
    name: "parameters",
    likelihood: "likely",
    because: "other parameters are another computation",
    read: ({ evidence }) => evidence.parameters,
  },
  {
    name: "command",
    likelihood: "likely",
    because: "other arguments are another computation",
    read: ({ step, names }) => ({ "": withoutNames(step.argv.join(" "), names) }),
  },
  {
    name: "data and declared inputs",
    likelihood: "likely",
    because: "other data or code of the step gives another result",
    read: ({ step }) => (step.inputs || step.data) && shortHashes({ ...step.inputs, ...hashesOf(step.data) }),
  },
  {
    name: "results of other runs",
    likelihood: "likely",
    because: "the step began with another step's result, which was another one",
    read: ({ step, evidence }) =>
      shortHashes(
        Object.fromEntries(
          Object.entries(step.needs).filter(([, { run }]) => run !== evidence.run)
            .map(([name, { sha256 }]) => [name, sha256]),
        ),
      ),
  },
  {
    name: "device",
    likelihood: "likely",
    because: "another model of device sums in another order, and kernels are chosen by it",
    read: ({ framework }) =>
      Array.isArray(framework?.devices) ? { "": showDevices(framework.devices) } : undefined,
  },
  {
    name: "framework",
    likelihood: "likely",
    because: "PyTorch and TensorFlow promise no equal results across versions",
    read: ({ framework }) => framework && { [framework.name]: framework.version },
  },
  {
    name: "CUDA and cuDNN",
    likelihood: "likely",
    because: "cuDNN and cuBLAS are bitwise the same per version and architecture only",
    read: ({ framework }) => pick(framework, ["cuda", "cudnn", "hip"]),
  },
  {
    name: "precision",
    likelihood: "likely",
    because: "TF32 keeps 10 of 23 bits of a product's factors, another type another number",
    read: ({ framework }) =>
      pick(framework, [
        "cudnn_allow_tf32",
        "matmul_allow_tf32",
        "allow_tf32",
        "cudnn_conv_fp32_precision",
        "cuda_matmul_fp32_precision",
        "float32_matmul_precision",
        "default_dtype",
      ]),
  },
  {
    name: "determinism",
    likelihood: "likely",
    because: "without deterministic algorithms sums depend on timing, and benchmarking chooses kernels by it",
    read: ({ framework }) =>
      pick(framework, [
        "deterministic_algorithms",
        "deterministic_warn_only",
        "cudnn_benchmark",
        "cudnn_deterministic",
        "cublas_workspace_config",
      ]),
  },
  {
    name: "processor",
    likelihood: "likely",
    because: "mathematical libraries take other kernels on it, which round differently",
    read: ({ attempt: { host } }) => ({ model: host.cpu, architecture: host.architecture }),
  },
  {
    name: "instruction sets",
    likelihood: "likely",
    because: "other instruction sets take other kernels, which round differently",
    read: ({ cpu, framework }) =>
      cpu?.instruction_sets && {
        ...Object.fromEntries(cpu.instruction_sets.map((name) => [name, "yes"])),
        ...pick(framework, ["cpu_capability", "mkldnn"]),
      },
  },
  {
    name: "threads",
    likelihood: "likely",
    because: "a sum that is split among other numbers of threads is rounded differently",
    read: ({ framework }) => pick(framework, ["threads", "interop_threads"]),
  },
  {
    name: "code",
    likelihood: "possible",
    because: "the steps may have run other code, unless the changed files are not theirs",
    read: ({ step, attempt }) => step.inputs ? undefined : sources(attempt, (path) => !APART.test(path)),
  },
  {
    name: "numerical packages",
    likelihood: "possible",
    because: "libraries change algorithms and rounding between versions",
    read: ({ process }) => packages(process, (name) => NUMERICAL.test(name)),
  },
  {
    name: "environment variables",
    likelihood: "possible",
    because: "these steer threads, devices, kernels and hashing",
    read: ({ attempt, step, names }) => ({
      ...variables(attempt, (name) => !LOCALE.test(name)),
      ...Object.fromEntries(
        Object.entries(step.settings ?? {}).map(([name, value]) => [name, withoutNames(value, names)]),
      ),
    }),
  },
  {
    name: "GPU driver",
    likelihood: "possible",
    because: "the driver compiles and schedules kernels, though it rarely changes results",
    read: ({ attempt: { host } }) => ({ "": [...new Set(host.gpus.map(({ driver }) => driver))].join(", ") }),
  },
  {
    name: "Python",
    likelihood: "possible",
    because: "the interpreter's own arithmetic is stable, its library is not in all",
    read: ({ process }) => process.python === undefined ? undefined : { "": process.python },
  },
  {
    name: "image and engine",
    likelihood: "unlikely",
    because: "the image matters by what is in it, which is compared above",
    read: ({ evidence: { engine }, attempt: { environment: { image } } }) => ({
      engine: engine.name,
      image: image && `${image.name}, ${shortened(identityInWords(image))}`,
    }),
  },
  {
    name: "other packages",
    likelihood: "unlikely",
    because: "these compute nothing in most experiments",
    read: ({ process }) => packages(process, (name) => !NUMERICAL.test(name)),
  },
  {
    name: "language and time zone",
    likelihood: "unlikely",
    because: "few programs sort, read or print numbers by them",
    read: ({ attempt }) => variables(attempt, (name) => LOCALE.test(name)),
  },
  {
    name: "operating system",
    likelihood: "unlikely",
    because: "the kernel computes nothing",
    read: ({ attempt: { host } }) => ({ system: host.os, kernel: host.kernel }),
  },
  {
    name: "files beside the code",
    likelihood: "unlikely",
    because: "hardly any step reads texts for people and settings of git and of services",
    read: ({ attempt }) => sources(attempt, (path) => APART.test(path)),
  },
];

/** Packages that compute; what else is installed is listed apart. */
const NUMERICAL =
  /^(?:numpy|scipy|pandas|polars|scikit-.*|torch.*|pytorch.*|tensorflow.*|tf-.*|keras.*|jax.*|flax|optax|triton.*|nvidia-.*|cuda-.*|cupy.*|numba|llvmlite|mkl.*|intel-.*|onednn.*|onnx.*|openblas.*|xgboost|lightgbm|catboost|transformers|tokenizers|timm|accelerate|datasets|opencv-.*|pillow.*|h5py|safetensors)$/;

/**
 * Files that a step hardly reads, in anybody's repository. `tasks/`, `test/`, `docs/`, `requirements.txt` and
 * `pyproject.toml` are not among them: they are the author's, and their programs may import and read them.
 */
const APART =
  /^\.(?:github|gitlab|devcontainer|vscode|idea)\/|^(?:experiments\/[^/]+\/)?published\/|(?:^|\/)(?:LICENSE[^/]*|experiment\.(?:yaml|lock)|\.git(?:ignore|attributes|modules)|\.(?:docker|prettier)ignore|\.editorconfig|[^/]+\.(?:md|cff))$/;

function pick(framework: Framework | undefined, names: string[]): Values {
  return framework && Object.fromEntries(names.map((name) => [name, framework[name]]));
}

function packages({ packages }: ProcessRecord, isShown: (name: string) => boolean): Values {
  return packages && Object.fromEntries(Object.entries(packages).filter(([name]) => isShown(name)));
}

const LOCALE = /^(?:LANG|TZ)$/;

function variables({ variables }: Attempt, isShown: (name: string) => boolean): Values {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => isShown(name)));
}

function sources({ code }: Attempt, isShown: (path: string) => boolean): Values {
  return shortHashes(Object.fromEntries(Object.entries(code.files).filter(([path]) => isShown(path))));
}

function hashesOf(data: StepEvidence["data"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([name, { sha256 }]) => [`data.${name}`, sha256]));
}

/** Twelve digits tell two hashes apart; the evidence holds them whole. */
function shortHashes(hashes: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(hashes).map(([name, hash]) => [name, hash.slice(0, 12)]));
}

function withoutNames(text: string, names: string[]): string {
  return names.reduce((left, name) => left.replaceAll(name, "<run>"), text);
}

function showDevices(devices: (string | Device)[]): string {
  const names = devices.map((device) => {
    if (typeof device === "string") return device;
    const { name, compute_capability: capability, sm_count: units } = device;
    return `${name} (compute capability ${capability ?? "unknown"}, ${units ?? "unknown"} multiprocessors)`;
  });
  return names.length === 0 ? "CPU" : names.join(", ");
}

/** Digests at a length that a table has place for. */
function shortened(text: string): string {
  return text.replace(/sha256:([0-9a-f]{12})[0-9a-f]*/g, "$1");
}
