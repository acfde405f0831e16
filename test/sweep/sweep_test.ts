/** The real command line over seeds: records, failures, interruption, what is checked again. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { canonicalJson } from "../../tasks/lib/record/canonical_json.ts";
import { acquireRun } from "../../tasks/lib/record/run_lock.ts";
import { findSweepAlterations } from "../../tasks/lib/record/sweep_receipt.ts";
import { copyTree, sha256 } from "../../tasks/lib/system/files.ts";
import { ended, Project, until } from "../support/project.ts";
import { recordProblems, sweepProblems } from "../support/schemas.ts";
import { CLAIM_OVER_SEEDS } from "../support/sweeps.ts";

const HAS_SSH = await new Deno.Command("ssh-keygen", { args: ["-?"] }).output().then(() => true, () => false);

if (!HAS_SSH) console.log("ignored: the test of a sweep's signature, since there is no ssh-keygen");

const FILES = {
  "experiment.yaml": `name: test
parameters: { seed: 1, lr: 0.1 }
steps:
  train:
    run: [python3, train.py, "{seed}", "{lr}", "{out}"]
    produces: [m.json]
    resume: [--resume]
  plot:
    run: [python3, -c, pass]
${CLAIM_OVER_SEEDS}  - name: accuracy
    from: train/m.json#/accuracy
    value: 94.1
`,
  "train.py": `
import json, os, pathlib, sys, time
seed, lr, out = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
project = pathlib.Path(__file__).parent
if (project / f"fail-{seed}").exists():
    sys.exit("no luck")
if (project / f"wait-{seed}").exists():
    pathlib.Path(out, "began").touch()
    while (project / f"wait-{seed}").exists():
        time.sleep(0.05)
result = {"accuracy": 94 + seed / 100, "threads": os.environ.get("OMP_NUM_THREADS"), "resumed": "--resume" in sys.argv}
json.dump(result, open(out + "/m.json", "w"))
`,
};

/** The newest sweep: its folder and its record. */
// deno-lint-ignore no-explicit-any
async function newest(project: Project): Promise<{ directory: string; record: any }> {
  const ids = [...Deno.readDirSync(project.path("runs", "test", "sweeps"))].map(({ name }) => name).sort();
  const directory = project.path("runs", "test", "sweeps", ids.at(-1)!);
  return { directory, record: JSON.parse(await Deno.readTextFile(join(directory, "sweep.json"))) };
}

// deno-lint-ignore no-explicit-any
function statuses({ members }: any): string[] {
  // deno-lint-ignore no-explicit-any
  return members.map(({ status }: any) => status);
}

