/** Runs for the tests of reports: real ones of small experiments. */

import { experiment, Project } from "./project.ts";

/** What a test wants a run to have claimed and obtained. */
export interface Wanted {
  epochs?: number;
  /** Claims beside the one on the last epoch. */
  claims?: number;
  /** Further lines of train.py. */
  more?: string;
  title?: string;
}

/** A training that leaves curves, predictions and a picture, and an experiment that claims its last value. */
export function training({ epochs = 15, claims = 0, more = "", title }: Wanted = {}): Record<string, string> {
  const others = Array.from({ length: claims }, (_, index) => `
  - name: value number ${index}
    from: train/metrics.json#/value
    value: 1.5
    tolerance: { absolute: 0.1, because: "measured on three machines, number ${index}" }`).join("");
  const text = experiment(`claims:
  - name: validation accuracy
    from: train/metrics.json#/validation_accuracy/-1
    value: 90.00
    unit: "%"
    of: 360
    tolerance: { samples: 1, because: "seen on another processor" }${others}
`);
  return {
    "experiment.yaml": title === undefined ? text : `title: ${JSON.stringify(title)}\n${text}`,
    "train.py": `
import base64, json, math, sys
out = sys.argv[sys.argv.index("--out") + 1]
epochs = ${epochs}
rise = [round(90 * (1 - math.exp(-6 * (i + 1) / epochs)) * (1 + 0.01 * math.sin(i)), 2) for i in range(epochs)]
rise[-1] = 90.0
metrics = {
    "value": 1.58,
    "validation_accuracy": rise,
    "training_accuracy": [value - 1 for value in rise],
    "validation_loss": [3 / (i + 1) for i in range(epochs)],
}
predictions = [{"label": str(i % 3), "predicted": str(i % 3 if i else 2)} for i in range(60)]
json.dump(predictions, open(out + "/predictions.json", "w"))
png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
open(out + "/predictions.png", "wb").write(base64.b64decode(png))
${more}
json.dump(metrics, open(out + "/metrics.json", "w"))
`,
  };
}

/** Reproduces an experiment; its exit code is the caller's to judge. */
export async function reproduced(files: Record<string, string>) {
  const project = await Project.make(files);
  const ended = await project.task("reproduce");
  return { project, ended, page: `${await project.run()}/report.html` };
}
