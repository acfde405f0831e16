/**
 * Overview: writes schemas/experiment.schema.json, which editors use to check experiment.yaml, from the schema in the code.
 * Arguments: none.
 * Example: deno task schema
 */

import { main } from "./lib/cli/main.ts";

await main({
  name: "schema",
  summary:
    "Writes schemas/experiment.schema.json, by which editors check experiment.yaml and complete its keys.",
  examples: [["deno task schema", "after a change to the schema in tasks/lib/experiment/schema.ts"]],
  options: {},
  async run(_, terminal) {
    const { jsonSchema } = await import("./lib/experiment/json_schema.ts");
    await Deno.writeTextFile(new URL("../schemas/experiment.schema.json", import.meta.url), jsonSchema());
    terminal.line("Wrote schemas/experiment.schema.json");
    return { exitCode: 0, result: { wrote: "schemas/experiment.schema.json" } };
  },
});
