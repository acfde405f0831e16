/** All kinds of claim sources; the first that takes a written source decides. */

import { CSV } from "./csv.ts";
import { JSON_LINES } from "./json_lines.ts";
import { POINTER } from "./pointer.ts";
import { PRINTED } from "./printed.ts";
import { SHA256 } from "./sha256.ts";
import type { SourceKind } from "./source.ts";
import { TEXT } from "./text.ts";
import { TOML } from "./toml.ts";
import { YAML } from "./yaml.ts";

export const SOURCE_KINDS: readonly SourceKind[] = [
  POINTER,
  CSV,
  JSON_LINES,
  YAML,
  TOML,
  SHA256,
  TEXT,
  PRINTED,
];
