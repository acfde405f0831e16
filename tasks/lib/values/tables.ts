/** Tables in Markdown, HTML and LaTeX, as programs write them and people paste them into a README or a paper. */

import { ContentProblem } from "./content_problem.ts";
import { type Cell, findInTable, type Row, type RowQuery, type Table } from "./csv.ts";

/** How a text writes its tables. */
export type Markup = "markdown" | "html" | "latex";

/**
 * The cells of a column, of the tables that have it, without markup such as bold.
 *
 * @throws {ContentProblem} if no table has the column and the row
 */
export function findInTables(text: string, markup: Markup, column: string, row?: RowQuery): Cell[] {
  const tables = tablesIn(text, markup);
  if (tables.length === 0) throw new ContentProblem("holds no table");
  const problems: ContentProblem[] = [];
  const found = tables.flatMap((table) => {
    try {
      return findInTable(table, column, row);
    } catch (error) {
      if (!(error instanceof ContentProblem)) throw error;
      problems.push(error);
      return [];
    }
  });
  if (problems.length < tables.length) return found;
  if (tables.length === 1) throw problems[0]!;
  // A table that has the columns says most.
  const nearest = problems.find(({ message }) => !message.startsWith("has no column")) ?? problems[0]!;
  throw new ContentProblem(`has ${tables.length} tables, the nearest of which ${nearest.message}`);
}

/** All tables in a text, in its order; Markdown may hold those of HTML. */
export function tablesIn(text: string, markup: Markup): Table[] {
  if (markup === "latex") return latexTables(text);
  return markup === "html" ? htmlTables(text) : [...markdownTables(text), ...htmlTables(text)];
}

