/** Tables in Markdown, HTML and LaTeX, as programs write them and people paste them into a README or a paper. */

import { ContentProblem } from "./content_problem.ts";
import { type Cell, findInTable, type Row, type RowQuery, type Table } from "./csv.ts";

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

export function tablesIn(text: string, markup: Markup): Table[] {
  if (markup === "latex") return latexTables(text);
  return markup === "html" ? htmlTables(text) : [...markdownTables(text), ...htmlTables(text)];
}

function markdownTables(text: string): Table[] {
  const lines = text.split(/\r?\n/);
  const tables: Table[] = [];
  for (let at = 1; at < lines.length; at++) {
    const isRule = /^[\s>]*\|?(?:\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*$/.test(lines[at]!) &&
      lines[at]!.includes("|");
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
    const text = cell.trim().replaceAll("\\|", "|").replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1");
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

function htmlTables(text: string): Table[] {
  const tables: Table[] = [];
  const body = text.replace(/<!--.*?-->/gs, (comment) => comment.replace(/[^\n]/g, ""));
  for (const [whole, inner] of body.matchAll(/<table\b[^>]*>(.*?)<\/table\s*>/gis)) {
    const start = body.indexOf(whole);
    const line = body.slice(0, start).split("\n").length;
    const rows: (Row & { isHeader: boolean })[] = [];
    /** Cells that reach down into later rows, by column. */
    const down = new Map<number, { text: string; rows: number }>();
    for (const match of inner!.matchAll(/<tr\b[^>]*>(.*?)(?=<tr\b|<\/tr\s*>|$)/gis)) {
      const cells: string[] = [];
      const fill = () => {
        for (let above = down.get(cells.length); above !== undefined; above = down.get(cells.length)) {
          if (--above.rows <= 0) down.delete(cells.length);
          cells.push(above.text);
        }
      };
      let isHeader = true;
      for (
        const [, tag, attributes, content] of match[1]!.matchAll(
          /<(t[hd])\b([^>]*)>(.*?)(?=<t[hd]\b|<\/t[hd]\s*>|$)/gis,
        )
      ) {
        fill();
        isHeader &&= tag!.toLowerCase() === "th";
        const reach = (name: string) =>
          Math.min(
            Number(new RegExp(`\\b${name}\\s*=\\s*["']?(\\d+)`, "i").exec(attributes!)?.[1] ?? 1),
            WIDEST,
          );
        const value = plainHtml(content!);
        for (let column = 0; column < reach("colspan") && cells.length < WIDEST; column++) {
          if (reach("rowspan") > 1) down.set(cells.length, { text: value, rows: reach("rowspan") - 1 });
          cells.push(value);
        }
      }
      fill();
      const before = whole.slice(0, whole.length - inner!.length - "</table>".length + match.index);
      if (cells.length > 0) rows.push({ line: line + before.split("\n").length - 1, cells, isHeader });
    }
    tables.push(...withHeader(rows));
  }
  return tables;
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
  for (const match of body.matchAll(begin)) {
    const end = body.indexOf(`\\end{${match[1]}}`, match.index);
    if (end < 0) throw new ContentProblem(`is not LaTeX: \\begin{${match[1]}} has no end`);
    let at = match.index + match[0].length;
    // The width and the columns.
    for (
      let next = afterArgument(body, at);
      next !== undefined && next <= end;
      next = afterArgument(body, at)
    ) at = next;
    const rows: (Row & { isHeader: boolean })[] = [];
    let isHeader = true;
    let line = body.slice(0, at).split("\n").length;
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
    const text = plainLatex(content ?? cell);
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
