/**
 * Overview: writes codemeta.json, by which catalogues find research software, from CITATION.cff.
 * Arguments: none.
 * Example: deno task codemeta
 */

import { main } from "./lib/cli/main.ts";

await main({
  name: "codemeta",
  summary: "Writes codemeta.json, by which catalogues find research software, from CITATION.cff.",
  examples: [["deno task codemeta", "after a change to CITATION.cff"]],
  options: {},
  async run(_, terminal) {
    const { codemetaText } = await import("./lib/crate/codemeta.ts");
    await Deno.writeTextFile(new URL("../codemeta.json", import.meta.url), await codemetaText());
    terminal.line("Wrote codemeta.json");
    return { exitCode: 0, result: { wrote: "codemeta.json" } };
  },
});
