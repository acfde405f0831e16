/** Parameters in the configuration that a script gives to Hydra. */

import { dirname, join, normalize } from "node:path/posix";
import type { Kind } from "../kind.ts";
import { type Loose, readYaml } from "../yaml_file.ts";

/** More is a configuration that nobody changes by hand. */
const MOST = 20;

export const HYDRA: Kind = {
  name: "Hydra",
  async look(repository, draft) {
    for (const [path, { hydra }] of await repository.python()) {
      if (hydra?.name == null) continue;
      const folder = normalize(join(dirname(path), hydra.path ?? "."));
      const file = [`${folder}/${hydra.name}.yaml`, `${folder}/${hydra.name}`].map((one) => normalize(one))
        .find((one) => repository.has(one) && /\.ya?ml$/.test(one));
      const config = file && readYaml(repository, file);
      if (!file || !config) continue;
      for (const key of scalars(config.data).slice(0, MOST)) {
        const place = `${file}#${key}`;
        if (draft.params.some(({ value }) => value.place === place)) continue;
        draft.params.push({
          value: { name: key, place },
          found: `${file}:${config.line(key.split("."))}`,
          certainty: "read",
        });
      }
    }
  },
};

/** Keys of numbers and words, not of Hydra's own settings or of what is put together from others. */
function scalars(value: Loose, key = ""): string[] {
  if (typeof value === "number" || typeof value === "boolean") return [key];
  if (typeof value === "string") return value.includes("${") ? [] : [key];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, one]) =>
    key === "" && /^(?:defaults|hydra)$/.test(name) ? [] : scalars(one, key === "" ? name : `${key}.${name}`)
  );
}
