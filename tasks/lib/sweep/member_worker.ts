/** Reads what some members of a sweep left, on a processor of its own. */

/// <reference lib="deno.worker" />

import { readHere, type ToRead } from "./member_record.ts";

self.onmessage = async ({ data }: MessageEvent<ToRead>) => self.postMessage(await readHere(data));
