/**
 * Overview: writes experiment.schema.json, which editors use to check experiment.yaml, from the schema in the code.
 * Example: deno task schema
 */

import { jsonSchema } from "./lib/experiment_json_schema.ts";

await Deno.writeTextFile(new URL("../experiment.schema.json", import.meta.url), jsonSchema());
