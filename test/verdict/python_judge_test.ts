import assert from "node:assert/strict";
import { join } from "node:path";
import { ended, Project, ROOT } from "../support/project.ts";

const JUDGE = join(ROOT, "tasks/inside/judge.py");

async function judge(...args: string[]) {
  return await ended(
    new Deno.Command("python3", {
      args: [JUDGE, ...args],
      ...{ stdin: "null", stdout: "piped", stderr: "piped" },
    }).spawn(),
  );
}

const TRAIN = String.raw`
import json, os, sys
out = sys.argv[1]
open(out + "/m.json", "w", encoding="utf-8").write(
    '\ufeff{"a": [1.0, 2.50, 3e0], "b": {"x/y": true, "z~": "精度"}, "n": null, "nan": NaN,'
    ' "log": [{"loss": 0.50}, {"other": 1}, {"loss": 0.250}, {"loss": null}], "twice": 1, "twice": 2}')
open(out + "/h.csv", "w").write('epoch,acc,note\n1,48.89,"a, ""b"""\n2,68.15,\n10,86.10,NA\n')
open(out + "/cells.csv", "w", encoding="utf-8").write(
    'm,v\na,"1.068,10"\nb,94.1 ± 0.2\nc,**94.1**\nd,$94.1\\pm0.2$\ne,94.1 (0.2)\nf,"27,000"\ng,94.1%\nh,12.5 ± 0.1 ms\ni,"1 068,10"\n')
open(out + "/s.tsv", "w").write("x\ty\n1\t5,5\n")
open(out + "/t.dat", "w").write("1 2.5\n2 3.5\n")
open(out + "/l.jsonl", "w").write('{"step": 1, "loss": 0.9}\n\n{"step": 2, "loss": 0.70}\n{"note": "x"}\n')
open(out + "/log.txt", "w", newline="").write("acc: 1.5\r\nacc: 2.5 %\nloss=3\u2028acc: 9\n")
os.makedirs(out + "/mlruns/0/abc/metrics")
open(out + "/mlruns/0/abc/metrics/acc", "w").write("1 0.5 0\n2 0.75 1\n")
json.dump({"cells": [{"outputs": [{"text": ["acc 1", "2.5\n"]}, {"data": {"text/plain": "42"}}]}, {"source": "acc 7"}]},
          open(out + "/n.ipynb", "w"))
code = lambda *outputs, **more: {"cell_type": "code", "outputs": list(outputs), **more}
json.dump({"cells": [code({"text": "9"}, metadata={"tags": ["injected-parameters"]}),
                     code({"text": ["acc 86.10 %, v1.2.3 at 12:30\n"]}, {"name": "stderr", "text": "50"}),
                     {"cell_type": "markdown", "source": "7"}, code({"data": {"text/plain": "[1, -2.5e3, .5]"}}), code()]},
          open(out + "/c.ipynb", "w"))
open(out + "/r.md", "w").write("| m | v |\n|---|---|\n| A | 5 |\n")
open(out + "/r.yaml", "w").write("v: 5\n")
open(out + "/r.toml", "w").write('v = 1_0.50\nw = +5\nx = 0x1F\nbig = inf\nlist = [1.0, 2.50]\n[a.b]\nt = "86.10 %"\nok = true\n[[many]]\nm = 1\n[[many]]\nm = 2e1\n')
os.makedirs(out + "/deep/er")
open(out + "/deep/er/one.json", "w").write('{"v": 7}')
open(out + "/deep.json", "w").write("[" * 600 + "]" * 600)
print("final accuracy: \x1b[1m99.44\x1b[0m")
print("twice 1"); print("twice 2")
`;

