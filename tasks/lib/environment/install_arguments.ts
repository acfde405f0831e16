/** `install: [-e, .]`: what pip is given beside the requirements. */

import { join } from "node:path";

/** The arguments with the folders that they name absolute. `.[dev]` and `./lib` are folders; `alpha==1` is none. */
export function installArguments(root: string, install: readonly string[]): string[] {
  return install.map((argument) =>
    /^\.{1,2}(?:$|[/[])/.test(argument)
      ? argument.replace(/^[^[]*/, (path) => join(root, path).replace(/\/$/, ""))
      : argument
  );
}

/** The same as lines of a requirements file. */
export function installLines(root: string, install: readonly string[]): string[] {
  const lines: string[] = [];
  let editable = false;
  for (const argument of installArguments(root, install)) {
    if (argument === "-e" || argument === "--editable") editable = true;
    else {
      lines.push(`${editable ? "-e " : ""}${argument}`);
      editable = false;
    }
  }
  return lines;
}
