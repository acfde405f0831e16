import assert from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { type Answer, ask } from "../../tasks/lib/doctor/ask.ts";
import { type Card, readCards } from "../../tasks/lib/doctor/cards.ts";
import type { Group } from "../../tasks/lib/doctor/findings.ts";
import { GPU_IMAGES, knownImage, misfit } from "../../tasks/lib/doctor/gpu_images.ts";
import { gpuRemedy } from "../../tasks/lib/doctor/gpu.ts";
import { diagnose, type Probes, readGpu } from "../../tasks/lib/doctor/diagnose.ts";
import { readCgroup, readDisk, readImageNames, readUserNamespaces } from "../../tasks/lib/doctor/machine.ts";
import type { Machine } from "../../tasks/lib/doctor/machine.ts";
import { render } from "../../tasks/lib/doctor/findings.ts";
import { readCdi, readToolkit } from "../../tasks/lib/doctor/toolkit.ts";
import { DEFAULT_DEMANDS, type Demands, sizeInBytes } from "../../tasks/lib/doctor/demands.ts";
import { ROOT } from "../support/project.ts";

const FIXTURES = join(ROOT, "test/fixtures/doctor");

/** The name of a file with what was printed, or what else a program did. */
type Told = string | { code: number; stdout?: string; stderr?: string };

interface Case {
  /** By question; a program that is not named is missing, but for git. */
  answers: Partial<Record<keyof Probes["answers"], Told>>;
  cdi?: string;
  rancher?: boolean;
  python?: "none" | "bare";
  machine?: { [Name in keyof Machine]?: Machine[Name] | null };
  demands: Partial<Demands>;
}

const PLAIN_MACHINE: Machine = {
  os: "linux",
  kernel: "6.8.0-64-generic",
  root: false,
  cgroup: 2,
  userNamespaces: { most: 127_000 },
  shm: { path: "/dev/shm", total: 32 * 1024 ** 3, free: 32 * 1024 ** 3 },
  project: { path: "/home/ana/paper", total: 1e12, free: 5e11 },
  images: { path: "/var/lib/docker", total: 1e12, free: 5e11 },
  imageNames: [],
  portIsFree: true,
};

const PYTHON = { path: "/usr/bin/python3.12", version: "3.12.3", pip: "24.0", ensurepip: true };

const PYTHONS: Record<string, Probes["programs"]["python"]> = {
  none: new Failure(3, "Cannot find Python 3.11 to 3.14: found only /usr/bin/python3 is 3.9.2", {
    remedy: "Install one, or name it: PYTHON=/path/to/python3.14",
  }),
  bare: { path: PYTHON.path, version: PYTHON.version, ensurepip: false },
};

const QUESTIONS = [
  ...["nvidia_smi", "nvidia_ctk", "nvidia_container_cli", "docker_version", "docker_info"],
  ...["podman_info", "nerdctl_version", "apptainer_version", "git"],
] as const;

function read(name?: string): string {
  return name === undefined ? "" : Deno.readTextFileSync(join(FIXTURES, "outputs", name));
}

function answer(told: Told): Answer {
  if (told === "missing") return { kind: "missing" };
  if (told === "silent") return { kind: "silent", seconds: 5 };
  const { code, stdout, stderr } = typeof told === "string"
    ? { code: 0, stdout: told, stderr: undefined }
    : told;
  return { kind: "ended", code, stdout: read(stdout), stderr: read(stderr) };
}

function probes({ answers, cdi, rancher = false, python, machine }: Case): Probes {
  const told: Partial<Record<string, Told>> = { git: "git.txt", ...answers };
  const all = QUESTIONS.map((name) => [name, answer(told[name] ?? "missing")]);
  const spec = cdi === undefined ? undefined : readCdi("/etc/cdi/nvidia.yaml", read(cdi));
  const given = Object.entries(machine ?? {}).map(([name, value]) => [name, value ?? undefined]);
  return {
    answers: Object.fromEntries(all),
    cdi: spec === undefined ? [] : [spec],
    rancher,
    machine: { ...PLAIN_MACHINE, ...Object.fromEntries(given) },
    programs: { deno: "2.9.6", python: python === undefined ? PYTHON : PYTHONS[python]! },
  };
}

function readCase(name: string): Case {
  return JSON.parse(Deno.readTextFileSync(join(FIXTURES, name, "case.json")));
}

/** What a user reads, less what is as it should be on any machine. */
function findings(name: string): string {
  const read = readCase(name);
  const demands: Demands = { ...DEFAULT_DEMANDS, name: "digits", ...read.demands };
  const usual = messages(
    diagnose(probes({ answers: {}, demands: {} }), demands).filter(({ topic }) => topic !== "GPU"),
  );
  const groups = diagnose(probes(read), demands).map(({ topic, findings }) => ({
    topic,
    findings: findings.filter(({ severity, message }) => severity !== "ok" || !usual.includes(message)),
  }));
  return `${render(groups.filter(({ findings }) => findings.length > 0), "digits").join("\n")}\n`;
}