/** From, value, and what else is said of it. */
const CLAIMS: [from: string, value: string, more?: string][] = [
  ["train/m.json#/a/0", "1.0"],
  ["train/r.toml#/v", "10.50"],
  ["train/r.toml#/w", "5"],
  ["train/r.toml#/x", "31"],
  ["train/r.toml#/big", "5"],
  ["train/r.toml#/list", "[1, 2.5]"],
  ["train/r.toml#/a/b/t", "86.10", 'unit: "%"'],
  ["train/r.toml#/a/b/ok", "true"],
  ["train/r.toml#/many/*/m", "[1, 20]"],
  ["train/r.toml#/many/1/m", "20"],
  ["train/c.ipynb#cell=1", "86.1"],
  ["train/c.ipynb#cell=2", "5"],
  ["train/c.ipynb#cell=2[1]", "-2500"],
  ["train/c.ipynb#cells[count]", "4"],
  ["train/c.ipynb#cells[max]", "86.10"],
  ["train/c.ipynb#cell=3", "5"],
  ["train/c.ipynb#cell=9", "5"],
  ["train/m.json#/a/-1", "3"],
  ["train/m.json#/a/7", "3"],
  ["train/m.json#/a/x", "3"],
  ["train/m.json#/a", "[1, 2.5, 3]"],
  ["train/m.json#/a[max]", "3"],
  ["train/m.json#/a[min]", "1.0"],
  ["train/m.json#/a[mean]", "2.17"],
  ["train/m.json#/a[count]", "3"],
  ["train/m.json#/a[1]", "2.5"],
  ["train/m.json#/a[9]", "2.5"],
  ["train/m.json#/b/x~1y", "true"],
  ["train/m.json#/b/z~0", "精度"],
  ["train/m.json#/b", "5"],
  ["train/m.json#/n", "5"],
  ["train/m.json#/nan", "5"],
  ["train/m.json#/gone", "5"],
  ["train/m.json#/log/*/loss", "[0.5, 0.25]"],
  ["train/m.json#/log/*/loss[-1]", "0.25"],
  ["train/m.json#/log/*/gone[-1]", "0.25"],
  ["train/m.json#/twice", "2"],
  ["train/m.json#sha256", '"' + "0".repeat(64) + '"'],
  ["train/h.csv?epoch=10#acc", "86.10"],
  ["train/h.csv?epoch=10.0#acc", "86.1"],
  ["train/h.csv?epoch=last#acc", "86.1"],
  ["train/h.csv?epoch=3#acc", "86.1"],
  ["train/h.csv?epoch=1#note", "'a, \"b\"'"],
  ["train/h.csv?epoch=2#note", "x"],
  ["train/h.csv#acc", "[48.89, 68.15, 86.10]"],
  ["train/h.csv#gone", "[1]"],
  ["train/h.csv#acc[max]", "86.1"],
  ["train/s.tsv?x=1#y", "5.5", 'format: { decimal: "," }'],
  ...["a", "b", "c", "d", "e", "f", "g", "h", "i"].map((
    row,
  ): [string, string] => [`train/cells.csv?m=${row}#v`, "94.1"]),
  ["train/cells.csv?m=a#v", "1068.10", 'format: { decimal: ",", thousands: "." }'],
  ["train/cells.csv?m=f#v", "27000", 'format: { thousands: "," }'],
  ["train/cells.csv?m=i#v", "1068.10", 'format: { decimal: ",", thousands: " " }'],
  ["train/cells.csv?m=h#v", "12.5", "unit: ms"],
  ["train/cells.csv#v[max]", "94.1"],
  ["train/t.dat?0=2#1", "3.5", "format: { separator: space, header: false }"],
  ["train/t.dat#-1", "[2.5, 3.5]", "format: { separator: space, header: false }"],
  ["train/l.jsonl?step=2#/loss", "0.7"],
  ["train/l.jsonl?step=last#/loss", "0.7"],
  ["train/l.jsonl?step=9#/loss", "0.7"],
  ["train/l.jsonl#/loss", "[0.9, 0.7]"],
  [String.raw`train/log.txt~/^acc: (\S+)$/`, "1.5"],
  [String.raw`train/log.txt~/acc: ([\d.]+)/[-1]`, "9"],
  [String.raw`train/log.txt~/^acc: (.*)$/[count]`, "3"],
  [String.raw`train/log.txt~/acc: (?<v>2\.5) %/`, "2.5"],
  [String.raw`train/log.txt~/nothing (\d)/`, "2.5"],
  [String.raw`train/log.txt~/nothing (\d)/[count]`, "0"],
  [String.raw`train/log.txt~/acc: ([\d.]+)/`, "[1.5, 2.5, 9]"],
  [String.raw`train/log.txt~/acc: ([\d.]+)/[mean]`, "4.33"],
  ["train/mlruns#acc[-1]", "0.75"],
  ["train/mlruns?step=0#acc", "0.5"],
  [String.raw`train/n.ipynb~/acc (\S+)/`, "12.5"],
  [String.raw`train/n.ipynb~/^(42)$/`, "42"],
  [String.raw`train~/final accuracy: (\S+)/`, "99.44"],
  [String.raw`train~/twice (\d)/`, "1"],
  [String.raw`train~/twice (\d)/[-1]`, "2"],
  ["train/**/one.json#/v", "7"],
  ["train/**/none.json#/v", "7"],
  ["train/deep/*/one.json#/v", "7"],
  ["train/deep.json#/0", "7"],
  ["train/gone.json#/v", "7"],
  ["train/link.json#/v", "7"],
];

