/** Runs in containers on compute nodes: a real Slurm of this machine, with Podman and Apptainer on its nodes. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { sha256File } from "../../tasks/lib/system/files.ts";
import {
  call,
  IMAGE,
  makeProject,
  missingDocker,
  said,
  startAs,
  testEngines,
  type User,
} from "../support/engines.ts";
import { type Ended, ended, type Project, until } from "../support/project.ts";
import { NODES, Slurm, slurmMissing } from "../support/slurm.ts";

/** Three parts, of which the second waits for the file `go`; asked to end, it saves. */
const TRAIN = `
import json, os, pathlib, sys, time
seed, out = int(sys.argv[1]), pathlib.Path(sys.argv[2])
project = pathlib.Path(__file__).parent
state = out / "state.json"
part = json.loads(state.read_text()) if "--resume" in sys.argv and state.exists() else 0
try:
    while part < 3:
        if part == 1 and (project / f"wait-{seed}").exists():
            (out / "waits").touch()
            while (project / f"wait-{seed}").exists():
                time.sleep(0.05)
        part += 1
except KeyboardInterrupt:
    state.write_text(json.dumps(part))
    (out / "saved").touch(exist_ok=False)
    sys.exit(130)
facts = {
    "accuracy": 94 + seed, "uid": os.getuid(), "began": 1 if "--resume" in sys.argv else 0,
    "contained": any(os.path.exists(path) for path in ("/run/.containerenv", "/.singularity.d")),
    "visible": os.environ.get("CUDA_VISIBLE_DEVICES"), "job": os.environ.get("SLURM_JOB_ID"),
    "bound": os.path.exists("/bound"),
}
(out / "m.json").write_text(json.dumps(facts))
print("trained", seed)
`;

const YAML = `name: test
parameters: { seed: 1 }
steps:
  train: { run: [python, train.py, "{seed}", "{out}"], produces: [m.json], resume: [--resume] }
claims:
  - { name: accuracy, from: train/m.json#/accuracy, over: seeds, value: { mean: 95.0, std: 1, n: 10 }, tolerance: { absolute: 9, because: made up } }
sweep: { steps: [train] }
`;

interface Member {
  status: string;
  run: string;
  problem?: string;
}

/** A project of a user's whose members run on nodes. */
class Handed implements AsyncDisposable {
  private constructor(readonly project: Project, readonly user: User, readonly slurm: Slurm) {}

  static async make(user: User, slurm: Slurm, hosts: Record<string, string>): Promise<Handed> {
    const project = await makeProject(TRAIN, user, YAML);
    await Deno.chmod(project.root, 0o755);
    for (const [name, text] of Object.entries(hosts)) await project.write(`hosts/${name}.yaml`, text);
    return new Handed(project, user, slurm);
  }

  async sweep(...args: string[]): Promise<Ended> {
    return await ended(startAs(this.user, this.project, "sweep", args, this.slurm.env));
  }

  /** Hands members over, and waits for them. */
  async through(...args: string[]): Promise<string> {
    const handed = await this.sweep(...args);
    assert.equal(handed.code, 0, handed.stderr + handed.stdout);
    const watched = await this.sweep("--watch");
    return watched.stdout + watched.stderr + this.said();
  }

  /** What Slurm and the script have to say. */
  said(): string {
    const names = [...Deno.readDirSync(this.directory)].map(({ name }) => name).filter((name) =>
      name.endsWith(".out")
    );
    return names.map((name) => Deno.readTextFileSync(join(this.directory, name))).join("");
  }

  get directory(): string {
    const folder = this.project.path("runs", "test", "sweeps");
    return join(folder, [...Deno.readDirSync(folder)].map(({ name }) => name).sort().at(-1)!);
  }

  get members(): Member[] {
    return JSON.parse(Deno.readTextFileSync(join(this.directory, "sweep.json"))).members;
  }

  path(member: number, ...parts: string[]): string {
    return join(this.directory, this.members[member - 1]!.run, ...parts);
  }

  // deno-lint-ignore no-explicit-any
  json(member: number, ...parts: string[]): any {
    return JSON.parse(Deno.readTextFileSync(this.path(member, ...parts)));
  }

