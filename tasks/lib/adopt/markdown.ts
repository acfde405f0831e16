/** The commands of a README: what stands in its blocks of code, line by line. */

import type { Repository } from "./repository.ts";

export interface CommandLine {
  text: string;
  /** 1-based, in the file. */
  line: number;
  /** Number of the block that it stands in. */
  block: number;
}

/** The README that people read first; undefined if there is none. */
export function readme(repository: Repository): string | undefined {
  const all = repository.named(/^readme(?:\.(?:md|rst|txt|markdown))?$/i);
  return all.find((path) => /\.md$/i.test(path)) ?? all[0];
}

/** Lines of fenced and indented blocks, without prompts and comments; one that goes on in the next is one. */
export function commandLines(text: string): CommandLine[] {
  const found: CommandLine[] = [];
  let fence: string | undefined;
  let isCode = false;
  let isPython = false;
  let block = 0;
  let open: CommandLine | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const mark = /^\s*(```+|~~~+)\s*(\S*)/.exec(raw);
    if (mark && (fence === undefined || mark[1]!.startsWith(fence))) {
      isCode = fence === undefined && !/^(?:json|ya?ml|bibtex|text|diff|toml)$/i.test(mark[2]!);
      isPython = /^(?:python|py)$/i.test(mark[2]!);
      fence = fence === undefined ? mark[1] : undefined;
      block++;
      open = undefined;
      continue;
    }
    const isIndented = fence === undefined && /^(?: {4}|\t)\s*(?![*+-]\s|\d+[.)]\s)\S/.test(raw);
    if (!(fence !== undefined && isCode) && !isIndented) {
      open = undefined;
      continue;
    }
    const plain = raw.trim().replace(/^(?:\$|>|%|!|\([\w.-]+\)\s*\$)\s+/, "").replace(/^!(?=[a-z])/, "");
    // Many mark their commands as Python.
    if (
      fence !== undefined && isPython && open === undefined &&
      !/^(?:python[\d.]*|pip[\d.]*|bash|cd) /.test(plain)
    ) continue;
    const goesOn = /\\$/.test(plain);
    const part = plain.replace(/\\$/, "").trim();
    if (open !== undefined) open.text += ` ${part}`;
    else if (part !== "" && !part.startsWith("#")) found.push(open = { text: part, line: index + 1, block });
    if (!goesOn) open = undefined;
  }
  return found;
}

/**
 * The words of a command as a shell would read them.
 *
 * @returns undefined for what is more than a plain command: a pipe, a variable, a loop
 */
export function shellWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (quote !== "") {
      if (letter === quote) quote = "";
      else if (quote === '"' && (letter === "$" || letter === "`")) return undefined;
      else word += letter === "\\" && quote === '"' ? text[++i] ?? "" : letter;
    } else if (letter === "'" || letter === '"') [quote, word] = [letter, word ?? ""];
    else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (letter === "#" && word === undefined) break;
    else if (/[|&;<>$`(){}*?]/.test(letter)) return undefined;
    else word = (word ?? "") + (letter === "\\" ? text[++i] ?? "" : letter);
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words.length > 0 ? words : undefined;
}
