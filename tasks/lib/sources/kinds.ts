/** All kinds of claim sources; the first that takes a written source decides, and messages show the first five. */

import { CELLS } from "./cells.ts";
import { CSV } from "./csv.ts";
import { IMAGE } from "./image.ts";
import { JSON_LINES } from "./json_lines.ts";
import { MLFLOW } from "./mlflow.ts";
import { POINTER } from "./pointer.ts";
import { PRINTED } from "./printed.ts";
import { SHA256 } from "./sha256.ts";
import type { SourceKind } from "./source.ts";
import { TABLE } from "./table.ts";
import { TENSORBOARD } from "./tensorboard.ts";
import { TEXT } from "./text.ts";
import { TOML } from "./toml.ts";
import { TRACKER_DATABASE } from "./tracker_database.ts";
import { WANDB } from "./wandb.ts";
import { YAML } from "./yaml.ts";

export const SOURCE_KINDS: readonly SourceKind[] = [
  POINTER,
  CSV,
  SHA256,
  TEXT,
  PRINTED,
  IMAGE,
  JSON_LINES,
  YAML,
  TOML,
  TABLE,
  TENSORBOARD,
  MLFLOW,
  TRACKER_DATABASE,
  WANDB,
  CELLS,
];
