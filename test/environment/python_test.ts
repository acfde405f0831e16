import assert from "node:assert/strict";
import { join } from "node:path";
import type { Failure } from "../../tasks/lib/cli/failure.ts";
import { findPython, isNewer } from "../../tasks/lib/environment/python.ts";

/** What a lock says that it is for. */
const RANGE = { oldest: "3.11", newest: "3.14" };

/** A folder of programs that answer as a Python of a given version would, in place of PATH. */
class Programs implements AsyncDisposable {
  readonly #before = {
    PATH: Deno.env.get("PATH"),
    PYTHON: Deno.env.get("PYTHON"),
    UV: Deno.env.get("UV"),
    PYENV_ROOT: Deno.env.get("PYENV_ROOT"),
  };
  private constructor(readonly folder: string) {}

  static async make(pythons: Record<string, string>): Promise<Programs> {
    const programs = new Programs(await Deno.makeTempDir({ prefix: "pythons-" }));
    for (const [name, script] of Object.entries(pythons)) {
      await Deno.writeTextFile(programs.path(name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    Deno.env.set("PATH", programs.folder);
    Deno.env.set("UV", programs.path("uv"));
    Deno.env.set("PYENV_ROOT", programs.path("pyenv"));
    Deno.env.delete("PYTHON");
    return programs;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async [Symbol.asyncDispose]() {
    for (const [name, value] of Object.entries(this.#before)) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    await Deno.remove(this.folder, { recursive: true });
  }
}

const answers = (version: string, pip = "24.2", ensurepip = "yes") =>
  `printf '%s\\n' "$0" ${version} False ${pip} ${ensurepip} yes`;

const BROKEN_SHIM = "echo 'command not found' >&2; exit 127";

Deno.test("findPython() takes the first that serves", async (t) => {
  const cases: [name: string, pythons: Record<string, string>, expected: string][] = [
    [
      "python3 before newer names",
      { "python3": answers("3.11.7"), "python3.13": answers("3.13.0") },
      "python3",
    ],
    ["newest where python3 is too old", {
      "python3": answers("3.9.18"),
      "python3.11": answers("3.11.7"),
      "python3.13": answers("3.13.0"),
    }, "python3.13"],
    [
      "newest where python3 is too new",
      { "python3": answers("3.15.0"), "python3.12": answers("3.12.1") },
      "python3.12",
    ],
    [
      "past a shim with nothing behind it",
      { "python3": BROKEN_SHIM, "python3.12": answers("3.12.1") },
      "python3.12",
    ],
    ["past one that can't install", {
      "python3": answers("3.11.2", "no", "no"),
      "python3.11": answers("3.11.7"),
    }, "python3.11"],
    ["one that can't install, if there is no other", { "python3": answers("3.11.2", "no", "no") }, "python3"],
    ["python alone", { "python": answers("3.12.1") }, "python"],
    ["the newest that the lock is for", { "python3": answers("3.14.0") }, "python3"],
    ["one that is too new, if there is no other", { "python3": answers("3.15.0") }, "python3"],
  ];
  for (const [name, pythons, expected] of cases) {
    await t.step(name, async () => {
      await using programs = await Programs.make(pythons);
      assert.equal((await findPython({ range: RANGE })).path, programs.path(expected));
    });
  }
});

Deno.test("findPython() takes a virtual environment's interpreter, which may lack the environment's pip", async () => {
  await using programs = await Programs.make({
    "base": answers("3.11.2", "no"),
    "python3": `printf '%s\\n' "\${0%/*}/base" 3.11.2 True 24.2 yes yes`,
  });
  const base = { path: programs.path("base"), version: "3.11.2", ensurepip: true };
  assert.deepEqual(await findPython(), { ...base, environment: programs.path("python3") });
});

Deno.test("findPython() asks only the Python that PYTHON names", async () => {
  await using programs = await Programs.make({ "python3": answers("3.11.7"), "mine": answers("3.12.1") });
  Deno.env.set("PYTHON", programs.path("mine"));
  assert.deepEqual(await findPython(), {
    path: programs.path("mine"),
    version: "3.12.1",
    pip: "24.2",
    ensurepip: true,
  });
});

Deno.test("findPython() takes a version for its name in PYTHON", async () => {
  await using programs = await Programs.make({
    "python3": answers("3.11.7"),
    "python3.12": answers("3.12.1"),
  });
  Deno.env.set("PYTHON", "3.12");
  assert.equal((await findPython()).path, programs.path("python3.12"));
});

Deno.test("findPython() takes any that the recorder runs on where no lock says more", async () => {
  await using programs = await Programs.make({
    "python3": answers("3.7.16"),
    "python3.9": answers("3.9.18"),
  });
  assert.equal((await findPython()).path, programs.path("python3.9"));
});

Deno.test("findPython() takes a Python that uv has brought, and else offers to bring one", async (t) => {
  const uv = (found: string) =>
    `if [ "$1" = --version ]; then echo uv 0.13.9; elif [ "$2" = find ]; then ${found}; fi`;
  await t.step("brought", async () => {
    await using programs = await Programs.make({
      "python3": answers("3.9.18"),
      "uv": uv('echo "${0%/*}/cpython"'),
      "cpython": answers("3.14.0"),
    });
    assert.equal((await findPython({ range: RANGE })).path, programs.path("cpython"));
  });
  await t.step("not yet", async () => {
    await using _programs = await Programs.make({ "python3": answers("3.9.18"), "uv": uv("exit 1") });
    await assert.rejects(findPython({ range: RANGE }), (error: Failure) => {
      assert.match(error.details.remedy ?? "", /uv is here and can bring one: uv python install 3\.14;/);
      return true;
    });
  });
});

Deno.test("isNewer() is so from the next minor version on", () => {
  assert.equal(isNewer(RANGE, { version: "3.14.9" }), false);
  assert.equal(isNewer(RANGE, { version: "3.15.0" }), true);
  assert.equal(isNewer({ oldest: "3.8" }, { version: "3.15.0" }), false);
});

Deno.test("findPython() says that PYTHON is set where it names none that serves", async (t) => {
  const cases: [name: string, value: string, expected: string][] = [
    ["no such file", "/nothing/python3", "/nothing/python3 is not there"],
    ["no such program", "nothing", "nothing is not there"],
    ["broken", "shim", "shim does not start"],
    ["too old", "old", "old is 3.10.13"],
  ];
  await using _programs = await Programs.make({
    "python3": answers("3.11.7"),
    "shim": BROKEN_SHIM,
    "old": answers("3.10.13"),
  });
  for (const [name, value, expected] of cases) {
    await t.step(name, async () => {
      Deno.env.set("PYTHON", value);
      await assert.rejects(findPython({ range: RANGE }), (error: Failure) => {
        assert.equal(error.exitCode, 3);
        assert.equal(
          error.message,
          `Cannot use the Python that the variable PYTHON names: ${expected}, and Python 3.11 to 3.14 is needed`,
        );
        assert.match(error.details.remedy ?? "", /Unset PYTHON/);
        return true;
      });
    });
  }
});

Deno.test("findPython() lists what it found if none is in range", async () => {
  await using programs = await Programs.make({
    "python3": answers("3.9.18"),
    "python": answers("2.7.18", "no", "no"),
  });
  await assert.rejects(findPython({ range: RANGE }), (error: Failure) => {
    assert.equal(error.exitCode, 3);
    const found = `found only ${programs.path("python3")} is 3.9.18, ${programs.path("python")} is 2.7.18`;
    assert.equal(error.message, `Cannot find Python 3.11 to 3.14: ${found}`);
    assert.match(error.details.remedy ?? "", /PYTHON=/);
    return true;
  });
});

Deno.test("findPython() leads out of a virtual environment", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { path } = await findPython();
    const args = ["-m", "venv", "--without-pip", join(folder, "env")];
    assert.ok((await new Deno.Command(path, { args }).output()).success);
    const inside = await findPython({ candidates: [join(folder, "env/bin/python")] });
    assert.equal(await Deno.realPath(inside.path), await Deno.realPath(path));
    assert.doesNotMatch(inside.path, /env\/bin/);
    assert.equal(inside.environment, join(folder, "env/bin/python"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("findPython() finds a version that pyenv has, though it is not switched on", async () => {
  await using programs = await Programs.make({
    "python3": answers("3.13.0"),
    "python3.9": BROKEN_SHIM,
  });
  for (const version of ["3.9.7", "3.9.18"]) {
    const bin = programs.path(`pyenv/versions/${version}/bin`);
    await Deno.mkdir(bin, { recursive: true });
    await Deno.writeTextFile(join(bin, "python3.9"), `#!/bin/sh\n${answers(version)}\n`, { mode: 0o755 });
  }
  const { path, version } = await findPython({ range: { oldest: "3.8", newest: "3.9" } });
  assert.equal(version, "3.9.18");
  assert.equal(path, programs.path("pyenv/versions/3.9.18/bin/python3.9"));
});
