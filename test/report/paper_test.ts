/** Numbers for a paper: what LaTeX and Typst make of them, and what a paper is told that says others. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { findContradictions } from "../../tasks/lib/report/paper/check.ts";
import { latexOf } from "../../tasks/lib/report/paper/latex.ts";
import { type PaperNumber, paperNumbers } from "../../tasks/lib/report/paper/numbers.ts";
import { nameOf, typstOf } from "../../tasks/lib/report/paper/typst.ts";
import type { Check } from "../../tasks/lib/record/verdict.ts";
import type { Judged } from "../../tasks/lib/verdict/judge.ts";
import { isOnPath } from "../../tasks/lib/system/on_path.ts";
import { madeEnvironment } from "../support/made_environment.ts";
import type { Project } from "../support/project.ts";
import { reproduced, training } from "../support/report_runs.ts";

interface Given {
  name: string;
  text?: string | string[];
  obtained?: string;
  unit?: string;
  verdict?: Check["verdict"];
  points?: number[];
}

/** A judged run of claims that are not looked at any further. */
function judged(...claims: Given[]): Judged {
  const whole = {
    experiment: {
      name: "made",
      claims: claims.map(({ name, text = "94.01", unit }) => ({
        ...{ name, text, unit },
        value: Array.isArray(text) ? text.map(Number) : Number(text),
      })),
    },
    verdict: {
      checks: claims.map(({ name, obtained = "94.0112", verdict = "identical", points }) => ({
        ...{ claim: name, obtained, verdict, tolerance: "±0.01" },
        points: points?.map((value) => ({ claimed: value, obtained: value })),
      })),
    },
  };
  return whole as unknown as Judged;
}

const RUN = {
  run: "20261128T000000Z-0000",
  experiment: "made",
  date: "2026-11-28",
  beside: ["Claims committed before the run", 'Remark: the step "train" opened published/metrics.json \\end'],
};

Deno.test("paperNumbers() gives each claim a word of letters that no other has, and the digits that it prints", () => {
  const numbers = paperNumbers(judged(
    { name: "validation accuracy" },
    { name: "Validation Accuracy", obtained: "93.996" },
    { name: "épreuve 10: F_1", text: "0.5", obtained: "0.4962 (1 of 2)" },
    { name: "損失", verdict: "missing" },
    { name: "a curve", text: ["1.0", "2.00"], points: [1.04, 2.126] },
  ));
  assert.deepEqual(
    numbers.map(({ word, obtained }) => [word, obtained]),
    [
      ["ValidationAccuracy", "94.01"],
      ["ValidationAccuracyB", "94.00"],
      ["EpreuveOneZeroFOne", "0.5"],
      ["Value", undefined],
      ["ACurve", ["1.0", "2.13"]],
    ],
  );
  const many = paperNumbers(judged(...Array.from({ length: 100 }, () => ({ name: "x" }))));
  assert.equal(new Set(many.map(({ word }) => word)).size, 100);
  assert.ok(many.every(({ word }) => /^[A-Za-z]+$/.test(word)));
});

Deno.test("nameOf() writes a word as Typst does", () => {
  assert.deepEqual(["ValidationAccuracyB", "FOne", "X"].map(nameOf), ["validation-accuracy-b", "f-one", "x"]);
});

function number(claim: string, claimed: string | string[], obtained: string | string[]): PaperNumber {
  const word = claim[0]!.toUpperCase() + claim.slice(1);
  return { claim, word, claimed, obtained, check: { verdict: "different" } as Check };
}