  async [Symbol.asyncDispose]() {
    await this.slurm.call(["scancel", "--quiet", `--user=${this.user.uid}`]);
    await this.project[Symbol.asyncDispose]();
  }
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

const noSlurm = await slurmMissing();
const engines = noSlurm === undefined ? await testEngines() : [];
if (noSlurm !== undefined) console.log(`ignored: containers on Slurm's nodes, since ${noSlurm}`);

/** What a node runs steps by, for one kind of user. */
interface Kind {
  name: string;
  user: User;
  missing?: string;
  /** Lines of the cluster's file. */
  file: string;
  /** The image, as evidence has it. */
  image: () => Promise<{ name: string; id: string }>;
}

const asPodman = engines.filter(({ program }) => program === "podman").map(
  ({ name, user, missing }): Kind => ({
    ...{ name, user, missing, file: `environment: podman\nimage: ${IMAGE}\n` },
    image: async () => {
      const id = await said(user.as(["podman", "image", "inspect", "--format", "{{.Id}}", IMAGE]), user.env);
      return { name: IMAGE, id: id.replace(/^(sha256:)?/, "sha256:") };
    },
  }),
);
const SIF = join(await Deno.makeTempDir({ prefix: "sif-" }), "small.sif");
addEventListener("unload", () => Deno.removeSync(join(SIF, ".."), { recursive: true }));
const noSif = noSlurm ?? await missingSif();
const asApptainer = engines.filter(({ program }) => program === "docker").map(
  ({ name, user }): Kind => ({
    name: name.replace("docker", "apptainer"),
    ...{ user, missing: noSif, file: `environment: apptainer\nimage: ${SIF}\n` },
    image: async () => ({ name: SIF, id: `sha256:${await sha256File(SIF)}` }),
  }),
);

/** What is missing for Apptainer, if anything is. */
async function missingSif(): Promise<string | undefined> {
  const found = await call(["apptainer", "--version"]).catch(() => undefined);
  if (found?.code !== 0) return "there is no apptainer (deno task machine gets it)";
  return await missingDocker();
}

/** Makes a SIF file of the tests' image, once. */
async function makeSif() {
  if (exists(SIF)) return;
  await Deno.chmod(join(SIF, ".."), 0o755);
  const archive = `${SIF}.tar`;
  await said(["docker", "save", "--output", archive, IMAGE]);
  await said(["apptainer", "--quiet", "build", SIF, `docker-archive://${archive}`]);
  await Deno.remove(archive);
}

for (const { name, user, missing, file, image } of [...asPodman, ...asApptainer]) {
  if (missing !== undefined) console.log(`ignored: ${name} on Slurm's nodes, since ${missing}`);
  const program = name.split(",")[0]!;
  Deno.test({ name: `${name} on Slurm's nodes`, ignore: missing !== undefined }, async (t) => {
    if (program === "apptainer") await makeSif();
    await using slurm = await Slurm.start({ accounting: false, gpus: 2 });
    /** Containers of a project that are still there; apptainer has none. */
    const left = async ({ project: { root } }: Handed) =>
      program !== "podman" ? "" : await said(
        user.as(["podman", "ps", "--all", "--quiet", "--filter", `label=experiment.project=${root}`]),
        user.env,
      );

    await t.step("members run in the image, their files are the user's, and nothing is left", async () => {
      await using made = await Handed.make(user, slurm, {
        // As a site's module of apptainer does: what it mounts is not what others will have.
        there: `${file}prologue: ["export APPTAINER_BIND=/etc/hostname:/bound"]\n`,
      });
      const stdout = await made.through("--seeds", "2", "--on", "there");
      assert.deepEqual(made.members.map(({ status }) => status), ["done", "done"], stdout);
      const { contained, uid, job, bound } = made.json(1, "train", "m.json");
      assert.deepEqual({ contained, uid, job, bound }, {
        ...{ contained: true, uid: user.uid, job: null, bound: false },
      });
      const { attempts: [attempt], steps } = made.json(1, "evidence.json");
      assert.ok(NODES.includes(attempt.job.node));
      const { name: used, id } = attempt.environment.image;
      assert.deepEqual({ name: used, id }, await image());
      assert.ok(steps.train.command.includes(program));
      assert.equal(Deno.lstatSync(made.path(1, "train", "m.json")).uid, user.uid);
      assert.match(Deno.readTextFileSync(made.path(1, "log.txt")), /\ntrained 1\n/);
      assert.ok(!exists(made.path(1, ".scratch")));
      assert.equal(await left(made), "");
    });

    await t.step("what is asked to end saves, once, and goes on in another container", async () => {
      await using made = await Handed.make(user, slurm, { there: file });
      await made.project.write("wait-1", "");
      await made.sweep("--seeds", "1", "--on", "there");
      await until("the member waits", () => exists(made.path(1, "train", "waits")));
      await made.sweep("--cancel");
      assert.equal(made.members[0]!.status, "interrupted", made.members[0]!.problem);
      assert.ok(exists(made.path(1, "train", "saved")));
      assert.equal(await left(made), "");
      await Deno.remove(made.project.path("wait-1"));
      const stdout = await made.through("--resume", "--on", "there");
      assert.equal(made.members[0]!.status, "done", stdout);
      assert.equal(made.json(1, "train", "m.json").began, 1);
    });

    await t.step(`an image or a program that a node lacks is named`, async () => {
      await using made = await Handed.make(user, slurm, {});
      const own = made.project.path("own");
      await made.project.write(
        "own/storage.conf",
        `[storage]\ndriver = "vfs"\nrunroot = "${own}/run"\ngraphroot = "${own}/graph"\n`,
      );
      await made.project.write("bin/keep", "");
      // By a shell, which passes over what a user may not run.
      const where = "python3 -c 'import sys; print(sys.executable)'";
      const python = await said(user.as(["sh", "-c", where]), user.env);
      for (const [link, to] of [["python3", python], ["env", "/usr/bin/env"]] as const) {
        await Deno.symlink(to, made.project.path("bin", link));
      }
      // What is there when it is handed over, and is not on the node.
      const gone = made.project.path("gone.sif");
      if (program === "apptainer") await Deno.copyFile(SIF, gone);
      await said(["chown", "-R", `${user.uid}:${user.gid}`, made.project.root]);
      await made.project.write(
        "hosts/bare.yaml",
        file.replace(SIF, gone) +
          // Of the two, root's podman minds the first, and others' the second.
          `prologue: ["export CONTAINERS_STORAGE_CONF=own/storage.conf", "export HOME=$PWD/own", rm -f gone.sif]\n`,
      );
      await made.project.write("hosts/none.yaml", `${file}prologue: ["export PATH=$PWD/bin"]\n`);
      assert.match(
        await made.through("--seeds", "1", "--on", "bare"),
        program === "podman"
          ? /failed .*podman on n\d has no image experiment-test:python \(sha256:/
          : /failed .*apptainer on n\d can't start \S+gone\.sif: .*could not open image .*no such file/,
      );
      assert.match(
        await made.through("--retry", "failed", "--on", "none"),
        new RegExp(`failed .*there is no ${program} on n\\d, by which it was to run in `),
      );
      if (program === "podman") await call(user.as(["podman", "unshare", "rm", "-rf", own]), user.env);
      await said(["rm", "-rf", own]);
    });

    await t.step({
      name: "a step sees the GPU that the job was given",
      // Without NVIDIA's own description of its devices podman has none to give.
      ignore: program === "podman",
      fn: async () => {
        await using made = await Handed.make(user, slurm, { there: `${file}gpus: gpu:1\n` });
        await made.project.write(
          "experiment.yaml",
          YAML.replace("steps:", "environment: { gpus: 1 }\nsteps:"),
        );
        for (const seed of [1, 2]) await made.project.write(`wait-${seed}`, "");
        await made.sweep("--seeds", "2", "--on", "there");
        for (const one of [1, 2]) await until("both run", () => exists(made.path(one, "train", "waits")));
        for (const seed of [1, 2]) await Deno.remove(made.project.path(`wait-${seed}`));
        const { stdout } = await made.sweep("--watch");
        const seen = [1, 2].map((one) => made.json(one, "train", "m.json").visible);
        const nodes = [1, 2].map((one) => made.json(one, "evidence.json").attempts[0].job.node);
        for (const one of seen) assert.match(one, /^[01]$/, stdout);
        // Two jobs of a node have one each.
        if (nodes[0] === nodes[1]) assert.notEqual(seen[0], seen[1]);
      },
    });
  });
}
