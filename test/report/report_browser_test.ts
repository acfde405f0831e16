/** The report in a real browser: it loads nothing, breaks nothing, and everybody can read it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { browserTest, open, violations, withBrowser } from "../support/browser.ts";
import { Project, ROOT } from "../support/project.ts";
import { reproduced, training } from "../support/report_runs.ts";

const SIZES = { desktop: [1280, 900], tablet: [768, 1024], phone: [360, 740] } as const;

/** Every kind of run that a page is made of. */
const RUNS: Record<string, () => Promise<{ project: Project; page: string }>> = {
  "a run that reproduces": () => reproduced(training()),
  "a run with a claim that does not hold": () =>
    reproduced(training({ more: 'metrics["validation_accuracy"][-1] = 80.0' })),
  "a run that failed": () => reproduced(training({ more: "raise SystemExit(1)" })),
  "the third public run of EuroSAT": eurosat,
  "the list of runs": async () => {
    const project = await severalRuns();
    return { project, page: project.path("runs/index.html") };
  },
};

/** One that reproduces, one that does not, one of a step alone. */
async function severalRuns(): Promise<Project> {
  const { project } = await reproduced(
    training({ more: "metrics['validation_accuracy'][-1] -= 10 * ('b.txt' in __import__('os').listdir())" }),
  );
  await project.write("b.txt", "");
  assert.equal((await project.task("reproduce")).code, 1);
  await Deno.remove(project.path("b.txt"));
  assert.equal((await project.task("train")).code, 0);
  assert.equal((await project.task("report", [await project.run()])).code, 0);
  return project;
}

/** The claims of the published experiment, on a step that copies what was published of the run. */
async function eurosat() {
  const folder = join(ROOT, "experiments", "eurosat");
  const text = await Deno.readTextFile(join(folder, "experiment.yaml"));
  const step = 'steps: { train: { run: [python, train.py, --out, "{out}"] } }';
  const project = await Project.make({
    "experiment.yaml": [/^name: .*$/m.exec(text)![0], step, text.slice(text.indexOf("\nclaims:"))].join("\n"),
    "third.csv": await Deno.readTextFile(join(folder, "published", "third", "train", "history.csv")),
    "train.py": COPY,
  });
  const { code, stderr } = await project.task("reproduce");
  assert.equal(code, 0, stderr);
  return { project, page: join(await project.run("eurosat"), "report.html") };
}

const COPY = `
import csv, json, shutil, sys
shutil.copy("third.csv", sys.argv[2] + "/history.csv")
with open("third.csv", newline="") as file:
    rows = list(csv.DictReader(file))
columns = {name: [float(row[name]) for row in rows] for name in ("training_accuracy", "validation_accuracy")}
json.dump(columns, open(sys.argv[2] + "/metrics.json", "w"))
`;

browserTest(
  "every kind of page fits every screen, loads nothing, says nothing on the console, and axe finds nothing wrong",
  async (t) => {
    for (const [name, make] of Object.entries(RUNS)) {
      const { project, page: file } = await make();
      await using _ = project;
      await withBrowser(async (browser) => {
        for (const [size, [width, height]] of Object.entries(SIZES)) {
          await t.step(`${name}, ${size}`, () => fits(browser, file, { width, height }));
        }
        for (const colorScheme of ["light", "dark"] as const) {
          await t.step(`${name}, ${colorScheme}`, () => isAccessible(browser, file, colorScheme));
        }
      });
    }
  },
);

async function fits(browser: Browser, file: string, viewport: { width: number; height: number }) {
  const { page, requests, errors } = await open(browser, file, { viewport });
  assert.deepEqual(requests.filter((url) => !url.startsWith("data:")), [`file://${file}`]);
  assert.deepEqual(errors, []);
  const fits = await page.evaluate("document.documentElement.scrollWidth <= innerWidth");
  assert.ok(fits, "no scrolling sideways");
  const shot = await page.screenshot({ fullPage: true });
  assert.ok(shot.length > 10_000, `${shot.length} bytes of a screenshot`);
  await page.close();
}

/** Unfolded, so that nothing is left out, as a table and as cards. */
async function isAccessible(browser: Browser, file: string, colorScheme: "light" | "dark") {
  const { page } = await open(browser, file, { colorScheme, bypassCSP: true });
  await page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)");
  assert.deepEqual(await violations(page), []);
  await page.setViewportSize({ width: 360, height: 740 });
  assert.deepEqual(await violations(page), []);
  await page.close();
}

