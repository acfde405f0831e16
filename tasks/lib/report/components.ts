/** The pieces that pages are made of: sections, tables, signs, texts to copy. */

import { type Content, Html, html } from "./html.ts";
import { SIGNS, type Tone } from "./outcome.ts";

/** A part of a page with its heading; the id is also that of links to it. */
export function section(id: string, title: string, ...content: Content[]): Html {
  return html`
    <section id="${id}"
      aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>
  `;
}

/** A verdict as a word with a sign and a colour. */
export function pill(tone: Tone, word: string): Html {
  return html`<span class="pill ${tone}"><span aria-hidden="true">${SIGNS[tone]}</span> ${word}</span>`;
}

/** A column of `table`. */
export interface Column {
  title: string;
  /** Class of the column's cells. */
  kind?: "number" | "code" | "wide";
}

/**
 * A table that becomes a list of cards on a narrow screen; roles are spelt out because cards are not tables to a browser.
 *
 * @param caption what the table holds, for those who do not see where it stands
 */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
): Html {
  const cells = (row: readonly Content[]) =>
    columns.map(({ title, kind = "" }, index) =>
      html`
        <td role="cell"
          class="${kind}"><span class="label" aria-hidden="true">${title}</span><span class="value">${row[
            index
          ]}</span></td>
      `
    );
  return html`
    <table role="table">
      <caption class="unseen">${caption}</caption>
      <thead role="rowgroup">
        <tr role="row">${columns.map(({ title, kind = "" }) =>
          html`<th role="columnheader" scope="col" class="${kind}">${title}</th>`
        )}</tr>
      </thead>
      <tbody role="rowgroup">${rows.map((row) => html`<tr role="row">${cells(row)}</tr>`)}</tbody>
    </table>
  `;
}

export function details(summary: Content, ...content: Content[]): Html {
  return html`<details><summary>${summary}</summary>${content}</details>`;
}

/** A text that a button copies where scripts run, and that can be selected where they do not. */
export function copyable(id: string, label: string, text: string, kind: "prose" | "code"): Html {
  const content = kind === "code" ? html`<pre><code>${text}</code></pre>` : html`<p>${text}</p>`;
  return html`<div class="copyable ${kind}" id="${id}" data-copy="${label}">${content}</div>`;
}

/** A list of names and values. */
export function factList(facts: readonly (readonly [name: string, value: Content])[]): Html {
  return html`<dl class="facts">${
    facts.map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

export function code(text: string): Html {
  return html`<code>${text}</code>`;
}

/**
 * Rows that a button saves as a CSV file, where scripts run; they are not shown.
 *
 * @param note what the button says of them, e.g. that they are every tenth
 */
export function csvRows(rows: readonly (readonly CsvCell[])[], note?: string): Html {
  const text = rows.map((row) => row.map(csvCell).join(",")).join("\n");
  return html`<template class="csv" data-note="${note ?? ""}">${text}</template>`;
}

/** Nothing is an empty cell. */
export type CsvCell = string | number | null | undefined;

/** A text that a spreadsheet would compute is quoted from it, too: names are those of others. */
function csvCell(cell: CsvCell): string {
  if (typeof cell !== "string") return cell === null || cell === undefined ? "" : String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A whole page that loads nothing: style and script are inside, and its policy forbids the rest.
 *
 * @param scriptFile file of this folder
 */
export async function document(
  title: string,
  body: Html,
  scriptFile: "page.js" | "index.js" = "page.js",
): Promise<string> {
  const [style, script] = await Promise.all(["page.css", scriptFile].map(readAsset));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script)))
    .toBase64();
  const policy =
    `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; ` +
    "base-uri 'none'; form-action 'none'";
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title}</title>
        <style>${new Html(style!)}</style>
      </head>
      <body>
    ${body}
    <script>${new Html(script!)}</script>
      </body>
    </html>
  `.markup;
}

async function readAsset(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(name, import.meta.url));
}
