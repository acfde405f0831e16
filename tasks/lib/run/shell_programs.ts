/**
 * The programs without which a shell's text is certain to fail: first words of simple commands. What only may be run, may fail,
 * or may be found by what ran before it is passed over, and so is all behind what is not understood.
 */

/** How the text is run. */
interface ShellOptions {
  /** A command that fails ends the shell (`-e`); without it, only the last one decides. */
  errexit: boolean;
  /** The first part of a pipeline that fails decides, not the last part. */
  pipefail: boolean;
}

/**
 * The text that `bash -c` or `sh -c` runs, and how.
 *
 * @returns undefined if the arguments run none, or a profile that is read first may change everything
 */
export function shellText(argv: readonly string[]): { text: string; options: ShellOptions } | undefined {
  const [program = "", ...rest] = argv;
  if (!/^(?:.*\/)?(?:bash|sh|dash)$/.test(program)) return undefined;
  const options = { errexit: false, pipefail: false };
  for (let at = 0; at < rest.length; at++) {
    const flags = rest[at]!;
    if (!/^-[ceuxo]+$/.test(flags)) return undefined;
    options.errexit ||= flags.includes("e");
    if (flags.includes("o")) {
      if (rest[at + 1] === "pipefail") options.pipefail = true;
      at++;
    }
    if (flags.includes("c")) {
      const text = rest[at + 1];
      return text === undefined ? undefined : { text, options };
    }
  }
  return undefined;
}

/**
 * The programs that are certain to be called, in order, each once.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const strict = { errexit: true, pipefail: true };
 * assert.deepEqual(programsOf("cd src && make | tee log\nnvidia-smi || true", strict), ["make", "tee"]);
 * ```
 */
