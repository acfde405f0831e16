import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { checkLock } from "../../tasks/lib/environment/lock_coverage.ts";
import {
  fileSizes,
  findLock,
  isCudaPackage,
  parseLock,
  pinnedNames,
  readLock,
  requirementLine,
} from "../../tasks/lib/environment/lock_file.ts";
import { packagesFor } from "../../tasks/lib/environment/markers.ts";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { compareVersions } from "../../tasks/lib/system/version.ts";

const ROOT = join(import.meta.dirname!, "..", "..");

Deno.test("parseLock() reads names, versions, markers, hashes and the sizes in the header", () => {
  const text = [
    "# An environment.",
    "# download: 1.5 GB (90 packages)",
    "# disk: 372 MB",
    "# python: 3.9 to 3.14",
    "Jupyter_Core==5.9.1 ; sys_platform == 'linux' \\",
    "    --hash=sha256:aa \\",
    "    --hash=sha256:bb",
    "    # for nbclient",
    "torch==2.13.0+cpu ; sys_platform == 'linux'  # no hash",
    "uvicorn[standard]==1.0",
    "",
  ].join("\n");
  const lock = parseLock(text, "a.lock");
  assert.equal(lock.downloadMB, 1500);
  assert.equal(lock.diskMB, 372);
  assert.deepEqual(lock.pythons, { oldest: "3.9", newest: "3.14" });
  assert.equal(parseLock("alpha==1.0\n", "a.lock").pythons, undefined);
  assert.deepEqual(lock.packages, [
    {
      name: "jupyter-core",
      version: "5.9.1",
      marker: "sys_platform == 'linux'",
      hashes: ["sha256:aa", "sha256:bb"],
    },
    { name: "torch", version: "2.13.0+cpu", marker: "sys_platform == 'linux'", hashes: [] },
    { name: "uvicorn", version: "1.0", marker: "", hashes: [] },
  ]);
});

Deno.test("parseLock() refuses a line that pins nothing, with its number", () => {
  assert.throws(() => parseLock("alpha==1.0\nbeta>=2\n", "a.lock"), (error: Failure) => {
    assert.equal(error.exitCode, 2);
    assert.match(error.message, /a\.lock: line 2 pins no package: "beta>=2"/);
    assert.equal(error.details.problems?.[0]?.line, 2);
    return true;
  });
});

Deno.test("packagesFor() evaluates markers as Python does", async (t) => {
  const cases: [marker: string, onBoth: [older: boolean, newer: boolean]][] = [
    ["", [true, true]],
    ["sys_platform == 'linux'", [true, true]],
    ['"linux" in sys_platform and os_name == "posix"', [true, true]],
    ["'lin' not in sys_platform", [false, false]],
    ["python_full_version < '3.12'", [true, false]],
    ["python_version >= '3.9'", [true, true]],
    ["platform_machine == 'x86_64' and sys_platform == 'linux'", [true, false]],
    ["platform_machine == 'aarch64' or sys_platform == 'darwin' and implementation_name == 'pypy'", [
      false,
      true,
    ]],
    ["extra == 'dev'", [false, false]],
  ];
  const packages = cases.map(([marker], index) => ({ name: `p${index}`, version: "1", marker, hashes: [] }));
  const { path, pip } = await findPython();
  if (pip === undefined) return console.log(`ignored: ${path} has no pip, which evaluates markers`);
  const older = await packagesFor(packages, { machine: "x86_64", python: "3.11.2" }, path);
  const newer = await packagesFor(packages, { machine: "aarch64", python: "3.14.0" }, path);
  for (const [index, [marker, expected]] of cases.entries()) {
    await t.step(marker || "none", () => {
      const name = `p${index}`;
      const holds = [older, newer].map((kept) => kept.some((entry) => entry.name === name));
      assert.deepEqual(holds, expected);
    });
  }
  await t.step("refuses what is none", async () => {
    const wrong = [{ name: "p", version: "1", marker: "sys_platfrom == 'linux'", hashes: [] }];
    await assert.rejects(packagesFor(wrong, { machine: "x86_64", python: "3.11.2" }, path), {
      exitCode: 2,
      message: /Cannot read the markers of the lock/,
    });
  });
});

Deno.test("requirementLine() is what pip and uv read", () => {
  const [entry] = parseLock("alpha==1.0 ; os_name == 'posix' \\\n --hash=sha256:aa\n", "a.lock").packages;
  assert.equal(requirementLine(entry!), "alpha==1.0 ; os_name == 'posix' --hash=sha256:aa");
});

