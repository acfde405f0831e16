/** A metric in the SQLite file of MLflow or Trackio: `train/mlflow.db#val_accuracy[-1]`. */

import { seriesKind } from "./series_kind.ts";

export const TRACKER_DATABASE = seriesKind({
  name: "tracker database",
  example: "train/mlflow.db#val_accuracy[-1]",
  pathOf: (file) => /\.(?:db|sqlite3?)$/i.test(file) ? file : undefined,
  async read(files, path, metric) {
    const [file, { metricInDatabase }] = await Promise.all([
      files.realPath(path),
      import("../values/tracker_database.ts"),
    ]);
    return metricInDatabase(file, metric);
  },
});
