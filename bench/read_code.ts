/** Reads the code of a project as a run records it, and prints how long that took: `read_code.ts PROJECT`. */

import { join } from "node:path";
import { readCode } from "../tasks/lib/record/code.ts";

const [root] = Deno.args as [string];

const begin = performance.now();
const { files } = await readCode(root, join(root, "runs"));
const seconds = Math.round(performance.now() - begin) / 1000;
console.log(JSON.stringify({ seconds, files: Object.keys(files).length }));
