/** YAML values in one line. */

import { yaml } from "../values/yaml.ts";

/** A value as JSON that keeps the digits of its numbers: `[0.10, 1e-3]`. */
export function flowText(node: unknown): string {
  if (yaml.isMap(node)) {
    const entries = node.items.map(({ key, value }) => {
      const name = yaml.isScalar(key) ? String(key.value) : String(key);
      return `${JSON.stringify(name)}: ${flowText(value)}`;
    });
    return `{${entries.join(", ")}}`;
  }
  if (yaml.isSeq(node)) return `[${node.items.map(flowText).join(", ")}]`;
  if (!yaml.isScalar(node) || node.value === null) return "null";
  return typeof node.value === "string" ? JSON.stringify(node.value) : node.source ?? String(node.value);
}
