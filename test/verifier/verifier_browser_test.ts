/** The page that verifies a run, in a real browser: what it says of sound, altered and hostile runs. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { verifierPage } from "../../tasks/lib/maintenance/verifier_page.ts";
import type { Answer, Finding } from "../../tasks/lib/verifier/worker.ts";
import { listFiles } from "../../tasks/lib/system/files.ts";
import { browserTest, open, violations, withBrowser } from "../support/browser.ts";
import { CLAIMS, experiment as claiming, NOT_IN_PYTHON, TRAIN } from "../support/claims_of_all_kinds.ts";
import { experiment, Project } from "../support/project.ts";
import { reproduced, training } from "../support/report_runs.ts";

const LARGEST_PAGE = 400_000;

const page = await Deno.makeTempFile({ suffix: ".html" });
addEventListener("unload", () => Deno.removeSync(page));

let html: string | undefined;

async function withPage(work: (page: Page, seen: { requests: string[]; errors: string[] }) => Promise<void>) {
  await Deno.writeTextFile(page, html ??= await verifierPage());
  await withBrowser(async (browser) => {
    const opened = await open(browser, page);
    await work(opened.page, opened);
  });
}

/** A small run, its folder's files by path, as a browser is given them. */
async function aRun(): Promise<{ project: Project; folder: string; files: Record<string, Uint8Array> }> {
  const { project, ended } = await reproduced(training({ epochs: 5 }));
  assert.equal(ended.code, 0, ended.stderr);
  const folder = await project.run();
  return { project, folder, files: await readAll(folder) };
}

async function readAll(folder: string): Promise<Record<string, Uint8Array>> {
  const entries = await listFiles(folder);
  return Object.fromEntries(
    await Promise.all(
      entries.map(async ({ path }) => [path, await Deno.readFile(join(folder, path))] as const),
    ),
  );
}

/** What the page gives to tests. */
declare const verifyFiles: (files: [path: string, file: Blob][]) => Promise<Answer>;

/** What the page's own function says of files; bytes travel as base64. */
async function ask(page: Page, files: Record<string, Uint8Array>): Promise<Answer> {
  return await page.evaluate(
    (files) => verifyFiles(files.map(([path, text]) => [path, new Blob([Uint8Array.fromBase64(text)])])),
    encoded(files),
  );
}

function encoded(files: Record<string, Uint8Array>): [path: string, base64: string][] {
  return Object.entries(files).map(([path, bytes]) => [path, bytes.toBase64()]);
}

function found(answer: Answer): Finding {
  assert.equal(answer.kind, "finding", JSON.stringify(answer));
  return (answer as { finding: Finding }).finding;
}

browserTest(
  "the page judges a run folder as verify does, loads nothing, fits a phone, and axe finds nothing wrong",
  async () => {
    const { project, folder, files } = await aRun();
    await using _ = project;
    await withPage(async (page, { requests, errors }) => {
      assert.ok(html!.length <= LARGEST_PAGE, `${html!.length}`);
      const { checks, altered, holds, status } = found(await ask(page, files));
      const recorded = JSON.parse(new TextDecoder().decode(files["verdict.json"]));
      assert.deepEqual([checks, altered, holds, status], [recorded.checks, [], true, "done"]);

      await page.setInputFiles("#folder", folder);
      await page.waitForSelector(".verdict");
      assert.equal(await page.textContent(".verdict"), "Holds: 1 of 1 claims hold");
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 800 });
        assert.deepEqual(await violations(page), []);
        assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
      }
      assert.deepEqual(requests.filter((address) => !/^(?:file|blob):/.test(address)), []);
      assert.deepEqual(errors, []);
    });
  },
);

browserTest("a folder that is dropped is judged, and what a reviewer would ask about is said", async () => {
  const files = training({ epochs: 5, more: "open('published/metrics.json').read()" });
  const { project, ended } = await reproduced({ ...files, "published/metrics.json": "{}" });
  assert.equal(ended.code, 0, ended.stderr);
  await using _ = project;
  const folder = await project.run();
  await withPage(async (page, { errors }) => {
    const devtools = await page.context().newCDPSession(page);
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      const data = { items: [], files: [folder], dragOperationsMask: 1 };
      await devtools.send("Input.dispatchDragEvent", { type, x: 100, y: 100, data });
    }
    await page.waitForSelector(".verdict");
    assert.equal(await page.textContent(".verdict"), "Holds: 1 of 1 claims hold");
    const said = await page.locator("#result li").allTextContents();
    assert.ok(
      said.some((line) => line.startsWith("The step train opened published/metrics.json")),
      said.join(),
    );
    assert.deepEqual(errors, []);
  });
});

