/** All kinds of claim sources; the first that takes a written source decides. */

import { CSV } from "./csv.ts";
import { POINTER } from "./pointer.ts";
import { PRINTED } from "./printed.ts";
import { SHA256 } from "./sha256.ts";
import type { SourceKind } from "./source.ts";
import { TEXT } from "./text.ts";

export const SOURCE_KINDS: readonly SourceKind[] = [
  POINTER,
  CSV,
  SHA256,
  TEXT,
  PRINTED,
];
