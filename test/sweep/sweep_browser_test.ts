/** The page of a sweep in a real browser: curves, effects, failures, and the row in the list of runs. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { browserTest, open, violations, withBrowser } from "../support/browser.ts";
import { Project } from "../support/project.ts";

const FILES = {
  "experiment.yaml": `name: test
title: A sweep of made curves
parameters: { seed: 1, lr: 0.1 }
steps:
  train:
    run: [python3, train.py, "{seed}", "{lr}", "{out}"]
    produces: [metrics.json]
claims:
  - name: accuracy over seeds
    from: train/metrics.json#/validation_accuracy/-1
    over: seeds
    value: { mean: 94.0, std: 0.5, n: 10 }
    unit: "%"
    tolerance: { absolute: 2, because: made up }
`,
  "train.py": `
import json, math, random, sys
seed, lr, out = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
if seed == 4:
    sys.exit("no luck")
draw = random.Random(seed)
accuracy = [94 - 40 * math.exp(-lr * 8 * epoch) + draw.gauss(0, 0.4) for epoch in range(1, 11)]
loss = [math.exp(-lr * 4 * epoch) + abs(draw.gauss(0, 0.02)) for epoch in range(1, 11)]
json.dump({"validation_accuracy": accuracy, "training_loss": loss}, open(out + "/metrics.json", "w"))
`,
};

browserTest(
  "the page of a sweep shows curves, effects and failures, fits every screen, and axe finds nothing wrong",
  async (t) => {
    await using project = await Project.make(FILES);
    const { stdout, stderr } = await project.task("sweep", [
      "--set",
      "lr=0.1,0.05",
      "--seeds",
      "4",
      "--jobs",
      "2",
    ]);
    const page = /Report: (.*)/.exec(stdout)?.[1];
    assert.ok(page !== undefined, stderr + stdout);
    const html = await Deno.readTextFile(page);
    for (const id of ["strip-0", "fan-0", "fan-1"]) {
      assert.match(html, new RegExp(`<svg class="chart" id="${id}"`));
    }
    assert.match(html, /validation accuracy, 6 members/);
    assert.match(html, /accuracy over seeds, by lr/);
    assert.match(html, /no GPU was dealt out/);
    assert.match(html, /not measured|kWh by the processors/);
    await withBrowser(async (browser) => {
      for (const file of [page, join(project.root, "runs/index.html")]) {
        for (const [width, height] of [[1280, 900], [360, 740]] as const) {
          for (const colorScheme of ["light", "dark"] as const) {
            await t.step(`${file.split("/").at(-1)}, ${width} wide, ${colorScheme}`, async () => {
              const seen = await open(browser, file, { viewport: { width, height }, colorScheme });
              assert.deepEqual(await violations(seen.page), []);
              const wide = await seen.page.evaluate<number>("document.documentElement.scrollWidth");
              assert.ok(wide <= width, `${wide} > ${width}`);
              assert.deepEqual(seen.errors, []);
              assert.deepEqual(seen.requests, [`file://${file}`]);
              const shots = Deno.env.get("SCREENSHOTS");
              if (shots !== undefined) {
                const name = `sweep-${file.split("/").at(-1)}-${width}-${colorScheme}.png`;
                await seen.page.screenshot({ path: join(shots, name), fullPage: true });
              }
              await seen.page.close();
            });
          }
        }
      }
    });
  },
);