Deno.test("findContradictions() finds a claim's number where the run has another", async (t) => {
  const numbers = [
    number("accuracy", "94.01", "93.20"),
    number("other", "94.01", "94.01"),
    number("loss", "0.257", "0.301"),
    number("layers", "18", "17"),
    number("same", "71.25", "71.25"),
    number("curve", ["10.1", "20.2"], ["10.1", "20.3"]),
  ];
  const cases: [name: string, text: string, expected: string[]][] = [
    ["in a sentence", "The loss is 0.257.", ["1 0.257 contradicts"]],
    ["with a decimal comma", "Der Verlust ist 0,257", ["1 0,257 contradicts"]],
    ["with LaTeX's decimal comma", "$0{,}257$", ["1 0{,}257 contradicts"]],
    ["of two claims", "an accuracy of 94.01\\,\\%", ["1 94.01 ambiguous"]],
    ["of a curve's point", "after two epochs 20.2", ["1 20.2 contradicts"]],
    ["on a later line", "a\nb 0.257", ["2 0.257 contradicts"]],
    ["in a comment", "% 0.257\n100\\% of 0.257 % 0.257", ["2 0.257 contradicts"]],
    ["that the run has, too", "71.25 and 10.1", []],
    ["as a part of another", "10.257, 0.2571, v0.257, 0.257.1, x-0.257", []],
    ["too short to be told from others", "18 layers", []],
    ["as our command, with the run's value", "\\newcommand{\\obtainedLoss}{0.301}", []],
    ["as our command, with another", "\\newcommand{\\obtainedLoss}{0.299}", ["1 0.299 contradicts"]],
    ["as our command by \\def", "\\def\\obtainedLoss{0.299}", ["1 0.299 contradicts"]],
    ["as our variable", "#let obtained-loss = 0.299", ["1 0.299 contradicts"]],
    ["where our command is used", "the loss is \\obtainedLoss", []],
  ];
  for (const [name, text, expected] of cases) {
    await t.step(name, () => {
      const { findings, unsearched } = findContradictions(text, numbers, true);
      assert.deepEqual(findings.map(({ line, written, kind }) => `${line} ${written} ${kind}`), expected);
      assert.deepEqual(unsearched, ["layers"]);
    });
  }
});

Deno.test("a long line is searched in a moment", () => {
  const started = performance.now();
  findContradictions("1,".repeat(4e6) + "\\newcommand{".repeat(1e5), [number("loss", "0.257", "0.3")], true);
  assert.ok(performance.now() - started < 2000);
});

/** Names, units and texts that are markup in LaTeX or Typst. */
const HOSTILE = judged(
  { name: '100 % of $x_1 & #2 {~^} \\input{/etc/passwd} ] #read("x") "', unit: "m/s^2" },
  { name: "negative", text: "-1.50", obtained: "-1.4967" },
  { name: "text", text: "a_b", obtained: "#panic() $ \\x" },
  { name: "gone", verdict: "missing" },
  { name: "curve", text: ["1.0", "2.0", "3.0"], points: [1, 2, 3], unit: "%" },
);

const CURVE_POINT = 2;

for (const siunitx of [false, true]) {
  Deno.test({
    name: `LaTeX sets the commands${siunitx ? " with siunitx" : ""}, whatever the claims are called`,
    ignore: !isOnPath("pdflatex"),
    async fn() {
      const folder = await Deno.makeTempDir();
      const numbers = paperNumbers(HOSTILE);
      await Deno.writeTextFile(join(folder, "results.tex"), latexOf({ ...RUN, numbers }, { siunitx }));
      const uses = numbers.flatMap(({ word, claimed }) =>
        ["claimed", "obtained"].map((which) =>
          `[${which}${word}] \\${which}${word}${Array.isArray(claimed) ? `{${CURVE_POINT}}` : ""}{}`
        )
      );
      await Deno.writeTextFile(
        join(folder, "paper.tex"),
        [
          "\\documentclass{article}",
          ...(siunitx ? ["\\usepackage{siunitx}"] : []),
          "\\input{results.tex}",
          "\\begin{document}",
          ...uses.map((use) => `${use}\n\n`),
          "\\claimsTable",
          "\\end{document}",
        ].join("\n"),
      );
      const command = new Deno.Command("pdflatex", {
        args: ["-halt-on-error", "-interaction=nonstopmode", "paper.tex"],
        cwd: folder,
      });
      const { code, stdout } = await command.output();
      assert.equal(code, 0, new TextDecoder().decode(stdout));
    },
  });
}

