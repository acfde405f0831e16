/** What is asked of the choice of an engine, and what it gives. */

import type { Reporter } from "../container/sif.ts";
import type { ContainerProgram } from "../experiment/engine_name.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { ContainerRequest, Plan } from "../plan/plan.ts";

export interface EngineRequest {
  /** `--engine`. */
  engine: string;
  /** `--image`. */
  image?: string;
  /** Builds or gets an image that is missing; without it that is an error. */
  obtain?: (missing: MissingImage) => Promise<void>;
  /** Hears of an image that is converted for apptainer; without it none is converted, e.g. because only a plan is wanted. */
  talk?: Reporter;
}

/** An image that an engine lacks: the experiment's own, which can be built, or one that was named. */
export interface MissingImage {
  program: ContainerProgram;
  image: string;
  experiment: Experiment;
  own: boolean;
}

export interface EngineChoice {
  engine: Plan["engine"];
  /** Absent for `host`. */
  container?: ContainerRequest;
  /** What the user should know of the choice. */
  note?: string;
}
