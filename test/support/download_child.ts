/** A process of its own that downloads: `deno run … download_child.ts TARGET WANTED`, the latter as JSON. */

import { Failure } from "../../tasks/lib/cli/failure.ts";
import { download } from "../../tasks/lib/data/download/download.ts";

const [target = "", wanted = ""] = Deno.args;

try {
  const done = await download(JSON.parse(wanted), target, {
    log: (line) => console.error(line),
    patience: { pauseMs: 10 },
  });
  console.log(JSON.stringify(done));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message, JSON.stringify(error.details));
  Deno.exit(error.exitCode);
}
