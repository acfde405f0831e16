/** The published experiment end to end, on made images and weights that a server on this machine has. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { inspectHost } from "../../tasks/lib/system/host.ts";
import { DataProject, digest } from "../support/data_project.ts";
import { ROOT } from "../support/project.ts";

const ENVIRONMENT = join(ROOT, ".venv");

const PYTHON = (await inspectHost()).image?.python ?? join(ENVIRONMENT, "bin", "python");

/** Puts an archive of EuroSAT's shape, with 270 images, and a weights file into a folder. */
const MAKE = `
import shutil, sys, tempfile
from pathlib import Path
from src.reference.made_eurosat import make_eurosat, some
from src.reference.made_weights import make_weights
out = Path(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    make_eurosat(Path(folder), some(0.01))
    shutil.make_archive(str(out / "EuroSAT"), "zip", folder)
make_weights(out).rename(out / "weights.pth")
`;

async function make(folder: string) {
  const { success, stderr } = await new Deno.Command(PYTHON, {
    args: ["-c", MAKE, folder],
    env: { PYTHONPATH: ROOT },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const [archive, weights] = await Promise.all(
    ["EuroSAT.zip", "weights.pth"].map((name) => Deno.readFile(join(folder, name))),
  );
  return { archive: archive!, weights: weights! };
}

type Content = Uint8Array<ArrayBuffer>;

/** The experiment as it is, but for where its data are and what they are known by. */
function withOtherData(
  text: string,
  url: (name: string) => string,
  archive: Content,
  weights: Content,
): string {
  const sha256 = digest("sha256", weights);
  const changed = text
    .replace(
      /urls:\n(?: +- https:.*\n)+ +sha256: \w+/,
      `urls: [${url("EuroSAT.zip")}]\n    sha256: ${digest("sha256", archive)}`,
    )
    .replace(
      /urls: \[https:.*\]\n +sha256: \w+\n +size: \d+/,
      `urls: [${url("weights.pth")}]\n    sha256: ${sha256}`,
    )
    .replaceAll("resnet18-f37072fd.pth", `resnet18-${sha256.slice(0, 8)}.pth`);
  assert.doesNotMatch(changed, /urls:.*https/);
  return changed;
}

async function makeProject(): Promise<DataProject> {
  const folder = await Deno.makeTempDir();
  const { archive, weights } = await make(folder).finally(() => Deno.remove(folder, { recursive: true }));
  const experiment = await Deno.readTextFile(join(ROOT, "experiments", "eurosat", "experiment.yaml"));
  const files = Object.fromEntries(
    ["requirements.txt", "requirements-cpu.lock", "requirements-cuda.lock"].map((name) =>
      [name, Deno.readTextFileSync(join(ROOT, name))] as const
    ),
  );
  const made = await DataProject.make(
    { "EuroSAT.zip": archive, "weights.pth": weights },
    (url) => withOtherData(experiment, url, archive, weights),
    files,
  );
  await Deno.symlink(join(ROOT, "src"), made.project.path("src"));
  return made;
}

async function readJson(...path: string[]) {
  return JSON.parse(await Deno.readTextFile(join(...path)));
}

Deno.test("reproduce eurosat fetches, unpacks, trains, predicts again and judges; on other images it says different", async () => {
  await using made = await makeProject();
  const variables = { ...made.env, VENV_DIR: ENVIRONMENT, OMP_NUM_THREADS: "1" };
  const { code, stdout, stderr } = await made.project.task("reproduce", [], variables);
  assert.equal(code, 1, stdout + stderr);
  assert.match(
    stdout,
    /Training on 21 images of eurosat, validating on 6: epochs 1 to 10, seed 23, mode exact/,
  );
  assert.match(stdout, /Not reproduced: 0 of 4 claims hold/);
  assert.deepEqual(made.server.requests, ["/EuroSAT.zip", "/weights.pth"]);

  const run = await made.project.run("eurosat");
  const { steps } = await readJson(run, "evidence.json");
  assert.deepEqual(Object.keys(steps.train.data), ["images", "weights"]);
  const { checks, remarks } = await readJson(run, "verdict.json");
  assert.equal(remarks, undefined);
  assert.ok(steps.train.opened.some((name: string) => name.startsWith("{data.")), steps.train.opened.join());
  assert.deepEqual(checks.map(({ verdict }: { verdict: string }) => verdict), Array(4).fill("different"));

  const trained = await readJson(run, "train", "metrics.json");
  const predicted = await readJson(run, "infer", "metrics.json");
  assert.equal(trained.validation_correct.length, 10);
  assert.deepEqual([predicted.correct, predicted.total], [trained.validation_correct.at(-1), 6]);
  const matrix = (folder: string) => Deno.readTextFile(join(run, folder, "confusion_matrix.csv"));
  assert.equal(await matrix("infer"), await matrix("train"));

  const again = await made.project.task("reproduce", ["--reuse", "--offline"], variables);
  assert.equal(again.code, 1, again.stderr);
  assert.match(again.stdout, /train, unchanged: copied from/);
  assert.match(again.stdout, /infer, unchanged: copied from/);
});
