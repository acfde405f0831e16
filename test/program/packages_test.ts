/** The packages as their users have them: made, installed, and run where only the run folder may be written. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { isOnPath } from "../../tasks/lib/system/on_path.ts";
import { copyOf, REPOSITORIES } from "../support/repositories.ts";
import { DataProject, digest, zipOf } from "../support/data_project.ts";
import { Installation, makePackages, type Packages, WAYS } from "../support/installations.ts";
import { ended, Project, ROOT } from "../support/project.ts";

const VERSION: string = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))).version;

const packages = await makePackages();
const missing = typeof packages === "string" ? packages : undefined;
if (missing !== undefined) console.log(`ignored: the packages, since they can't be made here: ${missing}`);

const listed = async (...argv: [string, ...string[]]) => {
  const [program, ...args] = argv;
  const { stdout } = await ended(
    new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).spawn(),
  );
  return stdout.trim().split("\n").filter((path) => !path.endsWith("/")).sort();
};

Deno.test(
  "both packages hold the listed files and nothing else",
  { ignore: missing !== undefined },
  async () => {
    const { npm, wheel } = packages as Packages;
    const product = (await listed("git", "-C", ROOT, "ls-files", "tasks")).filter((file) => {
      if (/^tasks\/lib\/maintenance\//.test(file)) {
        return /\/(clean|lock_experiment|make_locks)\.ts$/.test(file);
      }
      return !/^tasks\/(generate|gpu|machine|ok|package|test)\.ts$/.test(file);
    }).concat("deno.json", "deno.lock", "docs/audit.md", "verify.html").map((file) => `product/${file}`);
    assert.deepEqual(
      await listed("tar", "-tzf", npm),
      ["LICENSE", "README.md", "launch.sh", "package.json", ...product].map((file) => `package/${file}`)
        .sort(),
    );
    const python = 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))';
    const info = `gpu_jupyter_tasks-${VERSION}.dist-info`;
    assert.deepEqual(
      await listed("python3", "-c", python, wheel),
      [
        ...["__init__.py", ...product].map((file) => `gpu_jupyter_tasks/${file}`),
        ...["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"].map((file) =>
          `${info}/${file}`
        ),
      ].sort(),
    );
    for (const file of [npm, wheel]) assert.ok((await Deno.stat(file)).size < 1.5e6, file);
  },
);

/** An adopter's own files of the same names, of which the tasks must read none. */
const BESIDE = {
  "deno.json": '{ "workspace": ["./gone"], "tasks": { "reproduce": "exit 7" }, "lock": { "frozen": true } }',
  "package.json":
    '{ "name": "theirs", "type": "commonjs", "workspaces": ["gone"], "dependencies": { "zod": "3.0.0" } }',
  "tasks/reproduce.ts": "Deno.exit(7);\n",
  ".npmrc": "",
};

