/** What is wrong with a sweep, other than its shape. */

import { didYouMean } from "../cli/suggest.ts";
import { entriesAt, soundFields } from "./field_checks.ts";
import { sweepSchema } from "./schema.ts";
import { fieldName, type Path, type YamlDocument } from "./yaml_document.ts";

export function checkSweep(document: YamlDocument): void {
  if (!document.has(["sweep"])) return;
  const { seeds, seed = "seed", grid = {}, list, steps = [] } = soundFields(
    document,
    sweepSchema,
    document.data.sweep,
  );
  const declared = ["parameters", "params"].flatMap((key) => entriesAt(document, key).map(([name]) => name));
  const known = entriesAt(document, "steps").map(([name]) => name);
  const requireDeclared = (path: Path, name: string, on: "key" | "value" = "key") => {
    if (declared.includes(name)) return;
    const hint = didYouMean(name, declared) || `, the parameters are ${declared.join(", ") || "none"}`;
    document.add(path, `"${name}" is not a parameter of the experiment${hint}`, on);
  };
  if (seeds !== undefined) {
    requireDeclared(document.has(["sweep", "seed"]) ? ["sweep", "seed"] : ["sweep", "seeds"], seed, "value");
  }
  if (Array.isArray(seeds)) {
    seeds.map((_, index) => document.text(["sweep", "seeds", index])).forEach(refuseTwice);
  }
  for (const name of Object.keys(grid)) {
    requireDeclared(["sweep", "grid", name], name);
    if (seeds !== undefined && name === seed) refuseSeed(["sweep", "grid", name]);
  }
  for (const [index, point] of (list ?? []).entries()) {
    for (const name of Object.keys(point)) {
      requireDeclared(["sweep", "list", index, name], name);
      if (seeds !== undefined && name === seed) refuseSeed(["sweep", "list", index, name]);
    }
  }
  if (list !== undefined && document.has(["sweep", "grid"])) {
    document.add(["sweep", "list"], "sweep must have grid or list, it has both", "key");
  }
  for (const [index, step] of steps.entries()) {
    if (known.includes(step)) continue;
    const hint = didYouMean(step, known) || `, the steps are ${known.join(", ")}`;
    document.add(["sweep", "steps", index], `"${step}" is not a step${hint}`);
  }

  function refuseTwice(text: string, index: number, all: string[]) {
    if (all.indexOf(text) === index) return;
    const path = ["sweep", "seeds", index];
    document.add(path, `${fieldName(path)} must stand once, ${text} is listed before`);
  }

  function refuseSeed(path: Path) {
    document.add(path, `${fieldName(path)} must be left out: seeds gives the values of ${seed}`, "key");
  }
}