Deno.test("pinnedNames() are those with one version", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "a==1.0\nb>=2\nc\nd==2.*\nE_e===1 ; os_name == 'posix'\n-r other.txt\n");
    assert.deepEqual([...await pinnedNames([file])], ["a", "e-e"]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("fileSizes() takes the file for the Python on this kind of machine", () => {
  const machine = Deno.build.os === "linux" ? `manylinux_2_27_${Deno.build.arch}` : "macosx_14_0_arm64";
  const pylock = `[[packages]]
name = "numpy"
sdist = { url = "https://wheels.example/numpy-2.4.6.tar.gz", size = 9000000, hashes = { sha256 = "s" } }
wheels = [
    { url = "https://wheels.example/numpy-2.4.6-cp312-cp312-${machine}.whl", size = 1000000, hashes = { sha256 = "a" } },
    { url = "https://wheels.example/numpy-2.4.6-cp311-cp311-manylinux_2_27_riscv64.whl", size = 2000000, hashes = { sha256 = "b" } },
    { url = "https://wheels.example/numpy-2.4.6-cp311-cp311-${machine}.whl", size = 3000000, hashes = { sha256 = "c" } },
]

[[packages]]
name = "six"
wheels = [{ url = "https://wheels.example/six-1.17.0-py2.py3-none-any.whl", size = 500000, hashes = { sha256 = "d" } }]

[[packages]]
name = "old"
sdist = { url = "https://wheels.example/old-1.0.tar.gz", size = 250000, hashes = { sha256 = "e" } }
`;
  assert.deepEqual([...fileSizes(pylock, "3.11.7")], [["numpy", 3], ["six", 0.5], ["old", 0.25]]);
  assert.equal(fileSizes(pylock, "3.12").get("numpy"), 1);
});

Deno.test("compareVersions() compares numbers, not letters", () => {
  assert.ok(compareVersions("3.9", "3.10") < 0);
  assert.ok(compareVersions("3.11.0", "3.11") === 0);
  assert.ok(compareVersions("24.2", "22.3") > 0);
});

Deno.test("the committed locks fit the requirements and pin all that each machine needs", async (t) => {
  const { path } = await findPython();
  const cpu = await readLock(join(ROOT, "requirements-cpu.lock"));
  const cuda = await readLock(join(ROOT, "requirements-cuda.lock"));
  for (const requirements of ["requirements.txt", "test/requirements.txt"]) {
    await t.step(requirements, async () => {
      const file = join(ROOT, requirements);
      for (const gpu of [false, true]) await checkLock(findLock(file, gpu)!, [file]);
    });
  }
  await t.step(
    "every Python that the locks are for gets each package once, one torch among them",
    async () => {
      assert.deepEqual([cpu.pythons, cuda.pythons], Array(2).fill({ oldest: "3.11", newest: "3.14" }));
      for (const version of ["3.11.0", "3.12.1", "3.13.0", "3.14.0"]) {
        for (const machine of ["x86_64", "aarch64"] as const) {
          const kept = await packagesFor(cpu.packages, { machine, python: version }, path);
          const names = kept.map(({ name }) => name);
          assert.equal(new Set(names).size, names.length);
          assert.ok(names.includes("torch"));
        }
      }
    },
  );
  await t.step("only torch for Linux has no hash", () => {
    const bare = [...cpu.packages, ...cuda.packages].filter(({ hashes }) => hashes.length === 0);
    assert.deepEqual(bare.map(({ name, marker }) => `${name} ; ${marker}`), [
      "torch ; sys_platform == 'linux'",
    ]);
  });
  await t.step("without a GPU nothing of CUDA is installed", () => {
    assert.deepEqual(cpu.packages.filter(({ name }) => isCudaPackage(name)), []);
  });
  await t.step("both say what they cost", () => {
    for (const { downloadMB = 0, diskMB = 0 } of [cpu, cuda]) {
      assert.ok(downloadMB > 100 && diskMB > downloadMB);
    }
  });
  await t.step("the test lock holds nothing that the main one has", async () => {
    const main = new Set(cpu.packages.map(({ name }) => name));
    const test = await readLock(join(ROOT, "test/requirements.lock"));
    assert.deepEqual(test.packages.filter(({ name }) => main.has(name)), []);
  });
});

Deno.test("findLock() takes CUDA's lock for a GPU on Linux, and the other where there is none", async () => {
  const folder = await Deno.makeTempDir();
  const requirements = join(folder, "requirements.txt");
  const cuda = Deno.build.os === "linux" ? "requirements-cuda.lock" : "requirements-cpu.lock";
  try {
    assert.equal(findLock(requirements, true), undefined);
    await Deno.writeTextFile(join(folder, "requirements-cpu.lock"), "");
    assert.equal(findLock(requirements, true), join(folder, "requirements-cpu.lock"));
    await Deno.writeTextFile(join(folder, "requirements-cuda.lock"), "");
    assert.equal(findLock(requirements, true), join(folder, cuda));
    assert.equal(findLock(requirements, false), join(folder, "requirements-cpu.lock"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
