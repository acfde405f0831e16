/**
 * Reads the record of a sweep and writes it again, as a sweep does once a second while its members come and go; for
 * `bench/sweep.py`.
 *
 *     deno run --allow-read --allow-write bench/sweep_record.ts FOLDER
 */

import { readSweep, writeSweep } from "../tasks/lib/record/sweep_record.ts";

const [directory] = Deno.args;
await writeSweep(directory!, await readSweep(directory!));
