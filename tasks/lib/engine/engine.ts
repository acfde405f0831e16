/** What every engine is: one object, in a file of its name in `engines/`. */

import { join } from "node:path";
import type { Reporter } from "../container/sif.ts";
import type { EngineInfo, ImageInfo } from "../container/client.ts";
import type { ContainerProgram } from "../container/program.ts";
import type { EngineName } from "../experiment/engine_name.ts";
import type { ContainerLimits, Experiment } from "../experiment/experiment.ts";
import type { GpuRequest } from "../plan/gpus.ts";
import type { ContainerRequest, Plan, PlannedImage, PlannedStep } from "../plan/plan.ts";
import type { Host } from "../system/host.ts";
import { INSIDE } from "../system/product.ts";
import type { ProcessHandle, Supervised } from "../system/supervise.ts";

/** An engine: where steps and JupyterLab run. Members that may be absent are for what only some engines can do. */
export interface Engine {
  name: EngineName;
  /**
   * Makes sure that it can run the experiment.
   *
   * @param because why this engine, for the user
   * @throws Failure(2) for a request that it can't fulfil, Failure(3) for what this machine lacks.
   */
  choose(request: EngineRequest, because: string, experiment: Experiment, host: Host): Promise<EngineChoice>;
  /**
   * For the engine "auto": the choice where nothing has to be downloaded or made first. Absent for an engine that has
   * to be asked for; one that does not answer has none.
   */
  offer?(experiment: Experiment, host: Host): Promise<EngineChoice | undefined>;
  /**
   * Begins to ask what `choose` will want to know, which takes as long as making the rest of a plan.
   *
   * @param image `--image`
   * @param willRun a plan alone has no use for some of it
   */
  askEarly?(image: string | undefined, willRun: boolean): EarlyAnswers;
  /** How well it can run what `--image` names: "alone" if no other engine knows such a name. */
  takes?(image: string): "alone" | "well" | "not";
  /** The command line of a step. */
  command(plan: Plan, step: PlannedStep, resuming: boolean): string[];
  /** What is done beside that command line. */
  runtime(plan: Plan, step: PlannedStep): Promise<StepRuntime>;
  /**
   * Ends and removes what steps of the project have left whose runner was killed. Absent for an engine that leaves
   * nothing but processes.
   *
   * @param steps what `askEarly` has begun to ask
   * @returns the ids of the runs that they were of.
   */
  reap?(root: string, steps?: EarlyAnswers["steps"]): Promise<string[]>;
  /** How JupyterLab runs in it. */
  server: EngineServer;
  /** The program in whose containers a user can give files back as root; absent where there are none. */
  permissions?: ContainerProgram;
}

/** What a user asks of an engine. */
export interface EngineRequest {
  /** `--engine`. */
  engine: string;
  /** `--image`. */
  image?: string;
  /** What `askEarly` of the engine that is asked for has begun. */
  early?: EarlyAnswers;
  /** Folder of the runs of all experiments: what the newest of them used is used again. */
  runs?: string;
  /** Builds or gets an image that is missing; without it that is an error. */
  obtain?: (missing: MissingImage) => Promise<void>;
  /** Hears of an image that is converted for apptainer; without it none is converted, e.g. because only a plan is wanted. */
  reporter?: Reporter;
}

/** Of a container engine, and of the image that is named, if one is. A failure is the one who awaits it's to handle. */
export interface EarlyAnswers {
  engine: Promise<EngineInfo>;
  image?: Promise<ImageInfo | undefined>;
  /** Ids of the containers in which steps run or ran, of any project. */
  steps?: Promise<string[]>;
}

/** An image that an engine lacks: the experiment's own, which can be built, or one that was named. */
export interface MissingImage {
  program: ContainerProgram;
  image: string;
  experiment: Experiment;
  own: boolean;
}

/** An engine that can run the experiment, and what goes into the plan for it. */
export interface EngineChoice {
  engine: Plan["engine"];
  /** Absent where the steps run in this machine's own files. */
  container?: ContainerRequest;
  /** What the user should know of the choice. */
  note?: string;
  /** The image was made from other requirements than the project has now; the note says so. */
  isStale?: boolean;
  /** How it differs from what the run before used. */
  change?: string;
}

/** What goes with the command line of a step: before it, while it runs and after it. */
export interface StepRuntime {
  /** Added to this process's own for the command that is started here. */
  env: Record<string, string>;
  /** How it is reached, where that is not simply its process group. */
  reach?: (pid: number) => ProcessHandle;
  /** It has ended all processes of the step where the command ends well. */
  endsAll?: boolean;
  /** How it is started before its turn; absent where it can't be. */
  ahead?: StartAhead;
  prepare?(): Promise<void>;
  /**
   * Removes what the engine left. Called as soon as the step has ended, while its outputs are recorded.
   *
   * @param stderr its end, by the engine and the step
   * @param meanwhile takes the work that nothing waits for before the command ends
   * @returns what went wrong, if the engine explains it.
   * @throws Failure(3) if the step could not be started.
   */
  conclude?(
    ended: Supervised,
    stderr: string,
    meanwhile: (work: Promise<unknown>) => void,
  ): Promise<string | undefined>;
}

/** A step's process that waits on its standard input until it is let go. */
export interface StartAhead {
  /** The step's command line, made one that reads and that `AHEAD` of this process's environment reaches. */
  command(argv: string[]): string[];
  /** Ends what its process is not, where nobody has let it go. */
  discard?(): Promise<unknown>;
}

/** JupyterLab as a container of a program, or as a process of this machine. */
export type EngineServer = { kind: "container"; program: ContainerProgram } | ProcessServer;

/** JupyterLab as a process of this machine. */
export interface ProcessServer {
  kind: "process";
  /** The command that starts it, as it is started on this machine. */
  place(command: TerminalCommand, at: ServerPlace): TerminalCommand;
  /** The user's shell, or a command, beside it. */
  shell(command: string[], at: ServerPlace): TerminalCommand;
  prepare?(at: ServerPlace): Promise<void>;
}

/** A command for the user's terminal. */
export interface TerminalCommand {
  argv: string[];
  cwd?: string;
  /** Set in addition to the user's own environment. */
  env?: Record<string, string>;
}

/** Where a server that is a process of this machine runs. */
export interface ServerPlace {
  /** Absolute path of the project, which it serves. */
  root: string;
  tokenFile: string;
  /** Folders of the cache that the links to data in the project lead to. */
  data?: string[];
  python: string;
  /** Set in addition to the user's own environment. */
  env: Record<string, string>;
  /** The image whose files it sees instead of the machine's. */
  sif?: ServerSif;
}

/** The image that apptainer starts JupyterLab in, and what limits it there. */
export interface ServerSif {
  image: PlannedImage;
  /** Names of the caller's variables that would change what apptainer does. */
  unset: string[];
  /** Folder for what is written to /tmp and HOME. */
  scratch: string;
  gpus: GpuRequest;
  limits: Omit<ContainerLimits, "network">;
}

/** A step's own command under the recorder, which is the same in every environment. */
export function stepCommand(python: string, step: PlannedStep, resuming: boolean): string[] {
  return [
    ...[python, join(INSIDE, "run_step.py"), "--record", join(step.out, "step.json")],
    ...(step.tty ? ["--terminal"] : []),
    "--",
    ...step.argv,
    ...(resuming ? step.resume ?? [] : []),
  ];
}
