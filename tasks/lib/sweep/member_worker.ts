/** Reads what some members of a sweep left, on a processor of its own. */

/// <reference lib="deno.worker" />

import { readShare, type ToShare } from "./member_record.ts";

self.onmessage = async ({ data }: MessageEvent<ToShare>) => self.postMessage(await readShare(data));
