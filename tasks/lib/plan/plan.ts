/** What exactly will run, as plain JSON: it can be printed, tested, stored beside the results, and compared. */

export type {
  ContainerRequest,
  Mount,
  Need,
  Plan,
  PlannedContainer,
  PlannedData,
  PlannedImage,
  PlannedStep,
} from "./plan_schema.ts";

/** Version of plan.json. */
export const PLAN_SCHEMA = 1;

/** What `deno task notebook` was asked for, as a plan is made from it. */
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
