/** docs/audit.md: each rule with its reason, remedy and examples, and how often each fires on the tests' repositories. */

import { join } from "node:path";
import { audit, type ExampleCell, rules, type RuleText } from "../audit/audit.ts";
import { ROOT } from "../system/product.ts";

/** Small repositories as they are found, which tests reproduce; and this repository's own research. */
const REPOSITORIES = "test/fixtures/repositories";

const OWN = ["src", "experiments", "notebooks", "."];

const HEAD = `# What \`audit\` looks for

For whoever wants a result to come out again elsewhere. Written by \`deno task generate\` from the rules themselves.

\`deno task audit\` reads a repository's Python, notebooks, requirements, images and data declarations, and says where
something will keep a result from being reproduced, why, and what to do. It runs nothing of the repository, imports no
framework, fetches nothing and changes nothing: Python is read by its syntax tree, notebooks as JSON, YAML and TOML by
parsers. \`--json\` gives the findings as data, \`--fix-plan\` a list of what to change, what matters most first.

- The exit code is 1 if there are errors or warnings, 0 if there are only notes or nothing.
- \`# audit: ignore R303 one file only\` silences that rule in its statement; alone on a line, in the next one. The reason is
  required, and an id never changes its meaning.
- Tests and other people's code (\`tests/\`, \`third_party/\`, \`vendor/\`, environments) are left alone. What can't be read is
  named, and the rest is read.
- Where nothing can be known, nothing is said: what is in a container image, what a variable holds, code in other
  languages than Python.
- A repository with an experiment.yaml is run with fixed hashes and a fixed cuBLAS workspace (\`deno task reproduce\` sets
  them), so R203, R301 and R302 are silent there.
`;

/** The page's text. */
export async function auditPage(): Promise<string> {
  const all = await rules();
  const table = [
    "| rule | severity | what |",
    "| --- | --- | --- |",
    ...all.map(({ id, severity, title }) => `| [${id}](#${id.toLowerCase()}) | ${severity} | ${title} |`),
  ];
  return [
    HEAD,
    "## Rules",
    "",
    ...table,
    "",
    await counts(all),
    ...all.map(ruleSection),
  ].join("\n");
}

/** How often each rule fires on repositories that reproduce: what is false there would be seen here. */
async function counts(all: RuleText[]): Promise<string> {
  const names = (await Array.fromAsync(Deno.readDir(join(ROOT, REPOSITORIES))))
    .filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
  const rows = [];
  for (const path of [...names.map((name) => `${REPOSITORIES}/${name}`), ...OWN]) {
    const { findings, skipped, sources, notebooks } = await audit(join(ROOT, path));
    const times = all.map(({ id }) => [id, findings.filter(({ rule }) => rule === id).length] as const)
      .filter(([, count]) => count > 0).map(([id, count]) => `[${id}](#${id.toLowerCase()}) ${count}`);
    // How many files this repository has changes with every commit.
    const counted = OWN.includes(path) ? "all | all" : `${sources} | ${notebooks}`;
    const name = path === "."
      ? "the whole of this repository"
      : `\`${path.replace(`${REPOSITORIES}/`, "")}\``;
    rows.push(`| ${name} | ${counted} | ${times.join(", ") || "nothing"} | ${skipped.length || ""} |`);
  }
  return [
    "## How often they fire",
    "",
    `On the small repositories of [the tests](../${REPOSITORIES}/README.md), all of which reproduce, and on this`,
    "repository's own research. The gate compares this table: a rule that begins to fire there is seen.",
    "",
    "| repository | Python files | notebooks | findings | not read |",
    "| --- | ---: | ---: | --- | ---: |",
    ...rows,
    "",
  ].join("\n");
}

function ruleSection({ id, title, severity, reason, remedy, firing, silent }: RuleText): string {
  return [
    `### ${id}`,
    "",
    `**${title}** (${severity}). ${reason}`,
    "",
    `What to do: ${remedy}.`,
    "",
    "Fires on",
    "",
    ...example(firing),
    "and not on",
    "",
    ...example(silent),
  ].join("\n");
}

function example(files: RuleText["firing"]): string[] {
  return Object.entries(files).flatMap(([name, content]) => [
    `\`\`\`${typeof content !== "string" ? "text" : name.endsWith(".py") ? "python" : "text"}`,
    name.endsWith(".py") ? `# ${name}` : `${name}:`,
    typeof content === "string" ? content.trimEnd() : content.map(cell).join("\n"),
    "```",
    "",
  ]);
}

function cell({ code, markdown, count, prints, error }: ExampleCell): string {
  if (markdown !== undefined) return `     ${markdown}`;
  const output = prints ?? error;
  return `[${count ?? " "}]: ${code}${output === undefined ? "" : `\n     → ${output}`}`;
}
