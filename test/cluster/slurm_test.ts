/** Sweeps on a real Slurm of this machine: arrays, what becomes of them, and what is said of it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { call, said } from "../support/users.ts";
import { saysOutOfMemory } from "../../tasks/lib/cluster/submission.ts";
import { sha256File } from "../../tasks/lib/system/files.ts";
import { DENO_DIR, digest } from "../support/data_project.ts";
import { type Ended, ended, Project, ROOT, until } from "../support/project.ts";
import { hasMemoryGroups, NODES, Slurm, slurmMissing } from "../support/slurm.ts";
import { LOGIN, Sshd, sshMissing } from "../support/sshd.ts";
import { CLAIM_OVER_SEEDS } from "../support/sweeps.ts";

const missing = await slurmMissing();
if (missing !== undefined) console.log(`ignored: the tests with Slurm, since ${missing}`);

/** Ten epochs, each of which is saved; it waits for the file `go` in the middle, and notes where each part ran. */
const TRAIN = `
import json, os, pathlib, sys, time
seed, out = int(sys.argv[1]), pathlib.Path(sys.argv[2])
project = pathlib.Path(__file__).parent
state = out / "state.json"
epoch, weights = json.loads(state.read_text()) if "--resume" in sys.argv and state.exists() else (0, 0.0)
with open(out / "nodes.txt", "a") as nodes:
    print(os.environ.get("SLURMD_NODENAME"), epoch, file=nodes)
if (project / f"fail-{seed}").exists():
    sys.exit("no luck")
while epoch < 10:
    if epoch == 5 and (project / f"wait-{seed}").exists():
        (out / "waits").touch()
        while (project / f"wait-{seed}").exists():
            time.sleep(0.05)
    epoch, weights = epoch + 1, weights * 0.5 + seed
    partial = out / "state.json.new"
    partial.write_text(json.dumps([epoch, weights]))
    os.replace(partial, state)
(out / "m.json").write_text(json.dumps({"accuracy": 94 + seed / 100, "weights": weights}))
print("trained", seed)
`;

const FILES = {
  "experiment.yaml": `name: test
parameters: { seed: 1, lr: 0.1 }
steps:
  train:
    run: [python3, train.py, "{seed}", "{out}"]
    produces: [m.json]
    resume: [--resume]
  read:
    run: [python3, -c, "print(open('{steps.train}/m.json').read())"]
    needs: [train]
${CLAIM_OVER_SEEDS}sweep: { steps: [train, read] }
`,
  "train.py": TRAIN,
};

interface Member {
  status: string;
}

class Sweeps implements AsyncDisposable {
  private constructor(readonly project: Project, readonly slurm: Slurm) {}

  static async make(slurm: Slurm, files: Record<string, string> = {}): Promise<Sweeps> {
    return new Sweeps(await Project.make({ ...FILES, ...files }), slurm);
  }

  async sweep(...args: string[]): Promise<Ended> {
    return await this.project.task("sweep", args, this.slurm.env);
  }

  /** One that must do. */
  async does(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.sweep(...args);
    assert.equal(code, 0, stderr + stdout);
    return stdout;
  }

  /** Waits until all are taken in; a verdict on one seed is never one that holds. */
  async watches(): Promise<string> {
    const { code, stdout, stderr } = await this.sweep("--watch");
    assert.ok(code <= 1, stderr + stdout);
    assert.ok(!this.record.members.some(({ status }: Member) => status !== "done"), stdout);
    return stdout;
  }

  /** Slurm lets a job that is queued again wait for two minutes. */
  async startAgain(job: string) {
    await until("it is pending", async () => /1 waiting \(BeginTime\)/.test(await this.does("--status")));
    await this.slurm.call(["scontrol", "update", `JobId=${job}`, "StartTime=now"]);
  }

  get directory(): string {
    const folder = this.project.path("runs", "test", "sweeps");
    return join(folder, [...Deno.readDirSync(folder)].map(({ name }) => name).sort().at(-1)!);
  }

  // deno-lint-ignore no-explicit-any
  get record(): any {
    return JSON.parse(Deno.readTextFileSync(join(this.directory, "sweep.json")));
  }

  /** File of a member's run, by its number from 1. */
  path(member: number, ...parts: string[]): string {
    return join(this.directory, this.record.members[member - 1].run, ...parts);
  }

  // deno-lint-ignore no-explicit-any
  json(member: number, ...parts: string[]): any {
    return JSON.parse(Deno.readTextFileSync(this.path(member, ...parts)));
  }

  async waits(member: number) {
    await until("the member waits", () => exists(this.path(member, "train", "waits")));
  }

  async go(seed: number) {
    await Deno.remove(this.project.path(`wait-${seed}`));
  }