export function programsOf(text: string, options: ShellOptions): string[] {
  const functions = new Set(
    [...text.matchAll(/(?:^|[\s;&|({])(?:function\s+([^\s(){};]+)|([^\s(){};&|<>$"'=]+)\s*\(\s*\))/g)]
      .map(([, one, other]) => one ?? other!),
  );
  const parser = new Parser(tokensOf(text));
  const lists = parser.lists();
  const state = { ...options };
  const found = decisive(lists, state, parser.isWhole);
  return [...new Set(found)].filter((word) => !functions.has(word) && !BUILTINS.has(word));
}

interface Command {
  /** Undefined where nobody can tell, or it does not matter whether it is found. */
  word?: string;
  args: string[];
  /** The lists of a loop that is run at least once. */
  body?: List[];
}

/** Pipelines with `&&` between them. */
interface List {
  pipelines: Command[][];
  /** Its failure has no consequence: it has `||`, a `!`, or is in the background. */
  mayFail: boolean;
  /** What follows may find other programs than there are now. */
  changesAll: boolean;
}

function decisive(lists: List[], state: ShellOptions, isWhole: boolean): string[] {
  const found: string[] = [];
  for (const [index, { pipelines, mayFail, changesAll }] of lists.entries()) {
    const isLast = isWhole && index === lists.length - 1;
    for (const [at, pipeline] of mayFail ? [] : pipelines.entries()) {
      const isEnd = at === pipelines.length - 1;
      // A failure before `&&` ends no shell.
      if (isLast || (state.errexit && isEnd)) {
        for (const { word, body } of state.pipefail ? pipeline : pipeline.slice(-1)) {
          if (body !== undefined) found.push(...decisive(body, { ...state }, true));
          else if (word !== undefined) found.push(word);
        }
      }
      if (!pipeline.every(({ word }) => word !== undefined && SUCCEEDING.has(word))) break;
    }
    const [{ word, args } = { args: [] as string[] }] = pipelines[0] ?? [];
    if (word === "set") {
      state.errexit ||= args.some((arg) => /^-[a-z]*e/.test(arg));
      state.pipefail ||= args.includes("pipefail");
    }
    if (changesAll) break;
  }
  return found;
}

/** Behind these and `&&` the next command is run, unless all fails anyway. */
const SUCCEEDING = new Set([
  "cd",
  "mkdir",
  "export",
  "set",
  "echo",
  "printf",
  "true",
  ":",
  "python",
  "python3",
]);

/** Beyond them nobody can tell what is found. */
const STOP = new Set([
  ".",
  "source",
  "eval",
  "alias",
  "module",
  "ml",
  "case",
  "+e",
  "hash",
  "enable",
  "trap",
]);

/** These may bring a program. */
const BRINGING = new Set(
  ("pip pip3 uv pipx npm pnpm yarn apt apt-get dnf yum sudo conda mamba micromamba pixi poetry spack cargo go brew install ln " +
    "exit return break continue exec").split(" "),
);

const BUILTINS = new Set(
  (": [ [[ bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown echo exit export " +
    "false fc fg getopts help history jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return " +
    "set shift shopt suspend test times true type typeset ulimit umask unalias unset wait time coproc then else elif fi do " +
    "done esac in").split(" "),
);

/** More is nested in no text that somebody wrote. */
const DEEPEST = 50;

/** They run the command that follows them. */
const BEFORE_COMMAND = new Set(["time", "exec", "nohup", "env", "command", "builtin"]);

type Token = { kind: "word"; text: string; literal: boolean } | { kind: "operator"; text: string };

/** Its tokens; the last one is `?` where the text is not understood from there on. */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const operator = /\|\||&&|;;|\|&|[;&|()\n]/y;
  const redirection = /\d*(?:&>>?|<<<|<>|>>|>\||[<>]&?)(?!\()/y;
  let at = 0;
  const matched = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const unknown = () => [...tokens, { kind: "operator", text: "?" } as const];
  while (at < text.length) {
    const blank = matched(/(?:[ \t\r]|\\\r?\n)+/y) ?? matched(/#[^\n]*/y);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    if (matched(/\d*<<(?!<)/y) !== undefined) return unknown();
    const redirected = matched(redirection);
    if (redirected !== undefined) {
      at += redirected.length;
      at += matched(/[ \t]*/y)!.length;
      const target = wordAt(text, at);
      if (target === undefined || target.end === at) return unknown();
      at = target.end;
      continue;
    }
    const found = matched(operator);
    if (found !== undefined) {
      tokens.push({ kind: "operator", text: found });
      at += found.length;
      continue;
    }
    const word = wordAt(text, at);
    if (word === undefined || word.end === at) return unknown();
    tokens.push({ kind: "word", text: word.text, literal: word.literal });
    at = word.end;
  }
  return tokens;
}

/** One word from here; undefined if it is not understood. */
function wordAt(text: string, from: number): { text: string; literal: boolean; end: number } | undefined {
  let [at, word, literal] = [from, "", true];
  while (at < text.length) {
    const character = text[at]!;
    if (/[\s;&|)]/.test(character)) break;
    if (character === "'" || character === '"') {
      const end = character === "'" ? text.indexOf("'", at + 1) : quoteEnd(text, at);
      if (end < 0) return undefined;
      const inner = text.slice(at + 1, end);
      if (character === '"' && /[$`\\]/.test(inner)) literal = false;
      word += inner;
      at = end + 1;
    } else if (character === "\\") {
      if (text[at + 1] !== "\n") word += text[at + 1] ?? "";
      at += 2;
    } else if (character === "`") {
      return undefined;
    } else if (
      /[$<>=]/.test(character) && text[at + 1] === "(" || /[?*+@!]/.test(character) && text[at + 1] === "("
    ) {
      const end = parenthesisEnd(text, at + 1);
      if (end < 0) return undefined;
      word += text.slice(at, end);
      literal = false;
      at = end;
    } else if (character === "$" && text[at + 1] === "{") {
      const end = text.indexOf("}", at);
      if (end < 0) return undefined;
      word += text.slice(at, end + 1);
      literal = false;
      at = end + 1;
    } else if (/[(<>]/.test(character)) {
      break;
    } else {
      if (/[$*?~[\]{}]/.test(character)) literal = false;
      word += character;
      at++;
    }
  }
  return { text: word, literal, end: at };
}

function quoteEnd(text: string, from: number, depth = 0): number {
  if (depth > DEEPEST) return -1;
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "`") return -1;
    else if (text[at] === "$" && text[at + 1] === "(") {
      at = parenthesisEnd(text, at + 1, depth + 1) - 1;
      if (at < 0) return -1;
    } else if (text[at] === '"') return at;
  }
  return -1;
}

/** Behind the parenthesis that closes this one; negative if nobody can tell. */
function parenthesisEnd(text: string, from: number, outer = 0): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\") at++;
    else if (character === "'") at = text.indexOf("'", at + 1);
    else if (character === '"') at = quoteEnd(text, at, outer + 1);
    else if (character === "`" || text.startsWith("case ", at) || text.startsWith("<<", at)) return -1;
    else if (character === "(") depth++;
    else if (character === ")" && --depth === 0) return at + 1;
    if (at < 0) return -1;
  }
  return -1;
}

/** Which keyword ends what another begins. */
const ENDS: Record<string, string> = {
  if: "fi",
  while: "done",
  until: "done",
  for: "done",
  select: "done",
  "{": "}",
};

class Parser {
  private at = 0;
  private depth = 0;
  /** False if what follows the last list is not known. */
  isWhole = true;

  constructor(private readonly tokens: Token[]) {}

  private get next(): Token | undefined {
    return this.tokens[this.at];
  }

  private isOperator(...texts: string[]): boolean {
    return this.next?.kind === "operator" && texts.includes(this.next.text);
  }

  private isWord(text: string): boolean {
    return this.next?.kind === "word" && this.next.text === text;
  }

  /** Up to a keyword that ends them, or to the end. */
  lists(end?: string): List[] {
    const lists: List[] = [];
    while (this.isWhole) {
      while (this.isOperator("\n", ";")) this.at++;
      if (this.next === undefined || (end !== undefined && this.isWord(end))) break;
      const list = this.list();
      if (list === undefined) break;
      lists.push(list);
    }
    return lists;
  }

  private list(): List | undefined {
    const list: List = { pipelines: [[]], mayFail: false, changesAll: false };
    for (;;) {
      const command = this.command(list);
      if (command === undefined) {
        this.isWhole = false;
        return undefined;
      }
      list.pipelines.at(-1)!.push(command);
      const operator = this.next?.text;
      if (this.next?.kind === "operator" && ["|", "|&", "&&", "||"].includes(operator!)) {
        this.at++;
        while (this.isOperator("\n")) this.at++;
        if (operator === "||") list.mayFail = true;
        if (operator === "&&" || operator === "||") list.pipelines.push([]);
        continue;
      }
      if (this.isOperator("&")) list.mayFail = true;
      if (this.next === undefined || this.isOperator("&", ";", "\n")) {
        this.at++;
        return list;
      }
      this.isWhole = false;
      return undefined;
    }
  }

  private command(list: List): Command | undefined {
    const first = this.next;
    if (first === undefined || this.depth > DEEPEST) return undefined;
    if (first.kind === "operator") return first.text === "(" ? this.group() : undefined;
    if (first.text === "!") {
      while (this.isWord("!")) this.at++;
      list.mayFail = true;
      return this.command(list);
    }
    if (first.text === "[[") return this.skipTo("]]") ? { args: [] } : undefined;
    if (first.text === "for") return this.loop();
    if (ENDS[first.text] !== undefined) return this.compound(ENDS[first.text]!);
    if (first.text === "function") return undefined;
    return this.simple(list);
  }

  private simple(list: List): Command | undefined {
    const words: { text: string; literal: boolean }[] = [];
    for (; this.next?.kind === "word"; this.at++) {
      const { text } = this.next;
      // In `cd .` it is a folder.
      const isFolder = text === "." && words.some(({ text }) => !BEFORE_COMMAND.has(text));
      if (STOP.has(text) && !isFolder) return undefined;
      if (/(?:^|[^A-Za-z_])(?:PATH|BASH_ENV)\b|(?:^|\/)s?bin(?:\/|$)/.test(text)) return undefined;
      if (BRINGING.has(text)) list.changesAll = true;
      words.push(this.next);
    }
    if (this.isOperator("(")) {
      // A function; its body is run where it is called.
      if (words.length !== 1 || !this.isEmptyGroup()) return undefined;
      this.at += 2;
      while (this.isOperator("\n")) this.at++;
      return this.isWord("{") ? this.compound("}") : undefined;
    }
    let rest = words;
    const skip = (isOne: (text: string) => boolean) => {
      while (rest[0] !== undefined && isOne(rest[0].text)) rest = rest.slice(1);
    };
    const isAssignment = (text: string) => /^[A-Za-z_]\w*(?:\[.*\])?\+?=/s.test(text);
    skip(isAssignment);
    while (rest[0] !== undefined && BEFORE_COMMAND.has(rest[0].text) && rest.length > 1) {
      rest = rest.slice(1);
      skip(isAssignment);
      // `command -v`, `env -i`: it is itself what runs.
      if (rest[0]?.text.startsWith("-")) return { args: [] };
    }
    const [word, ...args] = rest;
    const isName = word?.literal && /^[A-Za-z0-9_.+-]+$/.test(word.text) || word?.text === ":";
    return { ...(isName ? { word: word!.text } : {}), args: args.map(({ text }) => text) };
  }

  private isEmptyGroup(): boolean {
    const after = this.tokens[this.at + 1];
    return after?.kind === "operator" && after.text === ")";
  }

  /** What stands in parentheses is passed over. */
  private group(): Command | undefined {
    let depth = 0;
    for (; this.next !== undefined && !this.isOperator("?"); this.at++) {
      if (this.next.kind === "word" && STOP.has(this.next.text)) return undefined;
      if (this.isOperator("(")) depth++;
      if (this.isOperator(")") && --depth === 0) {
        this.at++;
        return { args: [] };
      }
    }
    return undefined;
  }

  private skipTo(word: string): boolean {
    for (; this.next !== undefined && !this.isOperator("?", "\n"); this.at++) {
      if (this.isWord(word)) {
        this.at++;
        return true;
      }
    }
    return false;
  }

  /** Passes over what ends with the keyword, and whatever begins and ends within. */
  private compound(end: string): Command | undefined {
    if (this.depth > DEEPEST) return undefined;
    this.depth++;
    const command = this.skipCompound(end);
    this.depth--;
    return command;
  }

  private skipCompound(end: string): Command | undefined {
    this.at++;
    let isFirst = true;
    for (; this.next !== undefined && !this.isOperator("?"); this.at++) {
      const { kind, text } = this.next;
      if (kind === "word" && (STOP.has(text) || BRINGING.has(text) || /\bPATH\b/.test(text))) {
        return undefined;
      }
      if (kind === "word" && isFirst && text === end) {
        this.at++;
        return { args: [] };
      }
      if (kind === "word" && isFirst && ENDS[text] !== undefined) {
        if (this.compound(ENDS[text]!) === undefined) return undefined;
        this.at--;
        isFirst = false;
        continue;
      }
      isFirst = kind === "operator" || isFirst && ["then", "else", "elif", "do", "!", "time"].includes(text);
    }
    return undefined;
  }

  /** `for name in words; do …; done` is run where one of the words is certain. */
  private loop(): Command | undefined {
    const begin = this.at;
    const [, name, keyword] = this.tokens.slice(this.at, this.at + 3);
    if (name?.kind !== "word" || keyword?.kind !== "word" || keyword.text !== "in") {
      return this.compound("done");
    }
    this.at += 3;
    let isSure = false;
    for (; this.next?.kind === "word"; this.at++) isSure ||= !/[$`]/.test(this.next.text);
    while (this.isOperator(";", "\n")) this.at++;
    if (!isSure || !this.isWord("do")) {
      this.at = begin;
      return this.compound("done");
    }
    this.at++;
    this.depth++;
    const body = this.lists("done");
    this.depth--;
    if (!this.isWhole || !this.isWord("done")) {
      this.isWhole = false;
      return undefined;
    }
    this.at++;
    // What the body brings, and where it ends early, is not looked at.
    return body.some(({ changesAll }) => changesAll) ? undefined : { args: [], body };
  }
}
