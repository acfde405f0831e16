/** A metric in W&B's offline file: `train/wandb/**\/*.wandb#val/accuracy[-1]`. */

import { seriesKind } from "./series_kind.ts";

export const WANDB = seriesKind({
  name: "wandb",
  example: "train/**/*.wandb#val/accuracy[-1]",
  pathOf: (file) => /\.wandb$/.test(file) ? file : undefined,
  async read(files, path, metric) {
    const [bytes, { loggedInWandb }] = await Promise.all([files.bytes(path), import("../values/wandb.ts")]);
    return loggedInWandb(bytes, metric);
  },
});
