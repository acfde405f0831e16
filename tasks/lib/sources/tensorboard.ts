/** A scalar in a TensorBoard event file: `train/tb/events.out.tfevents.*#val/accuracy[-1]`. */

import { seriesKind } from "./series_kind.ts";

export const TENSORBOARD = seriesKind({
  name: "tensorboard",
  example: "train/**/events.out.tfevents.*#val/accuracy[-1]",
  pathOf: (file) => /tfevents[^/]*$/.test(file) ? file : undefined,
  async read(files, path, metric) {
    const [bytes, { scalarsIn }] = await Promise.all([files.bytes(path), import("../values/tensorboard.ts")]);
    return scalarsIn(bytes, metric);
  },
});
