/**
 * verify.html: one page that checks a run without an installation. It holds the code by which `deno task verify` judges,
 * bundled for a browser.
 */

import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { ROOT } from "../system/product.ts";

const ROOM = join(ROOT, "tasks", "lib", "verifier");

/** Node's modules that the judging code imports, and what stands in for them in a browser. */
const INSTEAD = ["node:crypto", "node:vm"];

/** The program's modules that a browser has another of, in the verifier's room under the same name. */
const OWN = [
  "values/yaml.ts",
  "system/node.ts",
  "system/sha256_file.ts",
  "record/altered_files.ts",
];

/** Those that a page can't use, or has no use for. */
const NOT_HERE = [
  "system/command.ts",
  "experiment/published_values.ts",
  "values/tracker_database.ts",
];

function addressOf(path: string): string {
  return pathToFileURL(path).href;
}

/**
 * The page, whole.
 *
 * @throws Failure(3) if the bundler, which Deno fetches once, can't be had
 */
export async function verifierPage(): Promise<string> {
  await Deno.mkdir(join(ROOT, ".cache"), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: join(ROOT, ".cache"), prefix: "verifier-" });
  try {
    const config = join(folder, "deno.json");
    await Deno.writeTextFile(config, JSON.stringify({ imports: await importMap() }));
    const worker = await bundle("worker.ts", config, folder);
    const [page, template] = await Promise.all(
      ["page.js", "page.html"].map((name) => Deno.readTextFile(join(ROOM, name))),
    ) as [string, string];
    return template.replace(/^ +/gm, "") // as the bundler does with the rest
      .replace("/* worker */", () => withinScript(worker)).replace("/* page */", () => page);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A text or pattern in a script must not end it. */
function withinScript(source: string): string {
  return source.replaceAll("</", "<\\/").replaceAll("<!--", "<\\!--");
}

async function importMap(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const builtins = addressOf(join(ROOM, "node_builtins.ts"));
  return {
    ...imports,
    "zod/mini": `${imports.zod}/mini`,
    "node:path": imports.pathe,
    ...Object.fromEntries([
      ...OWN.map((path) => [path, basename(path)]),
      ...NOT_HERE.map((path) => [path, "not_here.ts"]),
    ].map(([path, own]) => [join(ROOT, "tasks", "lib", path!), join(ROOM, own!)].map(addressOf))),
    ...Object.fromEntries(INSTEAD.map((name) => [name, builtins])),
  };
}

async function bundle(name: string, config: string, folder: string): Promise<string> {
  const output = join(folder, name.replace(/\.ts$/, ".js"));
  const { code, stderr } = await run([
    ...[Deno.execPath(), "bundle", "--quiet", "--config", config, "--no-lock", "--platform", "browser"],
    ...["--minify", "--format", "iife", "--output", output, join(ROOM, name)],
  ], { env: { NO_COLOR: "1" } });
  if (code !== 0) {
    throw new Failure(3, `Cannot bundle the page that verifies runs: ${stderr.trim().split("\n").at(-1)}`, {
      remedy: "Deno fetches its bundler from npm the first time: connect to a network, and try again",
    });
  }
  const source = await Deno.readTextFile(output);
  const left = /\("(node:[a-z_/]+)"\)/.exec(source)?.[1];
  if (left !== undefined) throw new Error(`the page that verifies runs needs ${left}, which no browser has`);
  return source;
}
