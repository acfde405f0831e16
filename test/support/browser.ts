/** A real browser for the pages that the program writes. */

import axe from "axe-core";
import { existsSync } from "node:fs";
import type { Browser, Page } from "playwright-core";

const CHROMIUM = [Deno.env.get("CHROMIUM") ?? "", "/usr/bin/chromium", "/usr/bin/google-chrome"]
  .find((path) => path !== "" && existsSync(path));

if (CHROMIUM === undefined) {
  console.log(
    "ignored: pages in a browser, since there is no chromium (apt-get install chromium), nor does CHROMIUM name one",
  );
}

/** Opens a page and watches what it does. */
export async function open(browser: Browser, file: string, options: Parameters<Browser["newPage"]>[0] = {}) {
  const page = await browser.newPage(options);
  const seen = { requests: [] as string[], errors: [] as string[] };
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("console", (message) => seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  await page.goto(`file://${file}`, { waitUntil: "load" });
  return { page, ...seen };
}

export async function withBrowser(work: (browser: Browser) => Promise<void>) {
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
  ];
  // Playwright asks /proc whether this is WSL, which Deno allows nobody who has not all rights; so it does not.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}

export function browserTest(name: string, work: (t: Deno.TestContext) => Promise<void>) {
  // Playwright keeps pipes and timers of its own until the browser has gone.
  Deno.test({ name, ignore: CHROMIUM === undefined, sanitizeOps: false, sanitizeResources: false, fn: work });
}

/** What axe finds wrong, each with where. The page's policy lets no script in, so axe comes past it. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>(
    'axe.run(document, { resultTypes: ["violations"] })',
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(" ")}`);
}
