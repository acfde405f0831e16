import type { Terminal } from "../cli/terminal.ts";
import { run } from "../system/command.ts";
import { type StateFolder, writePrivate } from "./state.ts";

const OPENERS: Partial<Record<typeof Deno.build.os, string>> = { darwin: "open", windows: "explorer" };

/** Opens the address by a page that only the user can read: everybody can read a browser's command line. */
export async function openBrowser(url: string, { page }: StateFolder, terminal: Terminal): Promise<void> {
  // The address is made here, of a number and a percent-encoded token: nothing in it needs quoting.
  const text =
    `<!doctype html>\n<meta http-equiv="refresh" content="0; url=${url}">\n<a href="${url}">JupyterLab</a>\n`;
  await writePrivate(page, text);
  const opener = OPENERS[Deno.build.os] ?? "xdg-open";
  try {
    const { code } = await run([opener, page], { timeoutMs: 10_000 });
    if (code === 0) return;
  } catch {
    // said below
  }
  terminal.note(`No browser could be opened (${opener}): open the address above yourself`);
}
