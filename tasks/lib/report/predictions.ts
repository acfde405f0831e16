/** Predictions of a classifier as a step left them, and the confusion matrix of them. */

/** Of one sample: its class, and the one that was predicted. */
export interface Prediction {
  label: string;
  predicted: string;
}

export interface ConfusionMatrix {
  /** In the order of the rows and columns. */
  classes: string[];
  /** `counts[label][predicted]`, by position in `classes`. */
  counts: number[][];
  correct: number;
  total: number;
}

/** More classes than this are no picture any more. */
const MOST_CLASSES = 20;

/** Reads a JSON list of objects with `label` and `predicted`; undefined for any other file. */
export function predictionsInJson(text: string): Prediction[] | undefined {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || list.length === 0 || !list.every(isPrediction)) return undefined;
  return list.map(({ label, predicted }) => ({ label: String(label), predicted: String(predicted) }));
}

function isPrediction(item: unknown): item is Prediction {
  const isClass = (value: unknown) => typeof value === "string" || typeof value === "number";
  return typeof item === "object" && item !== null && "label" in item && "predicted" in item &&
    isClass(item.label) && isClass(item.predicted);
}

/** Counts labels against predictions; undefined for one class, or for more than can be shown. */
export function confusionMatrix(predictions: readonly Prediction[]): ConfusionMatrix | undefined {
  const names = new Set(predictions.flatMap(({ label, predicted }) => [label, predicted]));
  if (names.size < 2 || names.size > MOST_CLASSES) return undefined;
  const classes = [...names].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const counts = classes.map(() => classes.map(() => 0));
  const position = new Map(classes.map((name, index) => [name, index]));
  for (const { label, predicted } of predictions) {
    counts[position.get(label)!]![position.get(predicted)!]!++;
  }
  const correct = predictions.filter(({ label, predicted }) => label === predicted).length;
  return { classes, counts, correct, total: predictions.length };
}

/** How many of the predictions are as published; undefined if they are not about the same samples. */
export function samePredictions(
  predictions: readonly Prediction[],
  published: readonly Prediction[],
): number | undefined {
  const sameSamples = predictions.length === published.length &&
    predictions.every(({ label }, index) => label === published[index]!.label);
  if (!sameSamples) return undefined;
  return predictions.filter(({ predicted }, index) => predicted === published[index]!.predicted).length;
}
