/** YAML of others, read with care: what is broken is named, and nothing of it is built without limit. */

import { yaml } from "../values/yaml.ts";
import type { Repository } from "./repository.ts";

// deno-lint-ignore no-explicit-any -- what others wrote has any shape
export type Loose = any;

export interface YamlFile {
  data: Loose;
  /** Line of the key that the path leads to, 1-based; 1 where it is not there. */
  line(path: (string | number)[]): number;
}

/** @throws what is wrong with it, as it goes on after the file's name */
export function readYaml(repository: Repository, path: string): YamlFile | undefined {
  const text = repository.text(path);
  if (text === undefined) return undefined;
  const counter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: counter, prettyErrors: false });
  if (document.errors.length > 0) throw new Error(`is no YAML: ${document.errors[0]!.message}`);
  return {
    data: document.toJS({ maxAliasCount: 100 }),
    line(path) {
      const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
      const pair = yaml.isMap(parent)
        ? parent.items.find(({ key }) => String((key as { value?: unknown })?.value) === String(path.at(-1)))
        : undefined;
      const offset = (pair?.key as { range?: [number, number, number] } | undefined)?.range?.[0];
      return offset === undefined ? 1 : counter.linePos(offset).line;
    },
  };
}

/** A mapping, or an empty one. */
export function mapping(value: Loose): Record<string, Loose> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** Texts of a list or of one text; of a mapping in it, its first key, as DVC writes `- model.pt: {cache: false}`. */
export function texts(value: Loose): string[] {
  return [value ?? []].flat().flatMap((one: Loose) =>
    typeof one === "string"
      ? [one]
      : typeof one === "object" && one !== null
      ? Object.keys(one).slice(0, 1)
      : []
  );
}