browserTest("claims on a source of each kind are judged as verify does", async (t) => {
  const claims = [...CLAIMS, ...NOT_IN_PYTHON];
  await using project = await Project.make({ "experiment.yaml": claiming(claims), "train.py": TRAIN });
  const ended = await project.task("reproduce");
  const folder = await project.run();
  const recorded = JSON.parse(await Deno.readTextFile(join(folder, "verdict.json")));
  assert.equal(recorded.checks.length, claims.length, ended.stderr);
  await withPage(async (page, { errors }) => {
    const { checks, altered } = JSON.parse(JSON.stringify(found(await ask(page, await readAll(folder)))));
    for (const [index, check] of recorded.checks.entries()) {
      await t.step(`${claims[index]![0]} is ${check.verdict}`, () => assert.deepEqual(checks[index], check));
    }
    assert.deepEqual([altered, errors], [[], []]);
  });
});

const SIZES = [0, 1, 2 ** 15, 2 ** 15 + 1, 2 ** 23, 2 ** 23 + 1, 2 ** 25, 2 ** 25 + 1, 2 ** 26 + 2 ** 20 + 1];

const MANY = 4500;

browserTest("files of every size are hashed, and more of them than verify takes one worker for", async () => {
  const files = {
    "experiment.yaml": experiment("", '[python, make.py, "{out}"]'),
    "make.py": `
import os, sys
out = sys.argv[1]
for size in ${JSON.stringify(SIZES)}:
    with open(f"{out}/{size}.bin", "wb") as file:
        file.truncate(size)
        file.seek(max(0, size - 1))
        file.write(b"x"[:size])
for number in range(${MANY}):
    open(f"{out}/{number}.txt", "w").write(str(number))
`,
  };
  const { project, ended } = await reproduced(files);
  await using _ = project;
  assert.equal(ended.code, 0, ended.stderr);
  const folder = await project.run();
  const lines = async (page: Page) => {
    await page.setInputFiles("#folder", folder);
    await page.waitForSelector(".verdict", { timeout: 300_000 });
    return await page.locator("#result li").allTextContents();
  };
  await withPage(async (page) => assert.deepEqual(await lines(page), []));
  const changed = ["train/4321.txt", ...SIZES.slice(1).map((size) => `train/${size}.bin`)];
  for (const path of changed) {
    await Deno.chmod(join(folder, path), 0o644);
    using file = await Deno.open(join(folder, path), { read: true, write: true });
    await file.seek(-1, Deno.SeekMode.End);
    await file.write(new TextEncoder().encode("y"));
  }
  await withPage(async (page) => {
    const expected = changed.map((path) => `${path}: other bytes than recorded`);
    assert.deepEqual((await lines(page)).sort(), expected.sort());
  });
});

