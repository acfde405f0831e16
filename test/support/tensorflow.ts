/** The environment with the real TensorFlow: made once, from the lock of `experiments/digits_tensorflow`. */

import { join } from "node:path";
import { ensureEnvironment } from "../../tasks/lib/environment/environment.ts";
import { ROOT } from "./project.ts";

let made: Promise<string | Error> | undefined;

/** Absolute path of its Python, or why it can't be had. */
export async function pythonWithTensorFlow(): Promise<string | Error> {
  made ??= ensureEnvironment({
    root: ROOT,
    requirements: join(ROOT, "experiments/digits_tensorflow/requirements.txt"),
    gpu: false,
    announce: () => {},
  }).then(({ python }) => python, (error: Error) => error);
  return await made;
}
