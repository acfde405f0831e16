/** A metric in MLflow's file store, wherever its run is in there: `train/mlruns#val_accuracy[-1]`. */

import { seriesKind } from "./series_kind.ts";

export const MLFLOW = seriesKind({
  name: "mlflow",
  example: "train/mlruns#val_accuracy[-1]",
  pathOf: (file, metric) => /(?:^|\/)mlruns$/.test(file) ? `${file}/**/metrics/${metric}` : undefined,
  async read(files, path) {
    const [text, { mlflowMetric }] = await Promise.all([files.text(path), import("../values/logged.ts")]);
    return mlflowMetric(text);
  },
});
