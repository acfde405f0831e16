/** This environment against the authors', as a report shows it. */

import type { Limits } from "./claims_section.ts";
import { type EnvironmentRow, environmentRows } from "./environment_table.ts";
import { cut, type Html, html } from "./html.ts";
import type { ReportData } from "./report_data.ts";
import { details, section, table } from "./components.ts";

export function environmentSection({ evidence, published }: ReportData, limits: Limits): Html {
  const rows = environmentRows(evidence, published?.evidence).slice(0, limits.rows);
  if (published === undefined) {
    return section(
      "environment",
      "Environment",
      html`<p>The authors' own evidence (published/evidence.json) is not at hand, so there is nothing to compare with.</p>`,
      rowsTable(rows.filter(({ group }) => group !== "package"), limits),
      packagesDetails(rows.filter(({ group }) => group === "package"), limits),
    );
  }
  const same = rows.filter((row) => row.same);
  const isAbsent = ({ group, here, there }: EnvironmentRow) =>
    group === "package" && (here === "" || there === "");
  const absent = rows.filter(isAbsent);
  const differing = rows.filter((row) => !row.same && !isAbsent(row));
  const more = absent.length > 0 ? `, ${absent.length} more packages are in one of them only` : "";
  return section(
    "environment",
    "Environment",
    html`<p>Against the authors' run ${published.evidence.run}: <strong>${differing.length} differ</strong>, ${same.length}
are the same${more}.</p>`,
    differing.length > 0 && comparedTable("What differs from the authors' environment", differing, limits),
    absent.length > 0 && details(
      `Packages in one of them only (${absent.length})`,
      comparedTable("Packages in one environment only", absent, limits),
    ),
    same.length > 0 &&
      details(`What is the same (${same.length})`, comparedTable("What is the same", same, limits)),
  );
}

function comparedTable(caption: string, rows: readonly EnvironmentRow[], { text }: Limits): Html {
  return table(
    caption,
    [{ title: "What" }, { title: "This run", kind: "code" }, { title: "The authors'", kind: "code" }, {
      title: "",
    }],
    rows.map(({ group, name, here, there, same }) => [
      html`${cut(name, text)} <span class="tag">${group}</span>`,
      cut(here, text) || "—",
      cut(there, text) || "—",
      same ? "= same" : html`<span class="differs"><span aria-hidden="true">≠</span> differs</span>`,
    ]),
  );
}

function rowsTable(rows: readonly EnvironmentRow[], { text }: Limits): Html {
  return table(
    "The environment of this run",
    [{ title: "What" }, { title: "This run", kind: "code" }],
    rows.map(({ name, here }) => [cut(name, text), cut(here, text)]),
  );
}

function packagesDetails(rows: readonly EnvironmentRow[], limits: Limits): Html | false {
  return rows.length > 0 && details(`Packages (${rows.length})`, rowsTable(rows, limits));
}