function messages(groups: Group[]): string[] {
  return groups.flatMap(({ findings }) => findings.map(({ message }) => message));
}

Deno.test("doctor says of a machine what its case expects", async (t) => {
  const names = [...Deno.readDirSync(FIXTURES)].map(({ name }) => name).filter((name) => name !== "outputs");
  for (const name of names.sort()) {
    await t.step(name, async () => {
      const expected = await Deno.readTextFile(join(FIXTURES, name, "expected.txt"));
      assert.equal(findings(name), expected);
    });
  }
});

Deno.test("misfit() knows which driver and card an image needs", async (t) => {
  const cards: Record<string, string> = {
    geforce: "NVIDIA GeForce RTX 3090",
    workstation: "NVIDIA RTX A6000",
    tesla: "NVIDIA A100-PCIE-40GB",
  };
  const table: [
    cuda: string,
    card: string,
    driver: string,
    capability: string,
    windows: boolean,
    fits: boolean,
  ][] = [
    ["12.9", "geforce", "575.57.08", "8.6", false, true],
    ["12.9", "geforce", "575.57.07", "8.6", false, false],
    ["12.9", "geforce", "570.195.03", "8.6", false, false],
    ["12.9", "workstation", "570.195.03", "8.6", false, true],
    ["12.9", "tesla", "545.23.08", "8.0", false, false],
    ["12.9", "tesla", "535.54.03", "8.0", false, true],
    ["12.9", "geforce", "576.57", "8.6", true, true],
    ["12.9", "geforce", "576.02", "8.6", true, false],
    ["12.9", "geforce", "580.95.05", "6.1", false, false],
    ["12.9", "tesla", "580.95.05", "10.3", false, true],
    ["12.6", "tesla", "470.256.02", "8.0", false, true],
    ["12.6", "workstation", "470.256.02", "8.6", false, false],
    ["12.6", "geforce", "550.120", "8.9", false, false],
    ["12.6", "tesla", "580.95.05", "10.0", false, false],
    ["12.3", "geforce", "535.183.01", "8.9", false, true],
    ["12.3", "geforce", "530.41.03", "8.9", false, false],
    ["12.0", "geforce", "515.105.01", "8.6", false, false],
    ["12.0", "tesla", "515.105.01", "8.0", false, true],
    ["11.8", "geforce", "515.105.01", "8.6", false, true],
    ["11.8", "geforce", "520.61.05", "3.5", false, false],
  ];
  for (const [cuda, card, driver, capability, windows, fits] of table) {
    await t.step(
      `CUDA ${cuda}, ${card} ${capability}, driver ${driver}${windows ? " of Windows" : ""}`,
      () => {
        const image = GPU_IMAGES.find((one) => one.cuda === cuda)!;
        const csv = `${cards[card]}, ${driver}, GPU-0, ${capability}\n`;
        const [read] = readCards({ kind: "ended", code: 0, stdout: csv, stderr: "" }).cards as [Card];
        assert.equal(misfit(image, read, windows) === undefined, fits);
      },
    );
  }
});

Deno.test("knownImage() reads the CUDA release from a GPU-Jupyter tag", () => {
  const cuda = (name: string) => knownImage(name)?.cuda;
  assert.equal(cuda("cschranz/gpu-jupyter:v1.10_cuda-12.9_ubuntu-24.04"), "12.9");
  assert.equal(cuda("mirror.example:5000/cschranz/gpu-jupyter:v1.5_cuda-11.8_ubuntu-22.04_slim"), "11.8");
  assert.equal(cuda("cschranz/gpu-jupyter:v1.4_cuda-11.2_ubuntu-20.04"), undefined);
  assert.equal(cuda("nvidia/cuda:12.9.1-base-ubuntu24.04"), undefined);
});

Deno.test("readToolkit() reads every generation of the toolkit", async (t) => {
  const table: [question: "nvidia_ctk" | "nvidia_container_cli", file: string, version: string][] = [
    ["nvidia_ctk", "ctk_1.20.1.txt", "1.20.1"],
    ["nvidia_ctk", "ctk_1.12.0.txt", "1.12.0"],
    ["nvidia_container_cli", "cli_1.17.8.txt", "1.17.8"],
    ["nvidia_container_cli", "cli_1.3.0.txt", "1.3.0"],
  ];
  for (const [question, file, version] of table) {
    await t.step(file, () => {
      const other: Answer = { kind: "missing" };
      const read = question === "nvidia_ctk" ? [answer(file), other] : [other, answer(file)];
      assert.equal(readToolkit(read[0]!, read[1]!), version);
    });
  }
});