  async [Symbol.asyncDispose]() {
    await this.slurm.call(["scancel", "--user=root", "--quiet"]);
    await this.project[Symbol.asyncDispose]();
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

Deno.test({ name: "sweeps on Slurm", ignore: missing !== undefined }, async (t) => {
  await using slurm = await Slurm.start({ accounting: true, gpus: 2 });

  await t.step("--plan prints the script and writes nothing", async () => {
    await using made = await Sweeps.make(slurm, {
      "hosts/big.yaml":
        `partition: main\naccount: lab\ntime: "4:00:00"\nsignal: 120\ngpus: gpu:2\ncpus: 2\nmemory: 1G\n` +
        `throttle: 3\nmodules: [cuda/12.9]\nprologue: ["export A='b c'"]\noptions: [--exclusive]\n`,
    });
    const said = await made.does("--seeds", "5", "--on", "big", "--plan");
    for (
      const line of [
        ...["--array=0-4%3", "--partition=main", "--account=lab", "--time=4:00:00", "--signal=B:USR1@120"],
        ...["--gres=gpu:2", "--cpus-per-task=2", "--mem=1G", "--exclusive", "--requeue"],
      ]
    ) assert.ok(said.includes(`\n#SBATCH ${line}\n`), `${line} in ${said}`);
    assert.match(said, /\nmodule load cuda\/12\.9\nexport A='b c'\nexec .*python3 .*run_member\.py /);
    assert.ok(!exists(made.project.path("runs")));
  });

  await t.step("members become runs with all that a run has; a failed one can be run again", async () => {
    await using made = await Sweeps.make(slurm, { "fail-2": "" });
    const handed = await made.does("--seeds", "3", "--on", "slurm");
    assert.match(handed, /slurm has 3 members as job \d+/);
    const { code, stdout } = await made.sweep("--watch");
    assert.equal(code, 1);
    assert.match(stdout, /1 × train: exit code 1: seed = 2/);
    assert.deepEqual(made.record.members.map(({ status }: Member) => status), [
      "done",
      "failed",
      "done",
    ]);
    const evidence = made.json(1, "evidence.json");
    const [attempt] = evidence.attempts;
    assert.ok(NODES.includes(attempt.job.node));
    assert.equal(attempt.job.cluster, "slurm");
    assert.equal(attempt.job.id, made.record.members[0].job);
    assert.deepEqual(Object.keys(evidence.steps), ["train", "read"]);
    assert.equal(evidence.steps.train.recorded.environment.python.split(".")[0], "3");
    assert.match(Deno.readTextFileSync(made.path(1, "log.txt")), /==== \S+ step train: .*\ntrained 1\n/);
    assert.ok(made.json(1, "receipt.json"));
    await Deno.remove(made.project.path("fail-2"));
    assert.match(await made.does("--retry", "failed", "--on", "slurm"), /1 member of 3/);
    const again = await made.does("--watch");
    assert.match(again, /accuracy over seeds .* equivalent/);
    assert.equal(made.record.status, "done");
    assert.equal((await made.sweep("--show")).code, 0);
  });

  await t.step("--status, --collect and --cancel know all from the record", async () => {
    await using made = await Sweeps.make(slurm, { "wait-1": "", "wait-2": "" });
    await made.does("--seeds", "3", "--on", "slurm");
    await until("the third has ended", async () => /1 ended, not taken in/.test(await made.does("--status")));
    assert.match(await made.does("--collect"), /seed = 3 {2}done/);
    assert.match(await made.does("--status"), /^1 done, 2 running\n/);
    await made.waits(1);
    const cancelled = await made.sweep("--cancel");
    assert.match(cancelled.stdout, /cancelled: job \d+/);
    const [first, , third] = made.record.members;
    assert.deepEqual([first.status, third.status], ["interrupted", "done"]);
    assert.match(first.problem, /stopped by (SIGTERM|scancel)/);
    assert.equal(made.json(1, "evidence.json").status, "interrupted");
    await Promise.all([made.go(1), made.go(2)]);
    await made.does("--resume", "--on", "slurm");
    await made.watches();
    assert.equal(made.record.status, "done");
    // It went on in the middle, and gave what an undisturbed one gives.
    assert.match(Deno.readTextFileSync(made.path(1, "train", "nodes.txt")), /^n\d 0\nn\d 5\n$/);
    assert.equal(made.json(1, "train", "m.json").weights, weights(1));
    assert.deepEqual(
      made.json(1, "evidence.json").attempts.map(({ status }: Member) => status),
      ["interrupted", "done"],
    );
  });

  await t.step("what is asked to save before its time is over is queued again and goes on", async () => {
    await using made = await Sweeps.make(slurm, {
      "wait-1": "",
      "wait-2": "",
      "hosts/short.yaml": "time: 10\nsignal: 60\n",
    });
    await made.does("--seeds", "2", "--on", "short");
    await Promise.all([made.waits(1), made.waits(2)]);
    // What --signal does when the time comes, which would take minutes here.
    // One of the two has the number of the array as its own, and stands for itself alone all the same.
    const { job } = made.record.members[1];
    assert.equal((await slurm.call(["scancel", "--batch", "--signal=USR1", job])).code, 0);
    await until("it is queued again", () => {
      return exists(made.path(2, "node.json")) &&
        made.json(2, "node.json").starts[0].status === "interrupted";
    });
    await made.go(2);
    await made.startAgain(job);
    await made.go(1);
    await made.watches();
    assert.equal(made.json(1, "evidence.json").attempts.length, 1);
    const { attempts } = made.json(2, "evidence.json");
    assert.deepEqual(attempts.map(({ status }: Member) => status), ["interrupted", "done"]);
    assert.equal(made.json(2, "train", "m.json").weights, weights(2));
  });

  await t.step("a node that dies: the member goes on on another one, with the same weights", async () => {
    await using made = await Sweeps.make(slurm, { "wait-1": "" });
    await made.does("--seeds", "1", "--on", "slurm");
    await made.waits(1);
    const [, node] = /^(n\d) 0\n/.exec(Deno.readTextFileSync(made.path(1, "train", "nodes.txt")))!;
    await slurm.kill(node!);
    await made.go(1);
    await made.startAgain(made.record.members[0].job);
    await made.watches();
    slurm.startNode(node!);
    const { attempts, status } = made.json(1, "evidence.json");
    assert.equal(status, "done");
    assert.equal(attempts.length, 2);
    assert.notEqual(attempts[1].job.node, node);
    assert.equal(made.json(1, "train", "m.json").weights, weights(1));
  });

  await t.step("the controller is started again while members run", async () => {
    await using made = await Sweeps.make(slurm, { "wait-1": "" });
    await made.does("--seeds", "2", "--on", "slurm");
    await made.waits(1);
    await slurm.stop("slurmctld");
    const watching = made.sweep("--watch");
    await made.go(1);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    slurm.startController();
    const { code, stdout, stderr } = await watching;
    assert.equal(code, 0, stderr + stdout);
  });

  await t.step("damaged and lost records are named, and the others are taken in", async () => {
    await using made = await Sweeps.make(slurm);
    await made.does("--seeds", "4", "--on", "slurm");
    await until("all have ended", async () => /^4 ended/.test(await made.does("--status")));
    await Deno.writeTextFile(made.path(1, "node.json"), '{"schema": 1, "starts": [');
    await Deno.writeTextFile(made.path(2, "node.json"), '{"schema": 1, "starts": [{}], "steps": {}}');
    const jobs = join(made.directory, "submission-1.jobs.jsonl");
    const lines = Deno.readTextFileSync(jobs).trim().split("\n");
    lines[3] = lines[3]!.replace(/"directory":"[^"]*"/, '"directory":"/tmp"');
    await Deno.writeTextFile(jobs, lines.join("\n"));
    const { stdout } = await made.sweep("--collect");
    assert.match(stdout, /seed = 4 {2}failed .*another folder than its own/);
    assert.match(stdout, /seed = 1 {2}failed .*node\.json is not JSON/);
    assert.match(stdout, /seed = 2 {2}failed .*node\.json/);
    assert.match(stdout, /seed = 3 {2}done/);
  });

  await t.step("a second collector is told that another one is at it", async () => {
    await using made = await Sweeps.make(slurm, { "wait-1": "" });
    await made.does("--seeds", "1", "--on", "slurm");
    const watching = made.sweep("--watch");
    await until("the first watches", () => exists(join(made.directory, ".lock")) || lockOf(made.directory));
    const second = await made.sweep("--collect");
    assert.equal(second.code, 3, second.stdout);
    assert.match(second.stderr, /is locked by process \d+/);
    await made.go(1);
    await watching;
    assert.equal(made.record.status, "done");
  });

  await t.step("one run is waited for, shown, taken in and judged; or waited for later", async () => {
    await using made = await Sweeps.make(slurm, {
      "experiment.yaml": FILES["experiment.yaml"].replace("name: accuracy over seeds", "name: accuracy")
        .replace("    over: seeds\n", "").replace("{ mean: 94.0, std: 0.3, n: 10 }", "94.01"),
    });
    const { project } = made;
    const task = async (name: string, ...args: string[]) => await project.task(name, args, slurm.env);
    const reproduced = await task("reproduce", "--on", "slurm");
    assert.equal(reproduced.code, 0, reproduced.stderr + reproduced.stdout);
    assert.match(reproduced.stdout, /slurm has it as job \d+\n[^]*trained 1\n[^]*accuracy .* identical/);
    assert.ok(NODES.includes((await project.evidence()).attempts[0].job.node));
    assert.match((await task("train", "--on", "slurm", "--plan")).stdout, /^#SBATCH --array=0-0$/m);
    await project.write("wait-1", "");
    const leaving = project.start("train", ["--on", "slurm"], slurm.env);
    const newest = () => {
      const ids = [...Deno.readDirSync(project.path("runs", "test"))].map(({ name }) => name);
      return project.path("runs", "test", ids.filter((name) => /^\d/.test(name)).sort().at(-1)!);
    };
    await until("it waits", () => exists(join(newest(), "train", "waits")));
    Deno.kill(leaving.pid, "SIGTERM");
    const left = await ended(leaving);
    assert.equal(left.code, 130);
    assert.match(left.stderr, /goes on at the cluster/);
    await made.go(1);
    const later = await task("train", "--resume", "--on", "slurm");
    assert.equal(later.code, 0, later.stderr + later.stdout);
    assert.match((await task("train", "--resume", "--on", "slurm")).stderr, /No run of this is at a cluster/);
    await project.write("fail-1", "");
    const failed = await task("train", "--on", "slurm");
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /no luck/);
  });

  await t.step(
    "what Slurm refuses is said with the key that is about it, and nothing is left waiting",
    async () => {
      await using made = await Sweeps.make(slurm, {
        "hosts/none.yaml": "partition: nowhere\n",
        "hosts/much.yaml": "memory: 900G\n",
        "hosts/odd.yaml": "partition: main\ntimes: 3\ngpus: -1\n",
      });
      const none = await made.sweep("--seeds", "2", "--on", "none");
      assert.equal(none.code, 3);
      assert.match(
        none.stderr,
        /Slurm refuses the job: .*partition.*\(partition: nowhere\)[^]*hosts\/none\.yaml/,
      );
      assert.deepEqual(made.record.members.map(({ status }: Member) => status), [
        "waiting",
        "waiting",
      ]);
      assert.match(
        (await made.sweep("--seeds", "2", "--on", "much")).stderr,
        /refuses the job.*\(memory: 900G\)/,
      );
      const odd = await made.sweep("--seeds", "2", "--on", "odd");
      assert.equal(odd.code, 2);
      assert.match(odd.stderr, /there is no key times[^]*hosts\/odd\.yaml:2:/);
      assert.match(odd.stderr, /gpus must be a count/);
      const unknown = await made.sweep("--seeds", "2", "--on", "moon");
      assert.match(unknown.stderr, /There is no cluster "moon": hosts\/moon\.yaml is not there/);
      assert.match(
        (await made.sweep("--seeds", "2", "--on", "slurm", "--jobs", "2")).stderr,
        /--jobs can't be given with --on/,
      );
      assert.match(
        (await made.sweep("--seeds", "2", "--on", "slurm", "--engine", "docker")).stderr,
        /docker/,
      );
    },
  );

  await t.step("GPUs are asked for by what the site calls them", async () => {
    await using made = await Sweeps.make(slurm, {
      "experiment.yaml": FILES["experiment.yaml"].replace(
        "parameters:",
        "environment: { gpus: 1 }\nparameters:",
      ),
      "hosts/gpu.yaml": "gpus: gpu:1\n",
      "train.py":
        `import json, os, sys\njson.dump({"accuracy": 94, "sees": os.environ["CUDA_VISIBLE_DEVICES"]}, ` +
        `open(sys.argv[2] + "/m.json", "w"))`,
    });
    assert.match((await made.sweep("--seeds", "1", "--on", "slurm")).stderr, /demands a GPU/);
    await made.does("--seeds", "2", "--on", "gpu");
    await made.watches();
    for (const member of [1, 2]) assert.match(made.json(member, "train", "m.json").sees, /^[01]$/);
  });
});

/** The environment of this repository's experiment, which CI makes before the tests. */
const ENVIRONMENT = Deno.env.get("VENV_DIR") ?? join(ROOT, ".venv");
const untrained = missing ?? (exists(ENVIRONMENT) ? undefined : "the experiment's environment is not made");
if (missing === undefined && untrained !== undefined) {
  console.log(`ignored: training on Slurm, since ${untrained}: deno task train makes it`);
}

/** Lines of a training's history.csv, without the header. */
async function history(step: string): Promise<number[][]> {
  const [, ...rows] = (await Deno.readTextFile(join(step, "history.csv"))).trim().split("\n");
  return rows.map((row) => row.split(",").map(Number));
}

Deno.test({ name: "this repository's experiment on Slurm", ignore: untrained !== undefined }, async (t) => {
  await using slurm = await Slurm.start({ accounting: false });
  await using project = await Project.make({
    "hosts/few.yaml": "cpus: 2\nthrottle: 3\n",
    "hosts/nodes.yaml": "nodes: 2\ntorchrun: [train]\n",
    "hosts/soon.yaml": "nodes: 2\ntorchrun: [train]\ntime: 10\nsignal: 60\n",
  });
  for (const path of ["experiment.yaml", "requirements.txt", "requirements-cpu.lock", "src", "published"]) {
    const { success } = await new Deno.Command("cp", { args: ["-r", join(ROOT, path), project.root] })
      .output();
    assert.ok(success);
  }
  const env = { ...slurm.env, VENV_DIR: ENVIRONMENT, OMP_NUM_THREADS: "1" };
  const does = async (task: string, ...args: string[]) => {
    const { code, stdout, stderr } = await project.task(task, args, env);
    assert.equal(code, 0, stderr + stdout);
    return stdout;
  };
  const epochs = ["--epochs", "1"];
  await does("step", "train", "--seed", "7", ...epochs, "--engine", "host");
  const [local] = runsOf(project);

  await t.step("one run on two nodes, by srun and torchrun, with the result of one process", async () => {
    const stdout = await does("step", "train", "--seed", "7", ...epochs, "--on", "nodes");
    assert.match(stdout, /Training on 1437 images/);
    const [run] = runsOf(project);
    assert.notEqual(run, local);
    const evidence = JSON.parse(await Deno.readTextFile(join(run!, "evidence.json")));
    const { command, recorded } = evidence.steps.train;
    assert.match(
      command.join(" "),
      / -- srun --nodes=2 .* -m torch\.distributed\.run --nnodes=2 --nproc-per-node=1 /,
    );
    assert.ok(recorded.environment.torch.version);
    const nodes = recorded.children.map((child: Record<string, unknown>) => child.node);
    assert.equal(new Set(nodes).size, 2);
    // Sums in another order differ in the 16th digit, and grow: the same bound as for two processes of one machine.
    const [alone, together] = await Promise.all([local!, run!].map((one) => history(join(one, "train"))));
    for (const [index, row] of alone!.entries()) {
      row.forEach((value, column) =>
        assert.ok(Math.abs(together![index]![column]! - value) <= 1e-9 * Math.abs(value), `${row}`)
      );
    }
  });

  await t.step("on two nodes, stopped before its time limit, it goes on to the same weights", async () => {
    const more = ["step", "train", "--seed", "7", "--epochs", "4", "--on", "soon"];
    await does(...more as [string]);
    const [undisturbed] = runsOf(project);
    const stopping = project.start("step", more.slice(1), env);
    const left = ended(stopping);
    await until("another run is there", () => runsOf(project)[0] !== undisturbed);
    const [stopped] = runsOf(project);
    const printed = join(stopped!, "node-train.log");
    await until(
      "two epochs are done",
      () => exists(printed) && /epoch 2/i.test(Deno.readTextFileSync(printed)),
    );
    const [{ job }] = JSON.parse(Deno.readTextFileSync(join(stopped!, "submission-1.json"))).arrays;
    // What --signal does when the time comes, which would take minutes here.
    assert.equal((await slurm.call(["scancel", "--batch", "--signal=USR1", `${job}_0`])).code, 0);
    await until("it is pending", async () => {
      return /PENDING/.test((await slurm.call(["squeue", "-h", `--jobs=${job}`, "--format=%T"])).stdout);
    });
    await slurm.call(["scontrol", "update", `JobId=${job}_0`, "StartTime=now"]);
    const { code, stdout, stderr } = await left;
    assert.equal(code, 0, stderr + stdout);
    const { attempts } = JSON.parse(Deno.readTextFileSync(join(stopped!, "evidence.json")));
    assert.deepEqual(attempts.map(({ status }: Member) => status), ["interrupted", "done"]);
    assert.match(stdout, /Stopped by SIG\w+ after [1-3] epoch/);
    const [one, other] = await Promise.all(
      [undisturbed!, stopped!].map((run) => sha256File(join(run, "train", "model.safetensors"))),
    );
    assert.equal(one, other);
  });

  await t.step("a sweep over 20 seeds, each with the weights that it has anywhere", async () => {
    await does("sweep", "--seeds", "20", ...epochs, "--on", "few");
    const { stdout } = await project.task("sweep", ["--watch"], env);
    const sweeps = project.path("runs", "digits-resnet", "sweeps");
    const [sweep] = [...Deno.readDirSync(sweeps)];
    const folder = join(sweeps, sweep!.name);
    const { members } = JSON.parse(await Deno.readTextFile(join(folder, "sweep.json")));
    assert.deepEqual(
      members.map(({ status }: Member) => status),
      Array.from({ length: 20 }, () => "done"),
      stdout,
    );
    assert.match(stdout, /validation accuracy over seeds/);
    const weights = async (run: string) => await sha256File(join(run, "train", "model.safetensors"));
    const hashes = await Promise.all(members.map(({ run }: { run: string }) => weights(join(folder, run))));
    assert.equal(new Set(hashes).size, 20);
    assert.equal(hashes[6], await weights(local!));
  });
});

/** Folders of the experiment's runs, newest first. */
function runsOf(project: Project): string[] {
  const folder = project.path("runs", "digits-resnet");
  const ids = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => /^\d/.test(name));
  return ids.sort().reverse().map((id) => join(folder, id));
}

const unreachable = missing ?? await sshMissing();
if (missing === undefined && unreachable !== undefined) {
  console.log(`ignored: the tests with a login node, since ${unreachable}`);
}

/** A sweep on a cluster that is reached by ssh, and keeps what it is sent in a folder of its own. */
class Far implements AsyncDisposable {
  private constructor(readonly sweeps: Sweeps, readonly sshd: Sshd, readonly place: string) {}

