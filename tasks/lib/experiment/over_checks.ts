/** What is wrong with a claim over seeds, other than its shape. */

import type { RawClaim } from "./field_checks.ts";
import { fieldName, type Path, type YamlDocument } from "./yaml_document.ts";

export function checkOver(document: YamlDocument, path: Path, claim: RawClaim): void {
  const { over, statistic = "mean", value, tolerance } = claim;
  const field = (key: string) => fieldName([...path, key]);
  if (over === undefined) {
    if (claim.statistic !== undefined && !document.has([...path, "over"])) {
      document.add([...path, "statistic"], `${field("statistic")} must go with over: seeds`, "key");
    }
    return;
  }
  if (claim.published !== undefined && statistic !== "mean") {
    const what = typeof statistic === "string" ? statistic : "count";
    document.add(
      [...path, "published"],
      `${
        field("published")
      } must go with the mean over seeds: for a ${what} a range is claimed, e.g. value: { at_least: 8 }`,
      "key",
    );
  }
  if (value === undefined) return;
  const isMapping = typeof value === "object" && !Array.isArray(value);
  const isSpread = isMapping && value.mean !== undefined;
  const isRange = isMapping && !isSpread;
  if (typeof value !== "number" && !isMapping) {
    const expected =
      "a number, a range, or a mean over runs, e.g. { mean: 94.1, std: 0.2, n: 5 }, over seeds";
    document.add(
      [...path, "value"],
      `${field("value")} must be ${expected}, current value is ${document.show([...path, "value"])}`,
    );
  } else if (statistic !== "mean" && !isRange) {
    const what = typeof statistic === "string" ? statistic : "count";
    document.add(
      [...path, "value"],
      `${field("value")} must be a range for a ${what} over seeds, e.g. { at_least: 8 }, current value is ${
        document.show([...path, "value"])
      }`,
    );
  }
  if (isSpread && tolerance === undefined && !document.has([...path, "tolerance"])) {
    const example = 'tolerance: { absolute: 0.5, because: "…" }';
    document.add(
      [...path, "value"],
      `${
        field("tolerance")
      } is missing, it must say how far two means may be apart to be equivalent, e.g. ${example}`,
    );
  }
}
