/** The bytes of a file, by their hash: `train/model.safetensors#sha256`. */

import type { ClaimSource, SourceKind } from "./source.ts";

interface Sha256Source extends ClaimSource {
  kind: "sha256";
}

export const SHA256: SourceKind<Sha256Source> = {
  name: "sha256",
  examples: ["train/model.safetensors#sha256"],
  isText: false,
  isHash: true,

  parse({ step, file, place }) {
    return file !== undefined && place === "sha256"
      ? { kind: "sha256", step, path: `${step}/${file}` }
      : undefined;
  },

  format({ path }) {
    return `${path}#sha256`;
  },

  async read({ path }, files) {
    const hex = await files.sha256(path);
    return [{ value: hex, text: hex }];
  },

  check(_source, value) {
    const isHash = typeof value === "string" && /^[\da-f]{64}$/i.test(value);
    return isHash ? undefined : { field: "value", problem: "must be 64 hexadecimal digits in quotes" };
  },
};
