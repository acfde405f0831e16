/** Making locks, with the real uv on a folder of tiny wheels. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readLock } from "../../tasks/lib/environment/lock_file.ts";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { findUv, PINNED_UV } from "../../tasks/lib/environment/uv.ts";
import { lock, parseBlocks, withoutCuda } from "../../tasks/lib/maintenance/make_locks.ts";
import { exists } from "../../tasks/lib/system/files.ts";

const FIXTURES = join(import.meta.dirname!, "..", "fixtures/environment");

const scratch = await Deno.makeTempDir({ prefix: "locks-" });

addEventListener("unload", () => Deno.removeSync(scratch, { recursive: true }));

const PINNED = `alpha==1.0 \\
    --hash=sha256:aa
    # via
    #   -r requirements.txt
    #   torch
nvidia-nccl-cu13==2.0 ; sys_platform == 'linux' \\
    --hash=sha256:bb
    # via torch
helper==1.0 \\
    --hash=sha256:cc
    # via nvidia-nccl-cu13
helpers-helper==1.0 \\
    --hash=sha256:dd
    # via helper
torch==2.13.0 \\
    --hash=sha256:ee
    # via -r requirements.txt
`;

Deno.test("parseBlocks() splits what uv writes, with what needs each package", () => {
  assert.deepEqual(parseBlocks(PINNED).slice(0, 2), [
    {
      name: "alpha",
      version: "1.0",
      marker: "",
      via: ["-r requirements.txt", "torch"],
      lines: ["alpha==1.0 \\", "    --hash=sha256:aa"],
    },
    {
      name: "nvidia-nccl-cu13",
      version: "2.0",
      marker: "sys_platform == 'linux'",
      via: ["torch"],
      lines: ["nvidia-nccl-cu13==2.0 ; sys_platform == 'linux' \\", "    --hash=sha256:bb"],
    },
  ]);
});

Deno.test("withoutCuda() leaves out CUDA's packages and what only they need", () => {
  assert.deepEqual(withoutCuda(parseBlocks(PINNED)).map(({ name }) => name), ["alpha", "torch"]);
});

Deno.test("lock() says that it needs uv where there is none", async () => {
  await withEnv({ UV: "/nothing/uv" }, () =>
    assert.rejects(lock({ root: scratch, announce: () => {} }), {
      exitCode: 3,
      message: /uv 0\.8 or newer is not on PATH/,
    }));
});

async function withEnv(env: Record<string, string>, body: () => Promise<unknown>) {
  const before = Object.keys(env).map((name) => [name, Deno.env.get(name)] as const);
  Object.entries(env).forEach(([name, value]) => Deno.env.set(name, value));
  try {
    await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

/** uv from PATH, else installed with pip for these tests; undefined if it can't be had. */
async function obtainUv(python: string): Promise<string | undefined> {
  const found = await findUv();
  if (found !== undefined) return found.path;
  const target = join(scratch, "uv");
  const args = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--retries=1",
    "--timeout=10",
    "--target",
    target,
    "--require-hashes",
    "-r",
    PINNED_UV,
  ];
  await new Deno.Command(python, { args, stdout: "null", stderr: "null" }).output();
  return await exists(join(target, "bin/uv")) ? join(target, "bin/uv") : undefined;
}

const python = (await findPython()).path;

const uv = await obtainUv(python);

if (uv === undefined) {
  console.log("ignored: the tests of lock() with the real uv, since it is not here and can't be installed");
}

/** A project whose packages are alpha, beta and a torch of a few bytes. */
async function project(name: string): Promise<{ root: string; env: Record<string, string> }> {
  const root = join(scratch, name);
  const wheels = join(root, "wheels");
  await Deno.mkdir(join(root, "test"), { recursive: true });
  await new Deno.Command(python, { args: [join(FIXTURES, "make_wheels.py"), wheels], stdout: "null" })
    .output();
  await Deno.rename(join(wheels, "torch-2.13.0+cpu-py3-none-any.whl"), join(root, "unused.whl"));
  await Deno.writeTextFile(join(root, "requirements.txt"), "alpha==1.0\n");
  await Deno.writeTextFile(join(root, "test/requirements.txt"), "alpha==1.0\nbeta\n");
  return {
    root,
    env: { UV: uv ?? "", UV_NO_INDEX: "1", UV_FIND_LINKS: wheels, UV_CACHE_DIR: join(root, "cache") },
  };
}