Deno.test("readCdi() takes YAML and JSON, and no other device's specification", () => {
  const spec = readCdi("x", read("cdi_580.95.05.yaml"));
  assert.deepEqual(spec, { path: "x", driver: "580.95.05" });
  assert.deepEqual(readCdi("x", '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": []}'), {
    path: "x",
    driver: undefined,
  });
  assert.equal(readCdi("x", "cdiVersion: 0.5.0\nkind: intel.com/gpu\n"), undefined);
  assert.equal(readCdi("x", ""), undefined);
});

Deno.test("gpuRemedy() picks the remedy from what is known", async (t) => {
  const table: [program: Parameters<typeof gpuRemedy>[0], fixture: string, remedy: RegExp][] = [
    ["docker", "no_gpu_but_demanded", /install its driver/],
    ["host", "driver_mismatch", /^Restart the machine/],
    ["docker", "driver_not_loaded", /modprobe nvidia/],
    ["docker", "no_toolkit", /^Install the NVIDIA Container Toolkit.*--runtime=docker/],
    ["podman", "no_toolkit", /^Install the NVIDIA Container Toolkit.*cdi generate/],
    ["docker", "h100_driver_580", /^Tell the engine.*--runtime=docker/],
    ["podman", "podman_5_without_cdi", /^Describe the card for Podman: sudo nvidia-ctk cdi generate/],
    ["podman", "podman_stale_cdi", /^Describe the card anew/],
    ["docker", "rancher_desktop_dockerd", /Docker Engine, Docker Desktop with WSL 2/],
    ["nerdctl", "rancher_desktop_containerd", /Docker Engine, Docker Desktop with WSL 2/],
    ["apptainer", "cluster_node", /--nv/],
    ["host", "h100_driver_580", /built for CUDA/],
  ];
  for (const [program, fixture, remedy] of table) {
    await t.step(`${program}, ${fixture}`, () => {
      const probed = probes(readCase(fixture));
      assert.match(gpuRemedy(program, readGpu({ ...probed, kernel: probed.machine.kernel })), remedy);
    });
  }
});

Deno.test("sizeInBytes() counts as container engines do", () => {
  assert.deepEqual(["8g", "64M", "1k", "512", "7b"].map(sizeInBytes), [
    ...[8 * 1024 ** 3, 64 * 1024 ** 2, 1024, 512, 7],
  ]);
});

function ended(stdout: string, code = 0): Answer {
  return { kind: "ended", code, stdout, stderr: "" };
}

Deno.test("the answers about the machine are read as its programs give them", async (t) => {
  const missing: Answer = { kind: "missing" };
  const sysctls = "/proc/sys/user/max_user_namespaces:96364\n/proc/sys/kernel/unprivileged_userns_clone:0\n";
  const df = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n" +
    "/dev/mapper/vg0-my root 264212084 37323604  69067308      36% /mnt/my disk\n";
  const table: [name: string, found: unknown, expected: unknown][] = [
    ["cgroup 2", readCgroup(ended("cgroup2fs\n")), 2],
    ["cgroup 1", readCgroup(ended("tmpfs\n")), 1],
    ["no cgroup", readCgroup(missing), undefined],
    ["user namespaces", readUserNamespaces(ended(sysctls, 2)), {
      most: 96364,
      allowed: false,
      restricted: false,
    }],
    ["no user namespaces", readUserNamespaces(missing), {
      most: undefined,
      allowed: undefined,
      restricted: false,
    }],
    ["a disk", readDisk("/x", ended(df)), { path: "/x", total: 264212084 * 1024, free: 69067308 * 1024 }],
    ["no disk", readDisk("/x", ended("", 1)), undefined],
    ["images", readImageNames(ended("localhost/digits:cpu\ndocker.io/library/debian:12\n<none>:<none>\n")), [
      "digits:cpu",
      "debian:12",
    ]],
  ];
  for (const [name, found, expected] of table) {
    await t.step(name, () => assert.deepEqual(found, expected));
  }
});

Deno.test("ask() tells a program that ends from one that is missing and one that never answers", async () => {
  assert.deepEqual(await ask(["no-such-program-here"]), { kind: "missing" });
  assert.deepEqual(await ask(["sh", "-c", "echo out; echo err >&2; exit 3"]), {
    ...{ kind: "ended", code: 3, stdout: "out\n", stderr: "err\n" },
  });
  const started = performance.now();
  assert.deepEqual(await ask(["sleep", "60"], 200), { kind: "silent", seconds: 0.2 });
  assert.ok(performance.now() - started < 2000);
});