  static async make(slurm: Slurm, sshd: Sshd, files: Record<string, string> = {}): Promise<Far> {
    const place = join(await Deno.makeTempDir({ dir: "/tmp", prefix: "cluster-" }), "a b $HOME");
    const file = `host: ${LOGIN}\nfolder: "${place}"\n`;
    return new Far(await Sweeps.make(slurm, { "hosts/far.yaml": file, ...files }), sshd, place);
  }

  /** Slurm itself is not told here: only behind the login node it is. */
  async task(name: string, ...args: string[]): Promise<Ended> {
    const cache = { XDG_CACHE_HOME: this.sweeps.project.path(".cache"), DENO_DIR };
    return await this.sweeps.project.task(name, args, { ...this.sshd.env, ...cache });
  }

  async does(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.task("sweep", ...args);
    assert.equal(code, 0, stderr + stdout);
    return stdout;
  }

  /** What lies there: the copy of the project, and the folder of each run and sweep. */
  folders(): string[] {
    return [...Deno.readDirSync(join(this.place, "test"))].map(({ name }) => join(this.place, "test", name));
  }

  code(file: string): string {
    return join(this.folders().find((path) => /code-[0-9a-f]{16}$/.test(path))!, file);
  }

  async [Symbol.asyncDispose]() {
    await this.sweeps[Symbol.asyncDispose]();
    await Deno.remove(join(this.place, ".."), { recursive: true });
  }
}

Deno.test({ name: "behind a login node", ignore: unreachable !== undefined }, async (t) => {
  await using slurm = await Slurm.start({ accounting: false });
  await using sshd = await Sshd.start(slurm.env);

  await t.step("members run in a copy of the project, and are taken in from there", async () => {
    await using far = await Far.make(slurm, sshd, { "wait-1": "", "fail-2": "" });
    const { sweeps } = far;
    const handed = await far.does("--seeds", "3", "--on", "far");
    assert.match(
      handed,
      /far has 3 members as job \d+; logs: login:.*a b \$HOME\/test\/.*submission-1\.out/,
    );
    await until("two have ended", async () => /2 ended, not taken in/.test(await far.does("--status")));
    assert.match(await far.does("--collect"), /seed = 2 {2}failed[^]*seed = 3 {2}done/);
    assert.equal(sweeps.json(3, "train", "m.json").weights, weights(3));
    const evidence = sweeps.json(3, "evidence.json");
    assert.ok(NODES.includes(evidence.attempts[0].job.node));
    assert.deepEqual(evidence.steps.train.outputs.map(({ path }: { path: string }) => path).sort(), [
      ...["m.json", "nodes.txt", "state.json"],
    ]);
    assert.match(Deno.readTextFileSync(sweeps.path(3, "log.txt")), /\ntrained 3\n/);
    assert.deepEqual(evidence.steps.read.opened, ["{steps.train}/m.json"]);
    // It is asked to save, and goes on in the folder that is there.
    await until("the first waits", () => exists(far.folders().find((path) => !path.includes("code-"))!));
    assert.match(await far.does("--status"), /1 running/);
    await far.task("sweep", "--cancel");
    assert.equal(sweeps.record.members[0].status, "interrupted");
    await Deno.remove(far.code("wait-1"));
    await sweeps.go(1);
    await far.does("--resume", "--on", "far");
    const { stdout } = await far.task("sweep", "--watch");
    assert.match(stdout, /seed = 1 {2}done/);
    assert.equal(sweeps.json(1, "train", "m.json").weights, weights(1));
    assert.match(Deno.readTextFileSync(sweeps.path(1, "train", "nodes.txt")), /^n\d 0\nn\d 5\n$/);
    // Only now nothing there is needed any more; the command that is given removes it.
    const removal = /copies are still on login, and can be removed: (ssh login .*)\n/;
    assert.match(stdout, removal);
    assert.equal((await call(["bash", "-c", removal.exec(stdout)![1]!], sshd.env)).code, 0);
    assert.ok(!exists(join(far.place, "test")) && exists(far.place));
  });

  await t.step(
    "a host that nobody knows is not trusted, and a connection that is lost is waited for",
    async () => {
      await using far = await Far.make(slurm, sshd, { "wait-1": "" });
      await sshd.forget();
      const unknown = await far.task("sweep", "--seeds", "2", "--on", "far");
      assert.equal(unknown.code, 3);
      assert.match(
        unknown.stderr,
        /Cannot reach login: Host key verification failed[^]*Log in by hand, ssh login/,
      );
      assert.deepEqual(far.sweeps.record.members.map(({ status }: Member) => status), ["waiting", "waiting"]);
      assert.ok(!exists(far.place) && !exists(join(sshd.folder, "known_hosts")));
      await sshd.trust();
      await far.does("--resume", "--on", "far");
      await sshd.stop();
      const down = await far.task("sweep", "--status");
      assert.equal(down.code, 3);
      assert.match(down.stderr, /Cannot reach login: .*Connection refused/);
      const watching = far.task("sweep", "--watch");
      await Deno.remove(far.code("wait-1"));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await sshd.listen();
      const { stdout, stderr } = await watching;
      assert.deepEqual(
        far.sweeps.record.members.map(({ status }: Member) => status),
        ["done", "done"],
        stderr + stdout,
      );
    },
  );

  await t.step(
    "a connection lost while Slurm takes the job: it is found, and not handed over twice",
    async () => {
      await using far = await Far.make(slurm, sshd, {
        // The real one is asked, and its answer lost.
        "lost/ssh": `#!/bin/sh
PATH=\${PATH#*:}
case "$*" in *sbatch*) ssh "$@" >/dev/null; exit 255 ;; esac
exec ssh "$@"
`,
      });
      const { project } = far.sweeps;
      await Deno.chmod(project.path("lost", "ssh"), 0o755);
      const env = { PATH: `${project.path("lost")}:${sshd.env.PATH}` };
      const { code, stderr } = await project.task("sweep", ["--seeds", "2", "--on", "far"], env);
      assert.equal(code, 0, stderr);
      await far.task("sweep", "--watch");
      assert.deepEqual(far.sweeps.record.members.map(({ status }: Member) => status), ["done", "done"]);
      const { stdout } = await slurm.call(["squeue", "-h", "-a", "--states=all", "--format=%j"]);
      const name = `test-${far.sweeps.directory.split("/").at(-1)}-1.1`;
      assert.equal(stdout.split("\n").filter((line) => line.trim() === name).length, 2);
    },
  );

  await t.step("data are copied once, checked there, and read as they are here", async () => {
    const photos = "1,2\n";
    const table = digest("sha256", new TextEncoder().encode(photos));
    const folder = digest("sha256", new TextEncoder().encode(`${table}  a/one.csv\n${table}  two.csv\n`));
    await using far = await Far.make(slurm, sshd, {
      "experiment.yaml": `name: test
parameters: { seed: 1 }
data:
  table: { how: ask the authors, to: in/photos.csv, sha256: ${table} }
  folder: { how: ask the authors, to: in/folder, sha256: ${folder} }
steps:
  train:
    run: [python3, read.py, "{data.table}", "{data.folder}", "{out}/m.json"]
    data: [table, folder]
    produces: [m.json]
`,
      "read.py": `import pathlib, sys
table, folder, out = map(pathlib.Path, sys.argv[1:])
read = [table, folder / "a/one.csv", pathlib.Path("in/folder/two.csv"), pathlib.Path("in/photos.csv")]
out.write_text(str([path.read_text() for path in read].count("1,2\\n")))
`,
      "in/photos.csv": photos,
      "in/folder/a/one.csv": photos,
      "in/folder/two.csv": photos,
    });
    const { sweeps } = far;
    const run = async (...args: string[]) => {
      await far.does("--on", "far", ...args);
      await far.task("sweep", "--watch");
      return sweeps.record.members.map(({ status }: Member) => status);
    };
    assert.deepEqual(await run("--seeds", "2"), ["done", "done"], sweeps.record.members[0].problem);
    assert.equal(await Deno.readTextFile(sweeps.path(1, "train", "m.json")), "4");
    const evidence = sweeps.json(1, "evidence.json");
    assert.deepEqual(
      [evidence.steps.train.data.table.sha256, evidence.steps.train.data.folder.sha256],
      [table, folder],
    );
    const there = join(far.place, ".data", table, "photos.csv");
    assert.equal(await Deno.readLink(far.code("in/photos.csv")), there);
    const before = Deno.statSync(there);
    await Deno.writeTextFile(sweeps.project.path("other.py"), "");
    assert.deepEqual(await run("--seeds", "1"), ["done"]);
    assert.deepEqual([Deno.statSync(there).ino, Deno.statSync(there).ctime], [before.ino, before.ctime]);

    // Between the check and the start of a member.
    const hosts = await Deno.readTextFile(sweeps.project.path("hosts", "far.yaml"));
    const change = `prologue: ['chmod u+w "${there.replace("$", "\\$")}"; echo 3 >> "${
      there.replace("$", "\\$")
    }"']\n`;
    await sweeps.project.write("hosts/far.yaml", hosts + change);
    assert.deepEqual(await run("--seeds", "1"), ["failed"]);
    assert.match(
      sweeps.record.members[0].problem,
      /the data "table" are not what was copied to the cluster: .*\.data\/.*photos\.csv was changed/,
    );
    await sweeps.project.write("hosts/far.yaml", hosts);
    const refused = await far.task("sweep", "--seeds", "1", "--on", "far");
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /"table" on login: .*photos\.csv was changed there since it was copied/);
    const [, removal] = /copied again: (ssh login .*)/.exec(refused.stderr)!;
    assert.equal((await call(["bash", "-c", removal!], sshd.env)).code, 0);
    assert.deepEqual(await run("--seeds", "1"), ["done"]);
  });

  await t.step("one run is handed over, shown and taken in", async () => {
    await using far = await Far.make(slurm, sshd, {
      "experiment.yaml": FILES["experiment.yaml"].replace("name: accuracy over seeds", "name: accuracy")
        .replace("    over: seeds\n", "").replace("{ mean: 94.0, std: 0.3, n: 10 }", "94.01"),
    });
    const { code, stdout, stderr } = await far.task("reproduce", "--on", "far");
    assert.equal(code, 0, stderr + stdout);
    assert.match(stdout, /far has it as job \d+\n[^]*trained 1\n[^]*accuracy .* identical/);
    assert.match(stdout, /copies are still on login, and can be removed: ssh login .*\/test'/);
    // Of two runs each is removed by itself, and the sources stay.
    const second = await far.task("train", "--on", "far");
    assert.equal(second.code, 0, second.stderr);
    const [, removal] = /can be removed: (ssh login .*)\n/.exec(second.stdout)!;
    assert.equal((await call(["bash", "-c", removal!], sshd.env)).code, 0);
    assert.deepEqual(far.folders().map((path) => /code-/.test(path)).sort(), [false, true]);
    const script = (await far.task("train", "--on", "far", "--plan")).stdout;
    assert.match(script, /^#SBATCH --chdir="\/tmp\/cluster-.*a b \$HOME\/test\/code-[0-9a-f]{16}"$/m);
    assert.ok(!script.includes(far.sweeps.project.root), script);
  });
});

const hasGroups = missing === undefined && await hasMemoryGroups();
if (missing === undefined && !hasGroups) {
  console.log("ignored: a member that runs out of memory, since this machine lets Slurm make no cgroups");
}

Deno.test({ name: "a site with limits", ignore: missing !== undefined }, async (t) => {
  await using slurm = await Slurm.start({
    accounting: true,
    conf: ["AccountingStorageEnforce=associations,limits", "MaxArraySize=4", "DefMemPerCPU=300"],
    cgroups: hasGroups,
  });
  const manage = async (...args: string[]) => await slurm.call(["sacctmgr", "--immediate", ...args]);
  await manage("add", "account", "lab", "cluster=test");
  await manage("add", "user", "root", "account=lab", "cluster=test", "MaxSubmitJobs=8");

  await t.step("more members than an array and the site take are handed over in parts", async () => {
    await using made = await Sweeps.make(slurm);
    // Accounts are told to the controller from time to time.
    await until("the account is known", async () => {
      return (await slurm.call(["sbatch", "--test-only", "--wrap", "true"])).code === 0;
    });
    const { code, stdout, stderr } = await made.sweep("--seeds", "10", "--on", "slurm");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /slurm has 8 members as job \d+, \d+, \d+;/);
    assert.match(stderr + stdout, /2 more are not handed over yet: the site lets you queue 8/);
    await made.sweep("--watch");
    assert.deepEqual(made.record.members.map(({ status }: Member) => status), [
      ...Array.from({ length: 8 }, () => "done"),
      ...["waiting", "waiting"],
    ]);
    await made.does("--resume", "--on", "slurm");
    await made.watches();
  });

  await t.step("an account that is not the user's is named", async () => {
    await using made = await Sweeps.make(slurm, { "hosts/other.yaml": "account: theirs\n" });
    const { code, stderr } = await made.sweep("--seeds", "2", "--on", "other");
    assert.equal(code, 3);
    assert.match(stderr, /Slurm refuses the job: Invalid account.* \(account: theirs\)/);
  });

  await t.step("a job whose answer got lost is found by its name, and not handed over twice", async () => {
    await using made = await Sweeps.make(slurm, {
      // The real one is asked, and its answer swallowed, as a network does that breaks in this moment.
      "bin/sbatch": `#!/bin/sh
PATH=\${PATH#*:} sbatch "$@" >/dev/null
echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
exit 1
`,
    });
    await Deno.chmod(made.project.path("bin", "sbatch"), 0o755);
    const env = { ...slurm.env, PATH: `${made.project.path("bin")}:${Deno.env.get("PATH")}` };
    const { code, stderr } = await made.project.task("sweep", ["--seeds", "2", "--on", "slurm"], env);
    assert.equal(code, 0, stderr);
    await made.watches();
    const { stdout } = await slurm.call(["squeue", "-h", "-a", "--states=all", "--format=%j"]);
    const name = `test-${made.directory.split("/").at(-1)}-1.1`;
    assert.equal(stdout.split("\n").filter((line) => line.trim() === name).length, 2);
  });

  await t.step({
    name: "a member that takes more memory than it asked for: its cause says so, and others are not touched",
    ignore: !hasGroups,
    fn: async () => {
      await using made = await Sweeps.make(slurm, {
        "hosts/small.yaml": "memory: 150M\n",
        "train.py": `import sys\nif sys.argv[1] == "2":\n    b"x" * 400_000_000\n${TRAIN}`,
      });
      await made.does("--seeds", "2", "--on", "small");
      const { stdout } = await made.sweep("--watch");
      assert.match(stdout, /seed = 1 {2}done/);
      assert.match(stdout, /seed = 2 {2}interrupted .*stopped by its memory limit/);
      const { status, attempts, steps } = made.json(2, "evidence.json");
      assert.deepEqual([status, attempts[0].status], ["interrupted", "interrupted"]);
      assert.equal(attempts[0].because, "stopped by its memory limit");
      assert.equal(steps.train.problem, "stopped by its memory limit");
    },
  });

  await t.step({
    name: "the same, where srun started what took it",
    ignore: !hasGroups,
    fn: async () => {
      await using made = await Sweeps.make(slurm, {
        "hosts/small.yaml": "memory: 150M\n",
        "train.py": `import subprocess, sys
take = [sys.executable, "-c", "b'x' * 400_000_000"]
if sys.argv[1] == "2" and subprocess.run(["srun", "--mem=150M", *take]).returncode != 0:
    sys.exit("it did not work")
${TRAIN}`,
      });
      await made.does("--seeds", "2", "--on", "small");
      const { stdout } = await made.sweep("--watch");
      assert.match(stdout, /seed = 1 {2}done/);
      assert.match(stdout, /seed = 2 {2}interrupted .*stopped by its memory limit/);
      assert.equal(made.json(2, "evidence.json").steps.train.problem, "stopped by its memory limit");
    },
  });

  await t.step("a folder's name may hold what Slurm reads otherwise", async () => {
    const files = Object.entries(FILES).map(([path, text]) => [`a b%j/${path}`, text]);
    await using project = await Project.make(Object.fromEntries(files));
    for (const args of [["--seeds", "2", "--on", "slurm"], ["--watch"]]) {
      const { code, stderr, stdout } = await project.task(
        "sweep",
        ["a b%j/experiment.yaml", ...args],
        slurm.env,
      );
      assert.equal(code, 0, stderr + stdout);
    }
    const sweeps = project.path("a b%j", "runs", "test", "sweeps");
    const [sweep] = [...Deno.readDirSync(sweeps)];
    assert.ok(exists(join(sweeps, sweep!.name, "submission-1.out")));
  });
});

Deno.test(
  { name: "a site that ends jobs for their memory by itself", ignore: missing !== undefined },
  async () => {
    await using slurm = await Slurm.start({
      accounting: true,
      conf: ["JobAcctGatherParams=OverMemoryKill", "JobAcctGatherFrequency=task=1"],
    });
    await using made = await Sweeps.make(slurm, {
      "hosts/small.yaml": "memory: 150M\n",
      "train.py": `import sys, time
if sys.argv[1] == "2":
    taken = b"x" * 400_000_000
    time.sleep(60)
${TRAIN}`,
    });
    await made.does("--seeds", "2", "--on", "small");
    const { stdout } = await made.sweep("--watch");
    assert.match(stdout, /seed = 1 {2}done/);
    assert.match(stdout, /seed = 2 {2}interrupted .*stopped by its memory limit/);
  },
);

Deno.test("saysOutOfMemory() knows Slurm's words, and no program's", async (t) => {
  const cases: [printed: string, is: boolean][] = [
    [
      "slurmstepd: error: Detected 1 oom_kill event in StepId=5.0. Some of the step tasks have been OOM Killed.",
      true,
    ],
    ["slurmstepd-n2: error: Detected 1 oom-kill event(s) in StepId=5.0 cgroup.", true],
    ["epoch 1\nsrun: error: n2: task 1: Out Of Memory\n", true],
    ["slurmstepd: error: StepId=2.0 exceeded memory limit (400 > 150), being killed", true],
    ["slurmstepd: error: Exceeded job memory limit", true],
    ["srun: error: n2: task 1: Exited with exit code 1", false],
    ["RuntimeError: CUDA out of memory", false],
  ];
  for (const [printed, is] of cases) {
    await t.step(printed, () => assert.equal(saysOutOfMemory(printed), is));
  }
});

Deno.test("without Slurm's commands it is said what is missing", async () => {
  await using project = await Project.make(FILES);
  const python = await said(["python3", "-c", "import sys; print(sys.executable)"]);
  const env = { PATH: project.root, PYTHON: python };
  const { code, stderr } = await project.task("sweep", ["--seeds", "2", "--on", "slurm"], env);
  assert.equal(code, 3);
  assert.match(stderr, /Slurm's commands are not on this machine/);
});

/** What the training gives that nobody disturbs. */
function weights(seed: number): number {
  return Array.from({ length: 10 }).reduce<number>((sum) => sum * 0.5 + seed, 0);
}

function lockOf(directory: string): boolean {
  return [...Deno.readDirSync(directory)].some(({ name }) => name.includes("lock"));
}
