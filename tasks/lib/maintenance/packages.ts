/** The two packages of the tasks: what is in them, and how they are made. Both have the same `product/`. */

import { dirname, join, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { FOR_MAINTAINERS } from "../cli/program.ts";
import type { Terminal } from "../cli/terminal.ts";
import { findPython } from "../environment/python.ts";
import { run } from "../system/command.ts";
import { ROOT } from "../system/product.ts";
import { callerFolder } from "../system/project_root.ts";
import { verifierPage } from "./verifier_page.ts";

/** Folders of the repository that go in, as far as git tracks them. */
const FOLDERS = ["tasks/inside/", "tasks/lib/"];

/** Pages that findings lead to. */
const PAGES = ["docs/audit.md"];

/** A room for maintainers' tasks, */
const MAINTENANCE = "tasks/lib/maintenance/";

/** but for what users' tasks load. */
const OF_USERS = ["clean.ts", "lock_experiment.ts", "make_locks.ts"].map((file) => MAINTENANCE + file);

/** Imports that maintainers' tasks and tests alone need. */
const IMPORTS_LEFT_OUT = ["axe-core", "dax", "playwright-core", "hash-wasm", "pathe"];

interface DenoJson {
  version: string;
  tasks: Record<string, { description: string; command: string }>;
  permissions: unknown;
  imports: Record<string, string>;
  nodeModulesDir: string;
  unstable: string[];
}

/**
 * Makes both packages.
 *
 * @param to folder for the npm tarball and the wheel; `dist/` without it
 * @throws Failure(3) if npm or the wheel's builder fails
 */
export async function makePackages(
  to: string | undefined,
  terminal: Terminal,
): Promise<{ exitCode: 0; result: { npm: string; wheel: string } }> {
  const dist = to === undefined ? join(ROOT, "dist") : resolve(callerFolder(), to);
  await Deno.mkdir(dist, { recursive: true });
  const stage = await Deno.makeTempDir({ prefix: "packages-" });
  try {
    const [npm, pypi] = [join(stage, "npm"), join(stage, "pypi")];
    await stageProduct(join(npm, "product"));
    await copyTracked(["packages/npm/"], npm, "packages/npm/");
    await copyTracked(["packages/pypi/"], pypi, "packages/pypi/");
    await must(["cp", "-R", join(npm, "product"), join(pypi, "gpu_jupyter_tasks")]);
    for (const folder of [npm, pypi]) {
      await Deno.copyFile(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
      await Deno.copyFile(join(ROOT, "packages/README.md"), join(folder, "README.md"));
    }
    const result = { npm: await makeTarball(npm, dist), wheel: await makeWheel(pypi, dist) };
    for (const path of Object.values(result)) terminal.line(`Made ${path}`);
    return { exitCode: 0, result };
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

/** The tasks as they are, with a deno.json and a deno.lock of no more than they need. */
async function stageProduct(folder: string) {
  const all: DenoJson = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const tasks = Object.entries(all.tasks).filter(([, { description }]) =>
    !description.startsWith(FOR_MAINTAINERS)
  );
  const files = new Set(tasks.map(([, { command }]) => command.split(" ").at(-1)!));
  await copyTracked([...FOLDERS, ...files, ...PAGES], folder);
  const config = {
    version: all.version,
    ...(home() && { homepage: home() }),
    // A root of its own: Deno would else read the deno.json and package.json of the folders above, an adopter's.
    workspace: [],
    tasks: Object.fromEntries(tasks),
    permissions: all.permissions,
    imports: Object.fromEntries(
      Object.entries(all.imports).filter(([name]) => !IMPORTS_LEFT_OUT.includes(name)),
    ),
    nodeModulesDir: all.nodeModulesDir,
    unstable: all.unstable,
  };
  await Deno.writeTextFile(join(folder, "deno.json"), `${JSON.stringify(config, null, 2)}\n`);
  await Deno.copyFile(join(ROOT, "deno.lock"), join(folder, "deno.lock"));
  await Deno.writeTextFile(join(folder, "verify.html"), await verifierPage());
  await must([Deno.execPath(), "install", "--lockfile-only", "--config", join(folder, "deno.json")]);
}

/** @param prefix which their names have here and not there */
async function copyTracked(paths: string[], to: string, prefix = "") {
  const listed = await must(["git", "-C", ROOT, "ls-files", "-z", "--", ...paths]);
  const files = listed.split("\0").filter((file) =>
    file !== "" && (!file.startsWith(MAINTENANCE) || OF_USERS.includes(file))
  );
  for (const file of files) {
    const target = join(to, file.slice(prefix.length));
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.copyFile(join(ROOT, file), target);
  }
}

async function makeTarball(folder: string, dist: string): Promise<string> {
  const file = join(folder, "package.json");
  const { version } = JSON.parse(await Deno.readTextFile(join(folder, "product/deno.json")));
  const text = { ...JSON.parse(await Deno.readTextFile(file)), version, ...repository() };
  await Deno.writeTextFile(file, `${JSON.stringify(text, null, 2)}\n`);
  const made = await must(["npm", "pack", "--json", "--pack-destination", dist], folder);
  return join(dist, JSON.parse(made)[0].filename);
}

/** npm wants to be told where it is built for the package's provenance. */
function repository() {
  const address = home();
  return address !== undefined && { repository: { type: "git", url: `git+${address}.git` } };
}

/** Address of the repository that a workflow builds the packages in. */
function home(): string | undefined {
  const [server, name] = [Deno.env.get("GITHUB_SERVER_URL"), Deno.env.get("GITHUB_REPOSITORY")];
  return server && name ? `${server}/${name}` : undefined;
}

async function makeWheel(folder: string, dist: string): Promise<string> {
  const { path } = await findPython();
  const into = join(folder, "made");
  await must([path, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", into, "."], folder);
  const [{ name } = { name: "" }] = await Array.fromAsync(Deno.readDir(into));
  await Deno.copyFile(join(into, name), join(dist, name));
  return join(dist, name);
}

async function must(argv: string[], cwd?: string): Promise<string> {
  const { code, stdout, stderr } = await run(argv, { cwd, keep: "all" });
  if (code === 0) return stdout;
  throw new Failure(3, `Cannot make the packages: ${argv.slice(0, 3).join(" ")} ended with ${code}`, {
    problems: stderr.trim().split("\n").slice(-5).map((message) => ({ message })),
  });
}