browserTest("a crate is judged like its folder, a signature is checked by WebCrypto", async () => {
  const { project, folder } = await aRun();
  await using _ = project;
  const keys = ["ed25519", "rsa", "ecdsa"];
  await withPage(async (page) => {
    for (const kind of keys) {
      const key = project.path(kind);
      await succeeds("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key);
      const signed = await project.task("receipt", ["--sign", key]);
      assert.equal(signed.code, 0, signed.stderr);
      const files = await readAll(folder);
      const print = (await succeeds("ssh-keygen", "-lf", key)).split(" ")[1]!;
      const { signature } = found(await ask(page, files));
      assert.deepEqual(signature, {
        good: true,
        detail: `signed with the ${kind.toUpperCase()} key ${print}, whosever it is`,
      });
      const { "receipt.json.sig": __, ...alone } = files;
      assert.deepEqual(found(await ask(page, alone)).signature, signature, "the envelope holds it, too");
      const receipt = files["receipt.json"]!.slice();
      receipt[receipt.length - 3]! ^= 1;
      const altered = found(await ask(page, { ...files, "receipt.json": receipt })).signature;
      assert.equal((altered as { good?: boolean }).good, false);
    }
    assert.equal((await project.task("report", ["--crate", "run.zip"])).code, 0);
    await page.setInputFiles("#zip", project.path("run.zip"));
    await page.waitForSelector(".verdict");
    assert.equal(await page.textContent(".verdict"), "Holds: 1 of 1 claims hold");
  });
});

async function succeeds(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Made again at will from the others, and covered by no hash. */
const DERIVED = ["report.html", "ro-crate-metadata.json", ".lock"];

browserTest("1,000 random changes of one bit are all caught", async () => {
  const { project, files } = await aRun();
  await using _ = project;
  const paths = Object.keys(files).filter((path) => !DERIVED.includes(path) && files[path]!.length > 0);
  const flips = Array.from({ length: 1000 }, () => {
    const path = paths[Math.floor(Math.random() * paths.length)]!;
    return { path, at: Math.floor(Math.random() * files[path]!.length), bit: Math.floor(Math.random() * 8) };
  });
  await withPage(async (page) => {
    assert.deepEqual(found(await ask(page, files)).altered, []);
    const missed = await page.evaluate(flipEach, { files: encoded(files), flips });
    assert.deepEqual(missed, []);
  });
});

interface Flip {
  path: string;
  at: number;
  bit: number;
}

/** In the page: one worker judges the run once for each change; returns the changes that were not noticed. */
async function flipEach({ files, flips }: { files: [string, string][]; flips: Flip[] }): Promise<Flip[]> {
  const { document } = globalThis as unknown as {
    document: { getElementById(id: string): { textContent: string } };
  };
  const worker = new Worker(URL.createObjectURL(new Blob([document.getElementById("worker").textContent])));
  const bytes = new Map(files.map(([path, text]) => [path, Uint8Array.fromBase64(text)]));
  const missed: Flip[] = [];
  for (const flip of flips) {
    const changed = bytes.get(flip.path)!.slice();
    changed[flip.at]! ^= 1 << flip.bit;
    const answer = await new Promise<Answer>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage({
        files: [...bytes].map(([name, own]) => [name, new Blob([name === flip.path ? changed : own])]),
      });
    });
    if (answer.kind === "finding" && answer.finding.altered.length === 0) missed.push(flip);
  }
  worker.terminate();
  return missed;
}

browserTest("what is no run, or means harm, is a sentence and never markup", async (t) => {
  const { project, files } = await aRun();
  await using _ = project;
  const text = (value: string) => new TextEncoder().encode(value);
  const cases: [name: string, files: Record<string, Uint8Array>, expected: RegExp][] = [
    ["no run", { "a.txt": text("a") }, /No run is in it/],
    ["no JSON", { ...files, "evidence.json": text("{") }, /evidence\.json/],
    ["another shape", { ...files, "evidence.json": text("[]") }, /evidence\.json/],
    ["deep JSON", { ...files, "evidence.json": text("[".repeat(200_000)) }, /./],
    ["no zip", { "a.zip": text("PK") }, /The zip can't be read/],
    ["a cut zip", { "a.zip": text("PK\x05\x06" + "\xff".repeat(30)) }, /The zip can't be read/],
  ];
  await withPage(async (page, { errors }) => {
    for (const [name, given, expected] of cases) {
      await t.step(name, async () => {
        const answer = await ask(page, given);
        assert.equal(answer.kind, "problem", JSON.stringify(answer).slice(0, 500));
        assert.match((answer as { message: string }).message, expected);
      });
    }
    const evidence = new TextDecoder().decode(files["evidence.json"]);
    const marked = evidence.replaceAll('"done"', '"done"').replace(
      '"name": "test"',
      '"name": "<img src=x onerror=alert(1)>"',
    );
    await t.step("markup in a name", async () => {
      await page.setInputFiles("#folder", []).catch(() => {});
      await ask(page, { ...files, "evidence.json": text(marked) });
      assert.equal(await page.locator("img").count(), 0);
    });
    assert.deepEqual(errors, []);
  });
});
