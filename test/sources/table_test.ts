/** Cells of tables in Markdown, HTML and LaTeX. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { formatSource, parseSource } from "../../tasks/lib/sources/sources.ts";
import { ContentProblem } from "../../tasks/lib/values/content_problem.ts";
import { findInTables, type Markup } from "../../tasks/lib/values/tables.ts";
import { readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";

const FILES: Record<string, string> = {
  "r.md": `# Results

| Model | Top-1 | [Top-5](x.md) | n |
|:------|------:|:-----:|---|
| ResNet-18 | **69.76** | 89.08 | 50,000 |
| \`ViT\\|B\` | 81.07 % | |
not a table

Model | mAP
--- | ---
DETR | 42.0

<table><tr><th>Seed</th><th>Loss</th></tr><tr><td>1<td>0.50</table>
`,
  // As pandas' to_html() writes it.
  "r.html":
    `<table border="1" class="dataframe">\n  <thead>\n    <tr style="text-align: right;">\n      <th></th>\n      <th>acc</th>\n    </tr>\n    <tr>\n      <th>model</th>\n      <th></th>\n    </tr>\n  </thead>\n  <tbody>\n    <tr>\n      <th>a &amp; b</th>\n      <td>94.10</td>\n    </tr>\n  </tbody>\n</table>
<!-- <table><tr><td>acc</td></tr><tr><td>1</td></tr></table> -->
<table><tr><th rowspan=2>set</th><th colspan="2">top</th></tr><tr><th>1</th><th>5</th></tr><tr><td>val</td><td>1.5</td><td>2.5</td></tr></table>`,
  "r.tex": String.raw`
\begin{table}\begin{tabular}{l@{}rr}
\toprule
 & \multicolumn{2}{c}{ImageNet} \\ \cmidrule(lr){2-3}
Model & Top-1 & Top-5 \\ \midrule % a comment & no cell
ResNet-18 & 69.76 & $\mathbf{89.08}$ \\
Ours (100\,\%) & \textbf{\underline{71.20}}\% & 90.1 $\pm$ 0.2 \\[2pt]
\bottomrule
\end{tabular}\end{table}
\begin{tabular}{|l|l|} \hline
a & b \\ \hline
1 & 2 \\ \hline
\end{tabular}`,
};

async function withFiles(action: (read: (from: string) => ReturnType<typeof readSource>) => Promise<void>) {
  const run = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(run, "eval"));
    for (const [name, text] of Object.entries(FILES)) await Deno.writeTextFile(join(run, "eval", name), text);
    await action(async (from) => {
      const source = parseSource(from);
      assert(!("problem" in source), from);
      assert.equal(formatSource(source), from);
      return await readSource(source, runFiles(run));
    });
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}

Deno.test("a cell is found by row and column, without markup, in the table that has them", async (t) => {
  const cases: [from: string, text: string][] = [
    ["eval/r.md?Model=ResNet-18#Top-1", "69.76"],
    ["eval/r.md?Model=ResNet-18#Top-5", "89.08"],
    ["eval/r.md?Model=ViT|B#Top-1", "81.07 %"],
    ["eval/r.md?Model=DETR#mAP", "42.0"],
    ["eval/r.md?Seed=1#Loss", "0.50"],
    ["eval/r.md#Top-1[-1]", "81.07 %"],
    ["eval/r.md#Top-5[count]", "1"],
    ["eval/r.html?model=a & b#acc", "94.10"],
    ["eval/r.html?set=val#top 5", "2.5"],
    ["eval/r.tex?Model=ResNet-18#ImageNet Top-1", "69.76"],
    ["eval/r.tex?Model=ResNet-18#ImageNet Top-5", "89.08"],
    ["eval/r.tex?Model=Ours (100 %)#ImageNet Top-1", "71.20%"],
    ["eval/r.tex#ImageNet Top-5[-1]", "90.1 ± 0.2"],
    ["eval/r.tex?a=1#b", "2"],
  ];
  await withFiles(async (read) => {
    for (const [from, text] of cases) {
      await t.step(from, async () => {
        const found = await read(from);
        assert(found.found && "text" in found, JSON.stringify(found));
        assert.equal(found.text, text);
      });
    }
  });
});

Deno.test("hostile tables take no longer than others", () => {
  const many = (text: string) => text.repeat(100_000);
  const texts: [string, Markup][] = [
    [many("<table>"), "html"],
    [many("<!--"), "html"],
    [`<table>${many("<tr><td>1\n")}</table>`, "html"],
    [`<table><tr>${many("<td><a<a")}</table>`, "html"],
    [`<table><tr><td colspan=99999999 rowspan=99999999>1<tr><td>2</table>`, "html"],
    [`|a|${many("[")}|\n|-|-|\n|${many("**")}|${many("![")}|\n`, "markdown"],
    [`|a|b|\n|${many("-")}x\n${many("|")}`, "markdown"],
    [`${many("\\begin{tabular}{l}")}a & b \\\\ ${many("{")}\\end{tabular}`, "latex"],
    [`\\begin{tabular}{l}${many("1 & 2 \\\\\n")}\\end{tabular}`, "latex"],
    [many("\\begin{array}"), "latex"],
  ];
  for (const [text, markup] of texts) {
    assert.throws(() => findInTables(text, markup, "no such column"), ContentProblem);
  }
});

Deno.test("what a table does not have is said", async (t) => {
  const cases: [from: string, reason: RegExp][] = [
    [
      "eval/r.md?Model=VGG#Top-1",
      /^eval\/r\.md has 3 tables, the nearest of which has no row with Model = VGG, Model is ResNet-18, ViT\|B$/,
    ],
    ["eval/r.md?Model=ViT|B#Top-5", /has a blank "Top-5" in each row with Model = ViT\|B \(line 6\)$/],
    ["eval/r.md#Top-1", /has 2 values \(lines 5, 6\), where one was looked for: add \[-1\]/],
    [
      "eval/r.tex?Model=VGG#Top-1",
      /has 2 tables, the nearest of which has no column "Top-1", the columns are Model, ImageNet Top-1, ImageNet Top-5$/,
    ],
  ];
  await withFiles(async (read) => {
    for (const [from, reason] of cases) {
      await t.step(from, async () => {
        const found = await read(from);
        assert.match(found.found ? "it was found" : found.reason, reason);
      });
    }
  });
});