for (const way of Object.keys(WAYS) as (keyof typeof WAYS)[]) {
  Deno.test(
    `installed from ${way}: another user reproduces`,
    { ignore: missing !== undefined },
    async (t) => {
      await using installed = await Installation.make(WAYS[way](packages as Packages));

      for (const offline of Deno.uid() === 0 ? [false, true] : [false]) {
        for (const name of ["logs", "shell_pipeline"]) {
          await t.step(`the repository ${name}${offline ? ", without a network" : ""}`, async () => {
            const expected = JSON.parse(await Deno.readTextFile(join(REPOSITORIES, name, "expected.json")));
            await using repository = await copyOf(name);
            await using around = await Project.make(BESIDE);
            const folder = around.path("a paper");
            await Deno.rename(repository.root, folder);
            await Deno.mkdir(repository.root);
            await Deno.mkdir(join(folder, "below"));
            for (const [path, text] of Object.entries(BESIDE)) await around.write(`a paper/${path}`, text);
            await installed.give(around);
            const args = ["reproduce", "--engine", "host", "--json"];
            const { code, stdout, stderr } = await installed.run(
              join(folder, "below"),
              ["gpu-jupyter-tasks", ...args],
              { offline },
            );
            assert.equal(code, expected.exitCode, stdout + stderr);
            const { checks } = JSON.parse(stdout);
            const verdicts = checks.map(({ claim, verdict }: Record<string, string>) => [claim, verdict]);
            assert.deepEqual(Object.fromEntries(verdicts), expected.verdicts);
          });
        }
      }

      await t.step("data are fetched by a process of their own, hashed and unpacked by workers", async () => {
        const zip = await zipOf({ "a/1.txt": "one", "a/2.txt": "two" });
        await using data = await DataProject.make(
          { "points.zip": zip },
          (url) =>
            `name: test\ndata:\n  points: { urls: ["${url("points.zip")}"], sha256: "${
              digest("sha256", zip)
            }", unpack: zip, to: data/points }\nsteps:\n  train: { data: [points], run: [cat, data/points/a/2.txt] }\n`,
        );
        await installed.give(data.project);
        const { code, stdout, stderr } = await installed.run(data.project.root, [
          "gjt",
          "step",
          "train",
          "--yes",
          "--engine",
          "host",
        ]);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /two/);
        const verified = await installed.run(data.project.root, ["gjt", "data", "verify"]);
        assert.equal(verified.code, 0, verified.stdout + verified.stderr);
      });

      await t.step("messages name the command as it was typed", async () => {
        await using folder = await Project.make({});
        const help = await installed.run(folder.root, ["gjt"]);
        assert.equal(help.code, 0, help.stderr);
        assert.match(help.stdout, /^ {2}gjt reproduce +Run the whole experiment/);
        assert.doesNotMatch(help.stdout, /maintainers|deno task/);
        assert.equal((await installed.run(folder.root, ["gjt", "--help"])).stdout, help.stdout);
        assert.equal((await installed.run(folder.root, ["gjt", "--version"])).stdout, `${VERSION}\n`);
        const wrong = await installed.run(folder.root, ["gpu-jupyter-tasks", "reproduc"]);
        assert.equal(wrong.code, 2);
        assert.match(wrong.stderr, /There is no task "reproduc", did you mean "reproduce"\?/);
        assert.match(wrong.stderr, /what to do: gpu-jupyter-tasks help lists the tasks/);
      });

      await t.step("each task has the permissions that it declares", async () => {
        const [own, theirs] = await Promise.all(
          [ROOT, await installed.product()].map(async (root) =>
            JSON.parse(await Deno.readTextFile(join(root, "deno.json")))
          ),
        );
        assert.deepEqual(theirs.permissions, own.permissions);
        assert.ok(Object.keys(theirs.tasks).length > 20);
        for (const [name, task] of Object.entries(theirs.tasks)) {
          assert.deepEqual(task, own.tasks[name], name);
        }
      });
    },
  );
}

Deno.test("installed globally by npm without its scripts, it finds its Deno", {
  ignore: missing !== undefined,
}, async () => {
  const install = ["npm", "install", "--silent", "--global", "--ignore-scripts", "--prefix", "."];
  await using installed = await Installation.make([[...install, (packages as Packages).npm]]);
  await using folder = await Project.make({});
  const { code, stdout, stderr } = await installed.run(folder.root, ["gjt", "help", "verify"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ {2}gjt verify /);
});

/** Where nothing is installed; the short name would be another package's there. */
const AT_ONCE: Record<string, (packages: Packages) => string[]> = {
  npx: ({ npm }) => ["npx", "--yes", "--package", npm, "gjt"],
  uvx: ({ wheel }) => ["uv", "tool", "run", "--from", wheel, "gjt"],
};

for (const [program, argv] of Object.entries(AT_ONCE)) {
  const ignore = missing !== undefined || !isOnPath(argv({ npm: "", wheel: "" })[0]!);
  Deno.test(`called by ${program}, messages say so`, { ignore }, async () => {
    await using folder = await Project.make({});
    const [command, ...args] = argv(packages as Packages);
    // As in a shell: npm has set what it calls the command before where these tests were started by npx.
    const env = { NO_COLOR: "1", UV_CACHE_DIR: folder.path("uv"), npm_config_cache: folder.path("npm") };
    const { code, stdout, stderr } = await ended(
      new Deno.Command(command!, {
        args: [...args, "help", "verify"],
        cwd: folder.root,
        env,
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^ {2}${program} gpu-jupyter-tasks verify `));
  });
}