Deno.test("sweep makes runs of their own, judges them together, runs failed ones again and adds seeds", async () => {
  await using project = await Project.make({ ...FILES, "fail-2": "" });
  const first = await project.task("sweep", ["--seeds", "3", "--jobs", "2"]);
  assert.equal(first.code, 1, first.stderr + first.stdout);
  assert.match(first.stdout, /1 × train: exit code 1: seed = 2/);
  assert.match(first.stdout, /Members failed: 1 of 1 claims hold on those that are done/);
  const { directory, record } = await newest(project);
  assert.deepEqual(statuses(record), ["done", "failed", "done"]);
  assert.deepEqual(record.steps, ["train"]); // what the claim over seeds is about
  assert.deepEqual(sweepProblems(directory), []);
  for (const { run } of record.members) {
    assert.deepEqual(recordProblems(join(directory, run)), []);
    for (const file of ["plan.json", "evidence.json", "verdict.json", "receipt.json"]) {
      await Deno.stat(join(directory, run, file));
    }
  }
  const cores = navigator.hardwareConcurrency;
  const made = JSON.parse(await Deno.readTextFile(join(directory, record.members[0].run, "train/m.json")));
  assert.equal(made.threads, String(Math.max(1, Math.floor(cores / 2))));
  await Deno.remove(project.path("fail-2"));
  const again = await project.task("sweep", ["--retry", "failed"]);
  assert.equal(again.code, 0, again.stderr + again.stdout);
  assert.match(again.stdout, /going on with .*: 1 member of 3/);
  assert.match(again.stdout, /equivalent/);
  assert.match(again.stdout, /with 3 seeds against the authors' 10, equal means are shown/);
  assert.match(await Deno.readTextFile(join(directory, "report.html")), /<svg class="chart" id="strip-0"/);
  assert.match(await Deno.readTextFile(project.path("runs", "index.html")), /0 runs, 1 sweep/);
  const more = await project.task("sweep", ["--add-seeds", "1", "--json"]);
  assert.equal(more.code, 0, more.stderr);
  const result = JSON.parse(more.stdout);
  // deno-lint-ignore no-explicit-any
  assert.deepEqual(result.verdict.checks[0].seeds.values.map(({ seed }: any) => seed), ["1", "2", "3", "4"]);
  // A member is an ordinary run, and no run of the experiment's own list.
  const verified = await project.task("verify", [join(directory, record.members[0].run)]);
  assert.match(verified.stdout, /not applicable/);
  assert.match((await project.task("verify")).stderr, /There is no run of test/);
});

Deno.test("sweep --show finds what was altered in the record, in a receipt, and a folder that is gone", async (t) => {
  await using project = await Project.make(FILES);
  assert.equal((await project.task("sweep", ["--seeds", "2"])).code, 0);
  const { directory, record } = await newest(project);
  assert.equal((await project.task("sweep", ["--show"])).code, 0);
  const run = record.members[0].run;
  const cases: [file: string, message: RegExp][] = [
    [join(run, "train/m.json"), /train\/m\.json: other bytes than recorded/],
    [join(run, "receipt.json"), /receipt\.json: other bytes/],
    [join(run, "evidence.json"), /its evidence can't be read any more/],
    ["sweep.json", /sweep\.json: other bytes than the receipt states/],
    ["verdict.json", /verdict\.json: other bytes than the receipt states/],
  ];
  for (const [file, message] of cases) {
    await t.step(file, async () => {
      const before = await Deno.readTextFile(join(directory, file));
      await Deno.writeTextFile(
        join(directory, file),
        file.endsWith("evidence.json") ? before.slice(0, 99) : `${before} `,
      );
      const { code, stdout } = await project.task("sweep", ["--show"]);
      await Deno.writeTextFile(join(directory, file), before);
      assert.equal(code, 1, stdout);
      assert.match(stdout, message);
      assert.match(stdout, /Not to be trusted/);
    });
  }
  await t.step("a receipt of the first version, and one that was changed", async () => {
    const path = join(directory, "receipt.json");
    const { predicate: { sweep }, subject } = JSON.parse(await Deno.readTextFile(path));
    // deno-lint-ignore no-explicit-any
    const files = subject.slice(0, 2).map(({ name, digest }: any) => [name, digest.sha256]);
    const { code: _, sha256: __, ...stated } = sweep;
    const text = canonicalJson({ ...stated, schema: 1, files: Object.fromEntries(files) });
    const first = `{"sha256":"${sha256(text)}","statement":${text}}`;
    await Deno.writeTextFile(path, first);
    assert.deepEqual(await findSweepAlterations(directory, record), []);
    for (const changed of [first.replace('"done"', '"failed"'), `${first} `, "{", "null", "{}"]) {
      await Deno.writeTextFile(path, changed);
      assert.deepEqual(await findSweepAlterations(directory, record), [
        "receipt.json: other bytes than were written",
      ]);
    }
    await Deno.writeTextFile(path, first);
  });
  await Deno.remove(join(directory, run), { recursive: true });
  assert.match((await project.task("sweep", ["--show"])).stdout, /not there any more/);
});

Deno.test("members that ran elsewhere are taken in: what is damaged runs again, what was altered is told", async () => {
  await using project = await Project.make(FILES);
  assert.equal((await project.task("sweep", ["--seeds", "3"])).code, 0);
  const { directory, record } = await newest(project);
  const evidenceOf = (index: number) => join(directory, record.members[index].run, "evidence.json");
  const result = join(directory, record.members[2].run, "train/m.json");
  assert.deepEqual(record.members[2].found, { "accuracy over seeds": 94.03, accuracy: 94.03 });
  assert.equal(record.members[2].evidence, sha256(await Deno.readFile(evidenceOf(2))));
  // deno-lint-ignore no-explicit-any
  const members = record.members.map(({ values }: any) => ({ values, status: "waiting" }));
  const elsewhere = { ...record, status: "running", attempts: [], members };
  await Deno.writeTextFile(join(directory, "sweep.json"), JSON.stringify(elsewhere));
  await Deno.truncate(evidenceOf(0), 99);
  await Deno.remove(join(directory, record.members[1].run), { recursive: true });
  const text = await Deno.readTextFile(result);
  await Deno.writeTextFile(result, text.replace("94.03", "99.99"));
  {
    using _ = await acquireRun(directory);
    const second = await project.task("sweep", ["--resume"]);
    assert.equal(second.code, 3, second.stdout);
    assert.match(second.stderr, /is locked by process \d+/);
  }
  const taken = await project.task("sweep", ["--resume"]);
  assert.equal(taken.code, 1, taken.stderr + taken.stdout);
  assert.match(taken.stdout, /going on with .*: 2 members of 3/);
  assert.match(taken.stdout, /0003\/train\/m\.json: other bytes than recorded/);
  const after = (await newest(project)).record;
  assert.deepEqual(statuses(after), ["done", "done", "done"]);
  assert.match(after.members[0].run, /-0001-2$/);
  assert.equal(after.members[1].run, record.members[1].run);
  assert.equal(after.members[2].found, undefined, "a number from a file that is another than was recorded");
  await Deno.writeTextFile(result, text);
  const evidence = await Deno.readTextFile(evidenceOf(1));
  await Deno.writeTextFile(evidenceOf(1), evidence.replace('"done"', '"done" '));
  const changed = await project.task("sweep", ["--add-seeds", "1"]);
  assert.equal(changed.code, 1, changed.stderr + changed.stdout);
  assert.match(changed.stdout, /0002: its evidence is not the one that was recorded, or is gone/);
  await Deno.writeTextFile(evidenceOf(1), evidence);
  const shown = await project.task("sweep", ["--show"]);
  assert.equal(shown.code, 0, shown.stdout);
});

Deno.test({
  name: "a sweep's receipt is signed, and a copy of the sweep is verified with all its members",
  ignore: !HAS_SSH,
  async fn(t) {
    await using project = await Project.make(FILES);
    assert.equal((await project.task("sweep", ["--seeds", "2"])).code, 0);
    const { directory, record } = await newest(project);
    for (const name of ["id", "other"]) {
      const key = ["-q", "-t", "ed25519", "-N", "", "-f", project.path(name)];
      assert.ok((await new Deno.Command("ssh-keygen", { args: key }).output()).success);
    }
    const signed = await project.task("receipt", [directory, "--sign", "id"]);
    assert.equal(signed.code, 0, signed.stderr);
    assert.match(signed.stdout, /2 of 2 done; 2 receipts.*\n.*signed with the ED25519 key SHA256:/);
    assert.deepEqual(await findSweepAlterations(directory, record), []);
    await using elsewhere = await Project.make({
      allowed: `alice@example.org ${await Deno.readTextFile(project.path("id.pub"))}`,
      others: `bob@example.org ${await Deno.readTextFile(project.path("other.pub"))}`,
    });
    const copy = elsewhere.path("sweep");
    await copyTree(directory, copy);
    const verify = (signers: string) => elsewhere.task("verify", ["./sweep", "--allowed-signers", signers]);
    const allowed = await verify("allowed");
    assert.equal(allowed.code, 0, allowed.stderr + allowed.stdout);
    assert.match(allowed.stdout, /Reproduced over seeds[\s\S]*signed by alice@example\.org/);
    const others = await verify("others");
    assert.equal(others.code, 1);
    assert.match(others.stdout, /others does not list it/);
    const reported = await elsewhere.task("report", ["./sweep"]);
    assert.equal(reported.code, 0, reported.stderr);
    assert.match(await Deno.readTextFile(join(copy, "report.html")), /Reproduced over seeds/);
    assert.match(
      (await elsewhere.task("report", ["./sweep", "--markdown"])).stderr,
      /--markdown is for a run/,
    );
    const cases: [name: string, file: string, from: string, to: string, said: RegExp][] = [
      [
        "a member's file",
        join(record.members[1].run, "train/m.json"),
        "94.02",
        "95.02",
        /m\.json: other bytes/,
      ],
      [
        "a kept number",
        "sweep.json",
        '{"accuracy over seeds":94.02',
        '{"accuracy over seeds":99.02',
        /sweep\.json/,
      ],
    ];
    for (const [name, file, from, to, said] of cases) {
      await t.step(name, async () => {
        const before = await Deno.readTextFile(join(copy, file));
        assert.ok(before.includes(from), before);
        await Deno.writeTextFile(join(copy, file), before.replace(from, to));
        const { code, stdout } = await verify("allowed");
        assert.equal(code, 1);
        assert.match(stdout, said);
        assert.match((await elsewhere.task("receipt", ["./sweep"])).stderr, /There is nothing to state of/);
        if (file === "sweep.json") {
          const page = (await elsewhere.task("report", ["./sweep", "--json"])).stdout;
          assert.deepEqual(valuesIn(JSON.parse(page)), [94.01, 94.02], "a number that no receipt states");
        }
        await Deno.writeTextFile(join(copy, file), before);
      });
    }
    await t.step(
      "what goes on is not signed any more, and believes no number that was not stated",
      async () => {
        const text = await Deno.readTextFile(join(directory, "sweep.json"));
        await Deno.writeTextFile(join(directory, "sweep.json"), text.replace('seeds":94.02', 'seeds":99.02'));
        const more = await project.task("sweep", ["--add-seeds", "1", "--json"]);
        assert.deepEqual(valuesIn(JSON.parse(more.stdout)), [94.01, 94.02, 94.03]);
        assert.match((await project.task("receipt", [directory])).stdout, /not signed/);
      },
    );
  },
});

// deno-lint-ignore no-explicit-any
function valuesIn({ verdict }: any): number[] {
  // deno-lint-ignore no-explicit-any
  return verdict.checks[0].seeds.values.map(({ value }: any) => value);
}

Deno.test("an interrupted sweep goes on where it was, whether it was stopped or killed", async (t) => {
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    await t.step(signal, async () => {
      await using project = await Project.make({ ...FILES, "wait-2": "" });
      const sweep = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          "--quiet",
          join(import.meta.dirname!, "../../tasks/sweep.ts"),
          "--seeds",
          "3",
        ],
        cwd: project.root,
        env: { NO_COLOR: "1", INIT_CWD: project.root },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = ended(sweep);
      await until("the second member runs", async () => {
        const sweeps = project.path("runs", "test", "sweeps");
        const ids = await Array.fromAsync(Deno.readDir(sweeps)).catch(() => []);
        if (ids.length === 0) return false;
        const began = join(sweeps, ids[0]!.name, `${ids[0]!.name}-0002`, "train", "began");
        return await Deno.stat(began).then(() => true, () => false);
      });
      sweep.kill(signal);
      const { code, stdout, stderr } = await output;
      if (signal === "SIGINT") {
        assert.equal(code, 130, stderr);
        assert.match(stdout, /deno task sweep --resume goes on with it/);
        assert.deepEqual(statuses((await newest(project)).record), ["done", "interrupted", "waiting"]);
      }
      await Deno.remove(project.path("wait-2"));
      const resumed = await project.task("sweep", ["--resume"]);
      assert.equal(resumed.code, 0, resumed.stderr + resumed.stdout);
      assert.match(resumed.stdout, /going on with .*: 2 members of 3/);
      const { directory, record } = await newest(project);
      assert.deepEqual(statuses(record), ["done", "done", "done"]);
      // The member went on in its own folder, and was told so.
      const run = record.members[1].run;
      assert.ok(run.endsWith("-0002"), run);
      assert.equal(JSON.parse(await Deno.readTextFile(join(directory, run, "train/m.json"))).resumed, true);
      assert.match((await project.task("sweep", ["--resume"])).stderr, /no member is left to be run/);
    });
  }
});