function markdownTables(text: string): Table[] {
  const lines = text.split(/\r?\n/);
  const tables: Table[] = [];
  for (let at = 1; at < lines.length; at++) {
    const isRule = lines[at]!.includes("|") &&
      /^[\s>]*\|?(?:\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*$/.test(lines[at]!.slice(0, LONGEST * 10));
    if (!isRule || !lines[at - 1]!.includes("|")) continue;
    const header = markdownCells(lines[at - 1]!);
    const rows: Row[] = [];
    while (lines[at + 1]?.includes("|")) {
      at++;
      rows.push({ line: at + 1, cells: markdownCells(lines[at]!) });
    }
    tables.push(evened(header, rows));
  }
  return tables;
}

function markdownCells(line: string): string[] {
  const inner = line.trim().replace(/^>\s*/, "").replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => {
    const text = cell.trim().slice(0, LONGEST).replaceAll("\\|", "|").replace(
      /!?\[([^\]]*)\]\([^)]*\)/g,
      "$1",
    );
    return plainHtml(text.replace(/^(\*\*\*|\*\*|\*|___|__|_|~~|`+)(.+)\1$/s, "$2"));
  });
}

/** Rows that are shorter than the header get blank cells, and what is behind the last column is cut off. */
function evened(header: string[], rows: Row[]): Table {
  const cells = (row: Row) => header.map((_, index) => row.cells[index] ?? "");
  return { header, rows: rows.map((row) => ({ line: row.line, cells: cells(row) })) };
}

/** Several rows of a header are read as one: `ImageNet` over `Top-1` is `ImageNet Top-1`. */
function withHeader(rows: (Row & { isHeader: boolean })[]): Table[] {
  const body = rows.findIndex(({ isHeader }) => !isHeader);
  const count = body < 0 ? rows.length : Math.max(body, 1);
  const heads = rows.slice(0, count);
  const width = Math.max(0, ...rows.map(({ cells }) => cells.length));
  if (width === 0) return [];
  const header = Array.from({ length: width }, (_, index) => {
    const parts = heads.map(({ cells }) => cells[index]?.trim() ?? "").filter((part) => part !== "");
    // What reaches over several rows is there once.
    return parts.filter((part, at) => part !== parts[at - 1]).join(" ");
  });
  return [evened(header, rows.slice(count))];
}

/** How far a cell may reach; more is no table that somebody reads. */
const WIDEST = 1000;

/** Characters of a cell that are looked at: taking off markup tries many ways. */
const LONGEST = 2000;

function htmlTables(text: string): Table[] {
  const tables: Table[] = [];
  const body = withoutComments(text);
  const lineAt = lineCounter(body);
  for (const [start, end] of between(body, /<table\b[^<>]*>/gi, /<\/table\s*>/gi)) {
    const rows: (Row & { isHeader: boolean })[] = [];
    /** Cells that reach down into later rows, by column. */
    const down = new Map<number, { text: string; rows: number }>();
    for (const [from, to] of parts(body, start, end, /<tr\b[^<>]*>/gi)) {
      const cells: string[] = [];
      const fill = () => {
        for (let above = down.get(cells.length); above !== undefined; above = down.get(cells.length)) {
          if (--above.rows <= 0) down.delete(cells.length);
          cells.push(above.text);
        }
      };
      let isHeader = true;
      for (const [begin, finish, tag] of parts(body, from, to, /<t[hd]\b[^<>]*>/gi)) {
        fill();
        isHeader &&= /^<th/i.test(tag);
        const reach = (name: string) =>
          Math.min(Number(new RegExp(`\\b${name}\\s*=\\s*["']?(\\d+)`, "i").exec(tag)?.[1] ?? 1), WIDEST);
        const value = plainHtml(body.slice(begin, Math.min(finish, begin + LONGEST)));
        for (let column = 0; column < reach("colspan") && cells.length < WIDEST; column++) {
          if (reach("rowspan") > 1) down.set(cells.length, { text: value, rows: reach("rowspan") - 1 });
          cells.push(value);
        }
      }
      fill();
      if (cells.length > 0) rows.push({ line: lineAt(from), cells, isHeader });
    }
    tables.push(...withHeader(rows));
  }
  return tables;
}

/** From one tag to the next, or to the end; each place of the text is looked at once. */
function* parts(text: string, from: number, to: number, tag: RegExp): Generator<[number, number, string]> {
  const tags = [...text.slice(from, to).matchAll(tag)];
  for (const [index, match] of tags.entries()) {
    const next = tags[index + 1]?.index;
    yield [from + match.index + match[0].length, next === undefined ? to : from + next, match[0]];
  }
}

/** What stands between an opening and the next closing tag. */
function* between(text: string, opening: RegExp, closing: RegExp): Generator<[number, number]> {
  for (let open = opening.exec(text); open !== null; open = opening.exec(text)) {
    closing.lastIndex = opening.lastIndex;
    const close = closing.exec(text);
    if (close === null) return;
    yield [opening.lastIndex, close.index];
    opening.lastIndex = closing.lastIndex;
  }
}

/** Lines stay what they are. */
function withoutComments(text: string): string {
  let kept = "";
  let at = 0;
  for (let open = text.indexOf("<!--"); open >= 0; open = text.indexOf("<!--", at)) {
    const close = text.indexOf("-->", open);
    if (close < 0) break;
    kept += text.slice(at, open) + text.slice(open, close).replace(/[^\n]/g, "");
    at = close + 3;
  }
  return kept + text.slice(at);
}

/** The line of a place; places are asked for in order. */
function lineCounter(text: string): (place: number) => number {
  let [line, counted] = [1, 0];
  return (place) => {
    for (
      let next = text.indexOf("\n", counted);
      next >= 0 && next < place;
      next = text.indexOf("\n", counted)
    ) {
      line++;
      counted = next + 1;
    }
    return line;
  };
}

const ENTITIES: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  plusmn: "±",
  minus: "−",
  ndash: "–",
  mdash: "—",
  times: "×",
};

