/** A failure of its own kind: `deno task reproduce` then offers what `deno task new` would write. */

import { Failure } from "../cli/failure.ts";

/** There is no experiment.yaml at all, and none was named. */
export class NoExperiment extends Failure {}
