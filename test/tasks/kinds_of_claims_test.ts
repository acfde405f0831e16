/** A repository that writes what research code writes, and one that only prints: judged, shown, claimed and compared as they are. */

import assert from "node:assert/strict";
import { Project } from "../support/project.ts";

const TRAIN = String.raw`
import json, os, sys
out = sys.argv[sys.argv.index("--out") + 1]
os.makedirs(out + "/lightning_logs/version_3")
with open(out + "/lightning_logs/version_3/metrics.csv", "w") as file:
    file.write("epoch,step,train_loss,val_acc\n0,9,0.9,\n0,9,,71.20\n1,19,0.4,\n1,19,,86.11\n")
with open(out + "/log.jsonl", "w") as file:
    for step in range(3):
        file.write(json.dumps({"step": step, "loss": 1 / (step + 1)}) + "\n")
open(out + "/result.yaml", "w").write("test:\n  accuracy: 99.40\n")
open(out + "/result.toml", "w").write("[test]\naccuracy = 99.40\n")
open(out + "/README.md", "w").write("| Model | Top-1 |\n|---|---|\n| small | **86.11** |\n")
json.dump({"log_history": [{"loss": 2.0}, {"eval_loss": 0.5}, {"eval_loss": 0.25}]}, open(out + "/trainer_state.json", "w"))
open(out + "/de.csv", "w").write("Modell;Genauigkeit\nklein;86,11\n")
`;

const CLAIMS = `name: test
environment: { gpus: none }
steps:
  train: { run: [python, train.py, --out, "{out}"] }
claims:
  - { name: last epoch, from: train/**/metrics.csv?epoch=last#val_acc, value: 86.11, of: 540, unit: "%" }
  - { name: best epoch, from: "train/lightning_logs/version_*/metrics.csv#val_acc[max]", value: { at_least: 86.11 }, of: 540 }
  - { name: curve, from: train/**/metrics.csv#val_acc, value: [71.20, 86.11] }
  - { name: loss, from: "train/log.jsonl#/loss[-1]", value: 0.333 }
  - { name: loss of step 1, from: train/log.jsonl?step=1#/loss, value: { at_most: 0.1 } }
  - { name: yaml, from: train/result.yaml#/test/accuracy, value: { between: [99, 100] } }
  - { name: toml, from: train/result.toml#/test/accuracy, value: 99.40 }
  - { name: table, from: train/README.md?Model=small#Top-1, value: { mean: 86.0, std: 0.2, n: 5 } }
  - { name: history, from: "train/trainer_state.json#/log_history/*/eval_loss[min]", value: 0.25 }
  - { name: decimal comma, from: train/de.csv?Modell=klein#Genauigkeit, format: { decimal: "," }, value: 86.11 }
`;

Deno.test("what research code leaves is claimed as it is: sparse CSV, JSON lines, YAML, TOML, a table", async () => {
  await using project = await Project.make({ "experiment.yaml": CLAIMS, "train.py": TRAIN });
  const { code, stdout, stderr } = await project.task("reproduce");
  assert.equal(code, 1, stderr); // one claim is made to fail
  const run = await project.run();
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${run}/${name}`));
  const { checks } = await read("verdict.json");
  assert.deepEqual(
    checks.map(({ claim, verdict, obtained }: Record<string, string>) => [claim, verdict, obtained]),
    [
      ["last epoch", "identical", "86.11 (465 of 540)"],
      ["best epoch", "within tolerance", "86.11 (465 of 540)"],
      ["curve", "identical", "71.20 … 86.11 (2 points)"],
      ["loss", "identical", "0.33333"],
      ["loss of step 1", "different", "0.5"],
      ["yaml", "within tolerance", "99.40"],
      ["toml", "identical", "99.40"],
      ["table", "not applicable", "86.11"],
      ["history", "identical", "0.25"],
      ["decimal comma", "identical", "86.11"],
    ],
  );
  const text = stdout + stderr;
  for (const shown of ["≥ 86.11 (465 of 540)", "≤ 0.1", "99 to 100", "86.0 ± 0.2 (n = 5)"]) {
    assert(text.includes(shown), `${shown} is not in the table:\n${text}`);
  }
  const report = await project.task("report");
  assert.equal(report.code, 0, report.stderr);
  assert.match(report.stdout + report.stderr, /loss of step 1/);
  const verify = await project.task("verify");
  assert.equal(verify.code, 1, verify.stderr);
  assert.match(
    JSON.stringify(await read("receipt.json")),
    /"claim":"best epoch","verdict":"within tolerance"/,
  );
  const claimed = await project.task("claim");
  assert.match(claimed.stdout + claimed.stderr, /best epoch stays as it is: its author set the range/);
});

const PRINTS = `name: test
environment: { gpus: none }
steps:
  train: { run: [python, train.py] }
claims:
  - { name: last, from: 'train~/acc ([\\d.]+)/[-1]', value: 68.20 }
  - { name: lines, from: 'train~/(acc)/[count]', value: 3 }
`;

const prints = (last: string) => `print("acc 48.89")\nprint("acc 68.10")\nprint("acc ${last}")\n`;

Deno.test("two runs that only print are compared by their claims and by what they printed", async () => {
  await using project = await Project.make({ "experiment.yaml": PRINTS, "train.py": prints("68.20") });
  assert.equal((await project.task("reproduce")).code, 0);
  assert.equal((await project.task("reproduce")).code, 0);
  const same = await project.task("compare", [await project.run("test", -2), await project.run()]);
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stdout, /Equal to the bit: all 1 printed output/);
  await project.write("train.py", prints("68.30"));
  assert.equal((await project.task("reproduce")).code, 1);
  const other = await project.task("compare", [await project.run("test", -2), await project.run()]);
  assert.equal(other.code, 1, other.stderr);
  assert.match(other.stdout, /Different: 1 of 1 printed output differ/);
  assert.match(other.stdout, /last +68\.20 +68\.30/);
  assert.match(other.stdout, /train~/);
});
