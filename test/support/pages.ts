/** The project's own pages, and what of them can be checked. */

import { join } from "node:path";
import { ROOT } from "./project.ts";

export interface Page {
  /** From the root, e.g. `docs/architecture.md`. */
  path: string;
  text: string;
}

export interface Fence {
  /** What stands behind the opening ticks, e.g. `sh run`. */
  kind: string;
  line: number;
  text: string;
}

/** Folders that are not ours, or that nobody reads as a page. */
const NO_PAGES = /^(?:\.git|\.venv.*|\.cache|node_modules|runs|data|wheelhouse|fixtures)$/;

/** All Markdown files of the project. */
export async function readPages(folder = ""): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory && !NO_PAGES.test(entry.name)) pages.push(...await readPages(path));
    else if (entry.isFile && path.endsWith(".md")) {
      pages.push({ path, text: await Deno.readTextFile(join(ROOT, path)) });
    }
  }
  return pages;
}

/** The blocks of code of a page. */
export function fences(text: string): Fence[] {
  return [...text.matchAll(/^ *```(.*)\n([\s\S]*?)^ *```$/gm)].map(({ index, 1: kind, 2: code }) => ({
    kind: kind!.trim(),
    line: text.slice(0, index).split("\n").length,
    text: code!,
  }));
}

/** A page without its code, line by line as it was. */
export function withoutCode(text: string): string {
  const blank = (code: string) => code.replace(/[^\n]/g, " ");
  return text.replace(/^ *```.*\n[\s\S]*?^ *```$/gm, blank).replace(/`[^`\n]*`/g, blank);
}

/** The parts that a page's links can name: its headings as GitHub writes them, and its own ids. */
export function anchors(text: string): Set<string> {
  const found = new Set<string>();
  const plain = text.replace(/^ *```.*\n[\s\S]*?^ *```$/gm, "");
  for (const [, heading] of plain.matchAll(/^#+ +(.*)$/gm)) {
    const shown = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const name = shown.toLowerCase().replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "").replaceAll(" ", "-");
    let unique = name;
    for (let i = 1; found.has(unique); i++) unique = `${name}-${i}`;
    found.add(unique);
  }
  for (const [, id] of plain.matchAll(/\bid="([^"]+)"/g)) found.add(id!);
  return found;
}

/** The relative links of a page, `[text](target)`, `[name]: target` and HTML's, each with its line. */
export function links(text: string): { target: string; line: number }[] {
  const plain = withoutCode(text);
  const written = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)|\b(?:href|src)="([^"]+)"/gm;
  return [...plain.matchAll(written)]
    .map(({ index, 1: inline, 2: named, 3: html }) => ({
      target: (inline ?? named ?? html)!,
      line: plain.slice(0, index).split("\n").length,
    }))
    .filter(({ target }) => !/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(target));
}

/** What is wrong with a page's links: `page:line: …`. */
export async function brokenLinks(page: Page, pages: Page[], exists: (path: string) => Promise<boolean>) {
  const broken: string[] = [];
  for (const { target, line } of links(page.text)) {
    const [path, part] = target.split("#") as [string, string?];
    const file = path === "" ? page.path : join(page.path, "..", decodeURIComponent(path));
    const linked = pages.find((other) => other.path === file);
    if (!await exists(file)) broken.push(`${page.path}:${line}: ${target} is not there`);
    else if (part !== undefined && linked !== undefined && !anchors(linked.text).has(part)) {
      broken.push(`${page.path}:${line}: ${file} has no heading #${part}`);
    }
  }
  return broken;
}
