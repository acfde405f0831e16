/**
 * The YAML library, loaded the quick way: Deno takes the package's CommonJS build, seventy files in
 * 45 ms; the same package also holds ES modules, which take 8 ms and ask for no environment variable.
 */

import type * as Yaml from "yaml";

export const yaml: typeof Yaml = await load();

async function load(): Promise<typeof Yaml> {
  try {
    // A plain "npm:" address, which is no base for another, as long as the package is not in the cache.
    return await import(new URL("browser/index.js", import.meta.resolve("yaml/package.json")).href);
  } catch {
    return await import("yaml");
  }
}
