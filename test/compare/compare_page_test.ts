/** The page of a comparison in a real browser, made of two real runs. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { browserTest, open, violations, withBrowser } from "../support/browser.ts";
import { Project } from "../support/project.ts";
import { training } from "../support/report_runs.ts";

const EVIL = "<img src=x onerror=document.title='owned'>";

/** Curves that part at the sixth epoch, three predictions that flip, pictures, tensors, a text, a hostile name. */
const MORE = `
import os, random, struct, zlib
shift = int(open("shift.txt").read())
metrics["validation_accuracy"][5:8] = [value + 0.28 * shift for value in metrics["validation_accuracy"][5:8]]
metrics["${EVIL}"] = [1, 2 + shift]
def png(shade):
    rows = b"".join(b"\\0" + bytes(shade * (x + y) % 256 for x in range(8)) for y in range(8))
    part = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
os.makedirs(out + "/images")
rows = []
for i in range(40):
    name = f"images/{i:03}.png"
    open(f"{out}/{name}", "wb").write(png(i) if i != 9 else b"no picture")
    flipped = shift if i in (3, 9, 20) else 0
    rows.append({"file": name, "label": "ABC"[i % 3], "predicted": "ABC"[(i + flipped) % 3]})
json.dump(rows, open(out + "/predictions.json", "w"))
header, data = {}, b""
for i in range(4):
    values = struct.pack("<8f", *[1 + shift * i * 10.0 ** -i] * 8)
    header[f"layer{i}.weight"] = {"dtype": "F32", "shape": [2, 4], "data_offsets": [len(data), len(data) + len(values)]}
    data += values
text = json.dumps(header).encode()
open(out + "/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
open(out + "/notes.txt", "w").write(f"{shift}\\n${EVIL}")
`;

async function twoRuns(): Promise<{ project: Project; runs: [string, string] }> {
  const project = await Project.make({ ...training({ more: MORE }), "shift.txt": "0" });
  for (const shift of [0, 1]) {
    await project.write("shift.txt", String(shift));
    const { code, stderr } = await project.task("reproduce");
    assert.equal(code, 0, stderr);
  }
  return { project, runs: [await project.run("test", -2), await project.run()] };
}

browserTest(
  "compare --html shows what differs, fits every screen, loads nothing, and axe finds nothing wrong",
  async (t) => {
    const { project, runs } = await twoRuns();
    await using _ = project;
    const { code, stdout, stderr } = await project.task("compare", [...runs, "--html", "--json"]);
    assert.equal(code, 1, stderr);
    const result = JSON.parse(stdout);
    const file = project.path("compare.html");
    assert.equal(result.page, file);
    await withBrowser(async (browser) => {
      await t.step(
        "claims, curves, predictions, tensors and environments are those of the comparison",
        async () => {
          const { page } = await open(browser, file);
          assert.equal(await page.textContent("h1"), "Different");
          const rows = (section: string) =>
            page.locator(`#${section} table[role=table] tbody tr`).evaluateAll((all) =>
              all.map((row) => [...row.querySelectorAll(".value")].map((cell) => cell.textContent!.trim()))
            );
          assert.deepEqual((await rows("claimed"))[0]!.slice(0, 4), [
            "validation accuracy",
            "90.0 %",
            "90.0 %",
            "0 samples",
          ]);
          const flipped = (await rows("predictions")).map(([, ...cells]) => cells);
          assert.deepEqual(flipped, [
            ["file images/003.png", "A", "A ✓", "B"],
            ["file images/009.png", "A", "A ✓", "B"],
            ["file images/020.png", "C", "C ✓", "A"],
          ]);
          const drawn = await page.locator("#predictions img").evaluateAll((all) =>
            all.map((one) => (one as unknown as { naturalWidth: number }).naturalWidth)
          );
          assert.deepEqual(drawn, [8, 8], "what is no picture is not shown as one");
          const tensors = (await rows("tensors")).map(([name]) => name);
          const { differing } = result.files.differing.find((one: { path: string }) =>
            one.path === "train/model.safetensors"
          ).detail;
          assert.deepEqual(tensors, differing.map(({ name }: { name: string }) => name));
          assert.deepEqual(tensors, ["layer1.weight", "layer2.weight", "layer3.weight"]);
          assert.match(
            (await page.locator("#curves figcaption").first().textContent())!,
            /identical to A in 12 of 15 epochs; the first to differ is 6/,
          );
          assert.match((await page.textContent("#environment"))!, /shift\.txt/);
        },
      );
      for (
        const [name, options] of Object.entries({
          desktop: { viewport: { width: 1280, height: 900 } },
          phone: { viewport: { width: 360, height: 740 } },
          dark: { colorScheme: "dark" as const },
        })
      ) {
        await t.step(name, async () => {
          const { page, requests, errors } = await open(browser, file, { ...options, bypassCSP: true });
          assert.deepEqual(requests.filter((url) => !url.startsWith("data:")), [`file://${file}`]);
          await page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)");
          assert.ok(
            await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
            "no scrolling sideways",
          );
          assert.equal(await page.locator("img[src=x]").count(), 0);
          assert.deepEqual([errors, await violations(page)], [[], []]);
        });
      }
      await t.step("printed it is light", async () => {
        const { page } = await open(browser, file, { colorScheme: "dark" });
        await page.emulateMedia({ media: "print" });
        assert.equal(
          await page.evaluate("getComputedStyle(document.body).backgroundColor"),
          "rgb(255, 255, 255)",
        );
      });
    });
  },
);

Deno.test("compare --html writes where it is told, for equal runs, too, and never a picture from elsewhere", async () => {
  const { project, runs: [first] } = await twoRuns();
  await using _ = project;
  const { code, stderr } = await project.task("compare", [first, first, "--html", "pages/same.html"]);
  assert.equal(code, 0, stderr);
  const page = await Deno.readTextFile(project.path("pages/same.html"));
  assert.match(page, /<h1>Equal to the bit<\/h1>/);
  const outside = await Deno.makeTempDir();
  const image = await Deno.readFile(join(first, "train/images/001.png"));
  await Deno.writeFile(join(outside, "003.png"), image);
  for (const run of [first, await project.run()]) {
    await Deno.remove(join(run, "train/images"), { recursive: true });
    await Deno.symlink(outside, join(run, "train/images"));
  }
  await project.task("compare", [first, await project.run(), "--html", "linked.html"]);
  const linked = await Deno.readTextFile(project.path("linked.html"));
  assert.match(linked, /Predictions that flipped/);
  assert.doesNotMatch(linked, /class="sample"/);
  await Deno.remove(outside, { recursive: true });
});