browserTest("the figures in the page are those of the record", async () => {
  const { project, page: file } = await reproduced(training({ claims: 3 }));
  await using _ = project;
  const run = await project.run();
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(join(run, name)));
  const [verdict, evidence, metrics] = await Promise.all(
    ["verdict.json", "evidence.json", "train/metrics.json"].map(read),
  );
  await withBrowser(async (browser) => {
    const { page } = await open(browser, file);
    const rows = await page.locator("#claims table[role=table] tbody tr").evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll(".value")].map((cell) => cell.textContent!.trim()))
    );
    assert.equal(rows.length, verdict.checks.length);
    for (const [index, check] of verdict.checks.entries()) {
      const [, claim, claimed, obtained, shown] = rows[index]!;
      const flat = (text: string) => text.replace(/[\s%]/g, "");
      assert.deepEqual([claim, flat(claimed!), flat(obtained!)], [
        check.claim,
        flat(check.claimed),
        flat(check.obtained),
      ]);
      assert.ok(shown!.includes(check.verdict), shown);
    }
    const provenance = await page.locator("#provenance").textContent();
    for (
      const fact of [
        evidence.run,
        evidence.planSha256,
        evidence.attempts[0].code.sha256,
        verdict.evidenceSha256,
      ]
    ) {
      assert.ok(provenance!.includes(fact), fact);
    }
    for (const { sha256 } of evidence.steps.train.outputs) assert.ok(provenance!.includes(sha256), sha256);
    const values = await page.locator("#figures figure").first().locator("tbody tr").evaluateAll((all) =>
      all.map((row) => Number(row.querySelectorAll(".value")[1]!.textContent))
    );
    assert.deepEqual(values, metrics.validation_accuracy);
    const drawn = await page.locator("#figures svg.chart").first().locator("desc").textContent();
    assert.match(drawn!, /Validation ends at 90\./);
  });
});

browserTest(
  "a button copies the methods paragraph, and without scripts the text is there all the same",
  async () => {
    const { project, page: file } = await reproduced(training());
    await using _ = project;
    await withBrowser(async (browser) => {
      const { page } = await open(browser, file, { permissions: ["clipboard-read", "clipboard-write"] });
      await page.getByRole("button", { name: "Copy the methods paragraph" }).click();
      await page.getByText("Copied").waitFor();
      const copied = await page.evaluate<string>("navigator.clipboard.readText()");
      assert.match(copied, /^The experiment "test" was run on \d{4}-\d\d-\d\d/);
      const { page: still } = await open(browser, file, { javaScriptEnabled: false });
      assert.equal(await still.locator("button").count(), 0);
      assert.equal(await still.locator("#methods p").textContent(), copied);
    });
  },
);