Deno.test("sweep refuses what does not go together, and writes nothing for a plan", async (t) => {
  await using project = await Project.make(FILES);
  const cases: [args: string[], message: RegExp][] = [
    [["--resume"], /There is no sweep of test/],
    [["--resume", "--retry", "failed"], /--resume and --retry can't be given together/],
    [["--retry", "failed", "--seeds", "3"], /There is no sweep|takes no other seeds/],
    [["--id", "x", "--seeds", "3"], /--id names a sweep that is there/],
    [["--seeds", "3", "--jobs", "two"], /--jobs must be a whole number/],
    [["--seeds", "3", "--depth", "2"], /has no option --depth|declares no parameter depth/],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stderr } = await project.task("sweep", args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    });
  }
  const { code, stdout } = await project.task("sweep", ["--seeds", "1000", "--plan", "--json"]);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).members.length, 1000);
  await assert.rejects(Deno.stat(project.path("runs")));
});

Deno.test("a sweep is judged by what the authors published over seeds, as it was when it ran", async () => {
  const text = FILES["experiment.yaml"].replace(
    "value: { mean: 94.0, std: 0.3, n: 10 }",
    "published: authors.json#/runs",
  );
  await using project = await Project.make({
    ...FILES,
    "experiment.yaml": text,
    "authors.json": '{ "runs": [94.0, 94.1, 93.8] }',
  });
  const { code, stdout, stderr } = await project.task("sweep", ["--seeds", "2"]);
  assert.equal(code, 0, stderr + stdout);
  assert.match(stdout, /93\.967 ± 0\.153 \(n = 3\) .* equivalent/);
  await project.write("authors.json", '{ "runs": [10, 11, 12] }');
  assert.match((await project.task("sweep", ["--show"])).stdout, /93\.967 ± 0\.153 \(n = 3\) .* equivalent/);
});

Deno.test("reproduce makes the sweep where it is asked to, or the experiment says so, and says first what it takes", async () => {
  await using project = await Project.make(FILES);
  const alone = await project.task("reproduce");
  assert.match(alone.stdout, /claimed over seeds, which one run does not judge: deno task sweep does/);
  await assert.rejects(Deno.stat(project.path("runs", "test", "sweeps")));
  const text = FILES["experiment.yaml"].replace("value: 94.1", "value: 94.01");
  await project.write("experiment.yaml", `${text}sweep: { seeds: 2, reproduce: true }\n`);
  const { code, stdout, stderr } = await project.task("reproduce");
  assert.equal(code, 0, stderr + stdout);
  const [cost, verdict] = [
    /a member takes .* \(as in .*\), all about/,
    /Reproduced over seeds: 1 of 1 claims hold/,
  ];
  assert.ok(stdout.search(cost) > 0 && stdout.search(cost) < stdout.search(verdict), stdout);
  assert.match(
    (await project.task("reproduce", ["--sweep", "--twice"])).stderr,
    /--sweep can't be given with --twice/,
  );
});
