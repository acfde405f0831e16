/** A value in a YAML file by a pointer: `train/result.yaml#/test/accuracy`. */

import { pointerKind } from "./pointer_kind.ts";

export const YAML = pointerKind({
  name: "yaml",
  example: "train/result.yaml#/test/accuracy",
  isOne: (file) => /\.ya?ml$/i.test(file),
  toJson: async (text) => await (await import("../values/as_json.ts")).yamlAsJson(text),
});