Deno.test({
  name: "lock() pins every package with its hash, and leaves an unchanged lock as it is",
  ignore: uv === undefined,
  fn: async () => {
    const { root, env } = await project("pinned");
    await withEnv(env, async () => {
      const said: string[] = [];
      const added = [{ requirements: "test/requirements.txt", about: ["For the tests."] }];
      const made = await lock({ root, added, announce: (line) => said.push(line) });
      assert.deepEqual(made, [
        { path: "requirements.lock", packages: 1, changed: true },
        { path: "test/requirements.lock", packages: 1, changed: true },
      ]);
      const { packages } = await readLock(join(root, "requirements.lock"));
      assert.deepEqual(packages.map(({ name, version }) => [name, version]), [["alpha", "1.0"]]);
      assert.match(packages[0]?.hashes[0] ?? "", /^sha256:[0-9a-f]{64}$/);
      const test = await readLock(join(root, "test/requirements.lock"));
      assert.deepEqual(test.packages.map(({ name }) => name), ["beta"]);
      assert.match(await Deno.readTextFile(test.path), /^# For the tests\.\n# For Linux on x86-64/);
      assert.match(said[0] ?? "", /Resolving requirements\.txt with uv/);

      const again = await lock({ root, added, announce: () => {} });
      assert.deepEqual(again.map(({ changed }) => changed), [false, false]);
      // The requirements of anybody's tests are theirs.
      assert.deepEqual((await lock({ root, announce: () => {} })).map(({ path }) => path), [
        "requirements.lock",
      ]);
    });
  },
});

Deno.test({
  name: "lock() names what can't be resolved",
  ignore: uv === undefined,
  fn: async () => {
    const { root, env } = await project("unresolvable");
    await Deno.writeTextFile(join(root, "requirements.txt"), "alpha==9.9\n");
    await withEnv(env, () =>
      assert.rejects(lock({ root, announce: () => {} }), {
        exitCode: 2,
        message: /Cannot lock requirements\.txt: [^]*alpha/,
      }));
  },
});

Deno.test({
  name: "lock() names the index that it can't reach",
  ignore: uv === undefined,
  fn: async () => {
    const { root, env } = await project("unreachable");
    const closed = {
      ...env,
      UV_NO_INDEX: "0",
      UV_FIND_LINKS: "",
      UV_DEFAULT_INDEX: "http://127.0.0.1:9/simple",
    };
    await withEnv(
      { ...closed, UV_HTTP_RETRIES: "0" },
      () =>
        assert.rejects(lock({ root, announce: () => {} }), {
          exitCode: 3,
          message: /wanted what requirements\.txt names from http:\/\/127\.0\.0\.1:9 and cannot reach it/,
        }),
    );
  },
});

Deno.test({
  name: "lock() locks any file with what belongs to it, and its header says what is in this lock",
  ignore: uv === undefined,
  fn: async () => {
    const { root, env } = await project("a folder of its own");
    const folder = join(root, "experiments/other");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(
      join(folder, "pyproject.toml"),
      `[project]\nname = "mine"\nversion = "1"\ndependencies = ["alpha"]\n` +
        `optional-dependencies = { more = ["beta"] }\n`,
    );
    await Deno.writeTextFile(join(folder, "requirements.txt"), "-e experiments/other\nalpha==1.0\n");
    const built = { ...env, UV_NO_INDEX: "0", UV_FIND_LINKS: env.UV_FIND_LINKS! };
    await withEnv(built, async () => {
      const of = (requirements: string, extras?: string[]) =>
        lock({ root, requirements: `experiments/other/${requirements}`, extras, announce: () => {} });
      assert.deepEqual(await of("pyproject.toml", ["more"]), [
        { path: "experiments/other/pyproject.lock", packages: 2, changed: true },
      ]);
      const text = await Deno.readTextFile(join(folder, "pyproject.lock"));
      assert.match(
        text,
        /^# What experiments\/other\/pyproject\.toml with the extra "more" comes to: every package/,
      );
      assert.doesNotMatch(text, /torch|CUDA/);
      assert.match(text, /^# python: 3\.11 to 3\.14$/m);
      assert.match(text, /^# with: \{"extras":\["more"\]\}$/m);

      // What experiment.yaml installs beside its requirements needs packages, too: a run from the lock asks for no more.
      await Deno.writeTextFile(join(folder, "least.txt"), "alpha==1.0\n");
      const install = ["-e", "./experiments/other[more]"];
      await lock({ root, requirements: "experiments/other/least.txt", install, announce: () => {} });
      const least = join(folder, "least.lock");
      assert.deepEqual((await readLock(least)).packages.map(({ name }) => name), ["alpha", "beta"]);
      assert.ok(!(await Deno.readTextFile(least)).includes(root), "no path of this machine");

      await of("requirements.txt");
      const other = await Deno.readTextFile(join(folder, "requirements.lock"));
      assert.match(other, /^# Not in it, and installed after it: "-e .*experiments\/other"\.$/m);
      assert.deepEqual((await readLock(join(folder, "requirements.lock"))).packages.map(({ name }) => name), [
        "alpha",
      ]);
    });
  },
});
