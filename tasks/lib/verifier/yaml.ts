/** The YAML library in a bundle: nothing is waited for, so that the bundle can be a plain script. */

import * as library from "yaml";
import type * as Yaml from "yaml";

export const yaml: typeof Yaml = library;