browserTest(
  "every chart is saved as a picture of its own, and what it is drawn from as a table",
  async () => {
    const { project, page: file } = await reproduced(training({ claims: 2 }));
    await using _ = project;
    const metrics = JSON.parse(await Deno.readTextFile(join(await project.run(), "train/metrics.json")));
    await withBrowser(async (browser) => {
      const { page, requests, errors } = await open(browser, file, {
        acceptDownloads: true,
        colorScheme: "dark",
      });
      assert.equal(
        await page.locator("svg.chart").count(),
        await page.getByRole("button", { name: /^Save CSV/ }).count(),
      );
      const saved: Record<string, string> = {};
      for (const button of await page.locator(".save button").all()) {
        const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
        saved[download.suggestedFilename()] = await Deno.readTextFile(await download.path());
      }
      assert.deepEqual(errors, []);
      const { "accuracy-by-epoch-step-train.csv": csv, "accuracy-by-epoch-step-train.svg": svg } = saved;
      const rows = csv!.trim().split("\n").map((line) => line.split(","));
      assert.deepEqual(rows[0], ["epoch", "validation", "training"]);
      assert.deepEqual(rows.slice(1).map(([, value]) => Number(value)), metrics.validation_accuracy);
      assert.deepEqual(rows.slice(1).map(([, , value]) => Number(value)), metrics.training_accuracy);
      assert.match(saved["confusion-matrix-step-train.csv"]!, /^label,0,1,2\n0,/);
      const files = Object.keys(saved);
      assert.ok(files.includes("obtained-against-claimed.svg"), files.join());
      for (const [name, text] of Object.entries(saved)) {
        if (name.endsWith(".svg")) assert.doesNotMatch(text, /var\(--|inherit/, name);
      }
      assert.match(svg!, /#1f5fa8/, "the colours of paper, whatever the screen's are");
      await Deno.writeTextFile(project.path("saved.svg"), svg!);
      const alone = await open(browser, project.path("saved.svg"));
      assert.deepEqual(alone.errors, []);
      assert.match(
        await alone.page.evaluate("document.documentElement.textContent"),
        /validation\s*training\s*claimed/,
      );
      assert.equal(requests.filter((url) => !/^(?:data|blob|file):/.test(url)).length, 0);
    });
  },
);

browserTest("the list of runs is narrowed and sorted by the keyboard, from a file", async () => {
  await using project = await severalRuns();
  await withBrowser(async (browser) => {
    const { page, errors } = await open(browser, project.path("runs/index.html"));
    const shown = () =>
      page.locator("tbody tr:visible").evaluateAll((all) =>
        all.map((row) => {
          const [, verdict, task] = [...row.querySelectorAll(".value")];
          return `${verdict!.querySelector(".pill")!.lastChild!.textContent!.trim()}, ${task!.textContent}`;
        })
      );
    const said = () => page.getByRole("status").textContent();
    const all = ["Reproduced, train", "Not reproduced, reproduce", "Reproduced, reproduce"];
    assert.deepEqual([await shown(), await said()], [all, "3 of 3 shown"]);
    await page.keyboard.press("Tab");
    await page.keyboard.type("REPRODUCE not");
    assert.deepEqual([await shown(), await said()], [[all[1]], "1 of 3 shown"]);
    await page.keyboard.press("Control+a");
    await page.keyboard.type("nothing like it");
    assert.deepEqual([await shown(), await said()], [[], "0 of 3 shown"]);
    assert.equal(await page.locator("section:visible").count(), 0);
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Delete");
    await page.keyboard.press("Tab");
    await page.keyboard.type("Repr");
    assert.deepEqual(await shown(), [all[0], all[2]]);
    await page.keyboard.press("Tab");
    await page.keyboard.type("oldest");
    assert.deepEqual(await shown(), [all[2], all[0]]);
    assert.deepEqual(errors, []);
    const { page: still } = await open(browser, project.path("runs/index.html"), {
      javaScriptEnabled: false,
    });
    assert.equal(await still.locator("tbody tr:visible").count(), 3);
    assert.equal(await still.locator("form").count(), 0);
  });
});

browserTest("the keyboard reaches the claims at once, then every section, button and fold", async () => {
  const { project, page: file } = await reproduced(training());
  await using _ = project;
  await withBrowser(async (browser) => {
    const { page } = await open(browser, file);
    const reached: string[] = [];
    for (let tab = 0; tab < 60; tab++) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate<string>("document.activeElement.textContent.trim().slice(0, 30)"));
      if (reached.at(-1) === "") break;
    }
    assert.equal(reached[0], "Skip to the claims");
    for (const name of ["Figures", "Provenance", "The values as a table", "Copy"]) {
      assert.ok(reached.includes(name), `${name} in ${reached}`);
    }
  });
});

browserTest("hostile names of a run start no script in the page", async () => {
  const evil = "<img src=x onerror=document.title='owned'>";
  const more =
    `metrics["${evil}"] = [1, 2]\nmetrics["</title><script>document.title='owned'</script>"] = [1, 2]`;
  const { project, page: file } = await reproduced(training({ title: evil, more }));
  await using _ = project;
  await withBrowser(async (browser) => {
    const { page, requests, errors } = await open(browser, file);
    assert.equal(await page.title(), `Reproduced: ${evil}`);
    assert.equal(await page.locator("img[src=x]").count(), 0);
    assert.deepEqual([errors, requests.filter((url) => !url.startsWith("data:")).length], [[], 1]);
  });
});

browserTest("on A4 the page prints on a few sheets, light, without what only a screen needs", async () => {
  const { project, page: file } = await reproduced(training());
  await using _ = project;
  await withBrowser(async (browser) => {
    const { page } = await open(browser, file, { colorScheme: "dark" });
    await page.emulateMedia({ media: "print" });
    assert.equal(
      await page.evaluate("getComputedStyle(document.body).backgroundColor"),
      "rgb(255, 255, 255)",
    );
    assert.equal(await page.locator("nav").isVisible(), false);
    const pdf = new TextDecoder("latin1").decode(await page.pdf({ format: "A4", printBackground: true }));
    const sheets = [...pdf.matchAll(/\/Type\s*\/Page\b(?!s)/g)].length;
    assert.ok(sheets >= 2 && sheets <= 6, `${sheets} sheets`);
  });
});
