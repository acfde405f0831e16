import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import {
  chooseLock,
  findLock,
  packagesFor,
  parseLock,
  readLock,
} from "../../tasks/lib/environment/lock_file.ts";
import { markerHolds, targetFor } from "../../tasks/lib/environment/markers.ts";
import { compareVersions } from "../../tasks/lib/system/version.ts";

const ROOT = join(import.meta.dirname!, "..", "..");

const linux = targetFor("linux", "x86_64", "3.11.7");

const mac = targetFor("darwin", "aarch64", "3.13.0");

Deno.test("parseLock() reads names, versions, markers, hashes and the sizes in the header", () => {
  const text = [
    "# An environment.",
    "# download: 1.5 GB (90 packages)",
    "# disk: 372 MB",
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

Deno.test("markerHolds() evaluates markers as Python does", async (t) => {
  const cases: [marker: string, onLinux: boolean, onMac: boolean][] = [
    ["sys_platform == 'linux'", true, false],
    ['"linux" in sys_platform', true, false],
    ["'dar' not in sys_platform", true, false],
    ["python_full_version < '3.12'", true, false],
    ["python_version >= '3.9'", true, true],
    ["python_version != '3.11'", false, true],
    [
      "(platform_machine == 'aarch64' or platform_machine == 'x86_64') and sys_platform == 'linux'",
      true,
      false,
    ],
    ["platform_machine == 'arm64' or sys_platform == 'linux' and implementation_name == 'pypy'", false, true],
    ["sys_platform != 'android' and sys_platform != 'win32'", true, true],
    ["extra == 'dev'", false, false],
  ];
  for (const [marker, onLinux, onMac] of cases) {
    await t.step(marker, () => {
      assert.deepEqual([markerHolds(marker, linux), markerHolds(marker, mac)], [onLinux, onMac]);
    });
  }
  for (
    const marker of [
      "sys_platform",
      "sys_platfrom == 'linux'",
      "(os_name == 'posix'",
      "os_name == 'posix' os_name",
    ]
  ) {
    await t.step(`refuses ${marker}`, () => {
      assert.throws(() => markerHolds(marker, linux), { name: "Failure" });
    });
  }
});

Deno.test("compareVersions() compares numbers, not letters", () => {
  assert.ok(compareVersions("3.9", "3.10") < 0);
  assert.ok(compareVersions("3.11.0", "3.11") === 0);
  assert.ok(compareVersions("24.2", "22.3") > 0);
});

Deno.test("the committed locks fit the requirements and pin all that each machine needs", async (t) => {
  const machines = [
    linux,
    targetFor("linux", "aarch64", "3.12.1"),
    mac,
  ];
  const cpu = await readLock(join(ROOT, "requirements-cpu.lock"));
  const cuda = await readLock(join(ROOT, "requirements-cuda.lock"));
  for (const requirements of ["requirements.txt", "test/requirements.txt"]) {
    await t.step(requirements, async () => {
      assert.equal((await chooseLock(join(ROOT, requirements), false)).locked, true);
      assert.equal((await chooseLock(join(ROOT, requirements), true)).locked, true);
    });
  }
  await t.step("every machine gets each package once, one torch among them", () => {
    for (const machine of machines) {
      const names = packagesFor(cpu, machine).map(({ name }) => name);
      assert.equal(new Set(names).size, names.length);
      assert.ok(names.includes("torch"));
    }
  });
  await t.step("only torch for Linux has no hash", () => {
    const bare = [...cpu.packages, ...cuda.packages].filter(({ hashes }) => hashes.length === 0);
    assert.deepEqual(bare.map(({ name, marker }) => `${name} ; ${marker}`), [
      "torch ; sys_platform == 'linux'",
    ]);
  });
  await t.step("without a GPU nothing of CUDA is installed", () => {
    assert.deepEqual(cpu.packages.filter(({ name }) => /nvidia|cuda|triton/.test(name)), []);
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

Deno.test("chooseLock() names a requirements file that is not there", async () => {
  await assert.rejects(chooseLock("/nothing/requirements.txt", false), {
    exitCode: 2,
    message: /Cannot find \/nothing\/requirements\.txt/,
  });
});
