/** `deno task gpu`: whole but tiny on the CPU, since no GPU is at hand here; and what it says without one. */

import assert from "node:assert/strict";
import { type Figures, fileName, gpuChart } from "../../tasks/lib/maintenance/gpu_chart.ts";
import { renderChartFile } from "../../tasks/lib/report/render_chart.ts";
import { inspectHost } from "../../tasks/lib/system/host.ts";
import { ended, Project, ROOT } from "../support/project.ts";

const FIGURES: Figures = { date: "2026-11-25T03:17Z", device: "cuda", share: 1, parts: {} };

async function gpu(project: Project, args: string[]) {
  const places = ["--runs", project.path("runs"), "--results", project.path("results")];
  return await ended(
    new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "gpu", ...args, ...places],
      cwd: ROOT,
      // One thread, so that a busy machine does not make PyTorch's threads wait for each other.
      env: { NO_COLOR: "1", INIT_CWD: ROOT, OMP_NUM_THREADS: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

const { gpus } = await inspectHost();

Deno.test({
  name: "gpu exits 3 on a machine without a GPU, and says how to try it there",
  ignore: gpus.length > 0,
  async fn() {
    await using project = await Project.make({});
    const { code, stderr } = await gpu(project, []);
    assert.equal(code, 3);
    assert.match(stderr, /Cannot measure on a GPU: nvidia-smi finds none here/);
    assert.match(stderr, /deno task gpu --device cpu --share 0\.01/);
  },
});

if (gpus.length > 0) console.log("ignored: what gpu says without a GPU, because there is one here");

Deno.test("gpu measures every part on a CPU, tiny, and gives no figure a GPU's name", async () => {
  await using project = await Project.make({});
  const args = ["--device", "cpu", "--share", "0.002", "--epochs", "1", "--engine", "host"];
  const { code, stdout, stderr } = await gpu(project, args);
  assert.equal(code, 0, stdout + stderr);
  const [json, svg] = [...Deno.readDirSync(project.path("results"))].map(({ name }) => name).sort();
  assert.match(json!, /^\d{4}-\d\d-\d\d-cpu\.json$/);
  const figures = await project.json("results", json!);
  assert.equal(figures.device, "cpu");
  for (const part of ["peak", "exact", "published", "features", "digits"]) {
    assert.equal(figures.parts[part].status, "done", part);
  }
  assert.deepEqual(figures.summary.rates.map(({ what }: { what: string }) => what), [
    "bare network",
    "exact",
    "features",
    "digits, exact",
    "digits, features",
    "published loop",
  ]);
  const { identical, tensors_that_differ } = figures.summary.published_loop;
  assert.deepEqual(Object.values(identical), [true, true, true]);
  assert.equal(tensors_that_differ, 0);
  assert.match(await Deno.readTextFile(project.path("results", svg!)), /on a CPU, and no GPU/);
  assert.match(stdout, /published loop: [\d,]+ images per second/);
});

Deno.test("fileName() holds day and card, and never a card's name for a CPU", async (t) => {
  const card = (name: string) => ({ peak: { device: { name } } });
  const cases: [Partial<Figures>, string][] = [
    [{ parts: card("NVIDIA A100-SXM4-80GB") }, "2026-11-25-nvidia-a100-sxm4-80gb"],
    [{ parts: card("Tesla T4") }, "2026-11-25-tesla-t4"],
    [{ parts: {} }, "2026-11-25-a-gpu"],
    [{ device: "cpu", parts: card("CPU") }, "2026-11-25-cpu"],
  ];
  for (const [changed, name] of cases) {
    await t.step(name, () => assert.equal(fileName({ ...FIGURES, ...changed }), name));
  }
});

Deno.test("gpuChart() draws only trainings that ran to their end", async () => {
  const parts = { exact: { first: { seconds: 5 } }, published: { seconds: 60, whole: false } };
  const svg = await renderChartFile(gpuChart({ ...FIGURES, parts }));
  assert.match(svg, /exact, the first time/);
  assert.doesNotMatch(svg, /published loop/);
  assert.match(svg, /^<svg .*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
});