const typst = await madeEnvironment("typst");

if (!isOnPath("pdflatex")) {
  console.log("ignored: LaTeX, since there is no pdflatex (deno task machine gets it)");
}

if ("missing" in typst) console.log(`ignored: Typst, since ${typst.missing}`);

Deno.test(
  { name: "Typst sets the variables, whatever the claims are called", ignore: "missing" in typst },
  async () => {
    const folder = await Deno.makeTempDir();
    const numbers = paperNumbers(HOSTILE);
    await Deno.writeTextFile(join(folder, "results.typ"), typstOf({ ...RUN, numbers }));
    const names = numbers.map(({ word, claimed }) =>
      `#obtained-${nameOf(word)}${Array.isArray(claimed) ? `.at(1)` : ""}`
    );
    await Deno.writeTextFile(
      join(folder, "paper.typ"),
      `#import "results.typ": *\n${names.join("\n\n")}\n\n#claims-table\n`,
    );
    const code = "import sys, typst; typst.compile(sys.argv[1], output=sys.argv[2])";
    const python = join((typst as { bin: string }).bin, "python");
    const args = ["-c", code, join(folder, "paper.typ"), join(folder, "paper.pdf")];
    const { success, stderr } = await new Deno.Command(python, { args }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.ok((await Deno.stat(join(folder, "paper.pdf"))).size > 1000);
  },
);

async function report(project: Project, ...args: string[]) {
  return await project.task("report", args);
}

Deno.test("report --latex, --typst and --check: a real run's numbers, and a paper that says others", async () => {
  const more = "open('published/notes.txt').read()\nmetrics['validation_accuracy'][-1] = 89.8";
  const { project } = await reproduced({ ...training({ more }), "published/notes.txt": "" });
  const written = await report(project, "--latex", "results.tex", "--typst", "results.typ");
  assert.equal(written.code, 0, written.stderr);
  const latex = await Deno.readTextFile(project.path("results.tex"));
  assert.match(latex, /\\newcommand\{\\claimedValidationAccuracy\}\{90\.00\\,\\%\}/);
  assert.match(latex, /\\newcommand\{\\obtainedValidationAccuracy\}\{89\.80\\,\\%\}/);
  const remark = /the step \S+ opened published\/notes\.txt, which are the authors' own results/;
  const markdown = (await report(project, "--markdown")).stdout;
  for (const text of [latex, await Deno.readTextFile(project.path("results.typ")), markdown]) {
    assert.match(text, remark);
    assert.match(text, /Claims not committed/);
  }
  assert.match(latex, /^% Written by .*\n% test, run \d{8}T\d{6}Z-[0-9a-f]{6} of \d{4}-\d\d-\d\d$/m);
  assert.match(
    await Deno.readTextFile(project.path("results.typ")),
    /#let obtained-validation-accuracy = \[#"89\.80\u202F%"\]/,
  );

  await project.write("paper.tex", "We reach 90.00\\,\\%.\n");
  const wrong = await report(project, "--check", "paper.tex");
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /paper\.tex:1 {2}90\.00 contradicts the run \(validation accuracy: 89\.80\)/);
  await project.write("paper.md", "We reach 89.80 %.\n");
  assert.equal((await report(project, "--check", "paper.md")).code, 0);

  await project.write("own.tex", "\\section{Mine}\n");
  const refused = await report(project, "--latex", "own.tex");
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /own\.tex: a file is there that this task did not write/);
  assert.equal(await Deno.readTextFile(project.path("own.tex")), "\\section{Mine}\n");
  const missing = await report(project, "--check", "none.tex");
  assert.equal(missing.code, 2);
  assert.equal((await report(project, "--siunitx")).code, 2);
});