function experiment(claims: typeof CLAIMS): string {
  const lines = claims.map(([from, value, more], index) =>
    `  - { name: "${index} of ${claims.length}", from: ${JSON.stringify(from)}, value: ${value}${
      more === undefined ? "" : `, ${more}`
    } }`
  );
  return `name: test\nsteps: { train: { run: [python, train.py, "{out}"] } }\nclaims:\n${lines.join("\n")}\n`;
}

/** Before 3.11 Python reads no TOML, which the judge says. */
const READ = (await judgedByPython("import tomllib"))
  ? CLAIMS
  : CLAIMS.filter(([from]) => !from.includes(".toml"));

async function judgedByPython(program: string): Promise<boolean> {
  return (await new Deno.Command("python3", { args: ["-c", program], stderr: "null" }).output()).success;
}

Deno.test("judge.py judges a run folder as deno task verify does", async (t) => {
  await using project = await Project.make({ "experiment.yaml": experiment(READ), "train.py": TRAIN });
  const ran = await project.task("reproduce");
  assert.equal(ran.code, 1, ran.stderr);
  const run = await project.run();
  const { checks } = await project.json(run.slice(project.root.length + 1), "verdict.json");
  assert.equal(checks.length, READ.length, ran.stderr);
  const { code, stdout, stderr } = await judge(run, "--json");
  assert.equal(code, 1, stderr);
  const found = JSON.parse(stdout);
  assert.deepEqual(found.altered, []);
  assert.deepEqual(found.not_judged, []);
  for (const [index, check] of checks.entries()) {
    await t.step(`${READ[index]![0]} is ${check.verdict}`, () => {
      // Of what is missing each says in its own words what was there.
      const { detail: _, ...rest } = check;
      const { detail: __, ...other } = found.checks[index];
      if (check.verdict === "missing") assert.equal(other.verdict, "missing", JSON.stringify([check, found]));
      else assert.deepEqual(other, rest);
    });
  }
  await t.step("one changed byte is named, also where the receipt is gone", async () => {
    await Deno.writeTextFile(join(run, "train/h.csv"), "epoch,acc\n");
    assert.match((await judge(run)).stdout, /altered: train\/h\.csv: other bytes than recorded/);
    await Deno.remove(join(run, "receipt.json"));
    assert.match((await judge(run)).stdout, /altered: train\/h\.csv: other bytes than recorded/);
  });
});

Deno.test("judge.py says what it does not judge, and a run does not hold by it", async () => {
  const claims: typeof CLAIMS = [["train/r.md?m=A#v", "5"], ["train/r.yaml#/v", "5"], [
    "train/m.json#/a/0",
    "1.0",
  ]];
  await using project = await Project.make({ "experiment.yaml": experiment(claims), "train.py": TRAIN });
  assert.equal((await project.task("reproduce")).code, 0);
  const { code, stdout } = await judge(await project.run());
  assert.equal(code, 3);
  assert.match(stdout, /cannot judge 0 of 3: a table in Markdown, HTML or LaTeX is not read here/);
  assert.match(stdout, /Cannot judge 2 of 3 claims here, the others hold: see deno task verify/);
  assert.match(stdout, /2 of 3 +1\.0 +1\.0 +identical/);
});

Deno.test("judge.py ends with 2 for what is no run folder, whatever it holds", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    const plan = { schema: 1, task: "reproduce", experiment: { claims: [{ from: "x" }] }, steps: [] };
    const cases: [string, Record<string, string>, RegExp][] = [
      ["nothing", {}, /is not a run folder: it holds no evidence\.json/],
      ["no JSON", { "evidence.json": "{" }, /Cannot read .*evidence\.json/],
      ["deep JSON", { "evidence.json": "[".repeat(100_000) }, /Cannot read .*evidence\.json/],
      ["a future version", { "evidence.json": '{"schema": 9}' }, /another version/],
      [
        "no claims",
        { "evidence.json": '{"schema": 1}', "plan.json": '{"schema": 1, "experiment": {}}' },
        /older/,
      ],
      [
        "half a record",
        { "evidence.json": '{"schema": 1}', "plan.json": JSON.stringify(plan) },
        /Cannot judge/,
      ],
    ];
    for (const [name, files, message] of cases) {
      await t.step(name, async () => {
        for (const [path, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, path), text);
        const { code, stderr } = await judge(folder);
        assert.equal(code, 2);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, /Traceback/);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
