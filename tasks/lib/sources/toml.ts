/** A value in a TOML file by a pointer: `train/result.toml#/test/accuracy`. */

import { pointerKind } from "./pointer_kind.ts";

export const TOML = pointerKind({
  name: "toml",
  example: "train/result.toml#/test/accuracy",
  isOne: (file) => /\.toml$/i.test(file),
  toJson: async (text) => await (await import("../values/as_json.ts")).tomlAsJson(text),
});