function plainHtml(text: string): string {
  return text.replace(/<\/?[a-z][^>]*>/gi, "").replace(
    /&(#x?[\da-f]{1,6}|[a-z]+);/gi,
    (whole, name: string) => {
      if (!name.startsWith("#")) return ENTITIES[name.toLowerCase()] ?? whole;
      const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  ).replace(/\s+/g, " ").trim();
}

const RULES =
  /\\(?:hline|toprule|midrule|bottomrule|endhead|endfirsthead|addlinespace(?:\[[^\]]*\])?|c(?:mid)?(?:rule|line)(?:\([^)]*\))?(?:\[[^\]]*\])?\{[^}]*\})/g;

function latexTables(text: string): Table[] {
  const tables: Table[] = [];
  const body = text.replace(/(?<!\\)%.*$/gm, "");
  const begin = /\\begin\{(tabular[xy*]?|longtable|tabu|array)\}/g;
  const lineAt = lineCounter(body);
  let done = 0;
  for (const match of body.matchAll(begin)) {
    // A table inside a table is a part of its cell.
    if (match.index < done) continue;
    const end = body.indexOf(`\\end{${match[1]}}`, match.index);
    if (end < 0) throw new ContentProblem(`is not LaTeX: \\begin{${match[1]}} has no end`);
    let at = match.index + match[0].length;
    done = end;
    // The width and the columns.
    for (
      let next = afterArgument(body, at);
      next !== undefined && next <= end;
      next = afterArgument(body, at)
    ) at = next;
    const rows: (Row & { isHeader: boolean })[] = [];
    let isHeader = true;
    let line = lineAt(at);
    for (const part of body.slice(at, end).split(/\\\\(?:\[[^\]]*\])?/)) {
      const rules = [...part.matchAll(RULES)].map(([rule]) => rule);
      if (rows.length > 0 && rules.some((rule) => /^\\(?:hline|midrule|end)/.test(rule))) isHeader = false;
      const lead = /^\s*/.exec(part)![0];
      const plain = part.replace(RULES, "");
      if (plain.trim() !== "") {
        rows.push({ line: line + lead.split("\n").length - 1, cells: latexCells(plain), isHeader });
      }
      line += part.split("\n").length - 1;
    }
    // Without a rule only the first row is one.
    if (isHeader) rows.forEach((row, index) => row.isHeader = index === 0);
    tables.push(...withHeader(rows));
  }
  return tables;
}

function afterArgument(text: string, from: number): number | undefined {
  const open = /^\s*([[{])/.exec(text.slice(from, from + 1000));
  if (open === null) return undefined;
  const [left, right] = open[1] === "{" ? ["{", "}"] : ["[", "]"];
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === left) depth++;
    if (text[at] === right && --depth === 0) return at + 1;
  }
  return undefined;
}

function latexCells(row: string): string[] {
  return row.split(/(?<!\\)&/).flatMap((cell) => {
    const [, columns, content] = /^\s*\\multicolumn\{(\d+)\}\{[^}]*\}\{(.*)\}\s*$/s.exec(cell) ?? [];
    const text = plainLatex((content ?? cell).slice(0, LONGEST));
    return Array.from({ length: Math.min(Number(columns ?? 1), WIDEST) }, () => text);
  });
}

function plainLatex(cell: string): string {
  let text = cell.replace(/\\multirow(?:\[[^\]]*\])?\{[^}]*\}(?:\[[^\]]*\])?\{[^}]*\}/g, "");
  text = text.replaceAll("\\pm", "±").replace(/\\[,;:! ]/g, " ").replace(
    /\\(?:bfseries|itshape|bf|it|small|footnotesize)\b/g,
    "",
  );
  // From the inside out: \textbf{\underline{94.1}}
  for (let before = ""; before !== text;) {
    before = text;
    text = text.replace(/\\[a-zA-Z]+\*?\{([^{}]*)\}/g, "$1").replace(/(?<![\\\w*])\{([^{}]*)\}/g, "$1");
  }
  return text.replace(/(?<!\\)\$/g, "").replaceAll("~", " ").replace(/\\([%&_#$])/g, "$1").replace(
    /\s+/g,
    " ",
  ).trim();
}
