/**
 * What it costs to find one number with its source text in a JSON file: values/json.ts beside `JSON.parse` with a
 * reviver that keeps `context.source`. Each way runs in a process of its own, in turn.
 *
 *     deno run -A bench/source_text.ts 1 100
 */

import { findInJson } from "../tasks/lib/values/json.ts";

const WAYS: Record<string, (text: string) => void> = {
  "values/json.ts": (text) => void findInJson(text, ["accuracy", "-1"]),
  "JSON.parse, context.source": (text) => {
    // Python writes NaN, which JSON.parse refuses.
    const clean = text.replace(
      /"(?:[^"\\]|\\.)*"|NaN|-?Infinity/g,
      (part) => part[0] === '"' ? part : "null",
    );
    const keep = (_key: string, value: unknown, context: { source: string }) =>
      typeof value === "number" && String(value) !== context.source ? { value, text: context.source } : value;
    JSON.parse(clean, keep as (key: string, value: unknown) => unknown);
  },
};

function metrics(megabytes: number): string {
  const rows: string[] = [];
  for (let size = 0; size < megabytes * 1e6; size += rows.at(-1)!.length + 2) {
    rows.push(
      `{"epoch": ${rows.length}, "accuracy": ${(Math.random() * 100).toFixed(2)}, "t": [1.50, 2, 3]}`,
    );
  }
  return `{"loss": NaN, "history": [${rows.join(", ")}], "accuracy": [98.50, 99.40]}`;
}

const [way, size] = Deno.args;
if (way !== undefined && way in WAYS) {
  const text = metrics(Number(size));
  const before = Deno.memoryUsage().rss;
  const begin = performance.now();
  WAYS[way]!(text);
  const [ms, memory] = [performance.now() - begin, (Deno.memoryUsage().rss - before) / 1e6];
  console.log(`${size} MB  ${way.padEnd(28)} ${ms.toFixed(0)} ms  ${memory.toFixed(0)} MB`);
} else {
  for (const megabytes of Deno.args) {
    for (const name of Object.keys(WAYS)) {
      await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--v8-flags=--max-old-space-size=8000",
          import.meta.filename!,
          name,
          megabytes,
        ],
      }).spawn().status;
    }
  }
}
