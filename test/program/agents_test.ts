/** What coding agents read: commands that exist, fields that the JSON has, links that lead somewhere. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parse as parseYaml } from "yaml";
import { allTasks } from "../../tasks/generate.ts";
import { EXIT_CODES } from "../../tasks/lib/cli/failure.ts";
import { COMMON } from "../../tasks/lib/cli/help.ts";
import { type OptionTable, parse } from "../../tasks/lib/cli/options.ts";
import { exists } from "../../tasks/lib/system/files.ts";
import { Project, ROOT } from "../support/project.ts";

const FOLDER = "skills/reproduce-research";

const skill = await Deno.readTextFile(join(ROOT, FOLDER, "SKILL.md"));

/** The words of each command in it. */
const commands = [...skill.matchAll(/gpu-jupyter-tasks ([a-z]+[^`\n]*)/g)].map(([, words]) =>
  words!.split(" ")
).filter(([name]) => name !== "in" && name !== "and");

Deno.test("the skill's head has what agents ask of one", () => {
  const head = parseYaml(/^---\n([^]*?)\n---\n/.exec(skill)![1]!);
  assert.equal(head.name, FOLDER.split("/").at(-1));
  assert.match(head.name, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  assert.ok(head.description.length > 50 && head.description.length <= 1024);
});

Deno.test("the skill's commands are tasks with options that they take, and its exit codes those there are", async () => {
  const tasks = await allTasks();
  const shown = commands.filter(([name]) => tasks.some((task) => task.name === name));
  assert.ok(shown.length >= 6, JSON.stringify(commands));
  for (const [name, ...words] of shown) {
    const task = tasks.find((task) => task.name === name)!;
    parse({ ...task, options: { ...task.options as OptionTable, ...COMMON } }, words);
  }
  const codes = [...skill.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => code!);
  assert.deepEqual(codes, Object.keys(EXIT_CODES).filter((code) => code !== "130"));
});

const EXPERIMENT = `
name: test
steps:
  a: { run: [echo, "accuracy 94"] }
claims:
  - { name: accuracy, from: "a~/accuracy (.*)/", value: 94 }
  - { name: loss, from: "a~/loss (.*)/", value: 0.1 }
`;

Deno.test("the JSON has the fields that the skill reports from", async () => {
  await using project = await Project.make({ "experiment.yaml": EXPERIMENT });
  const plan = await project.task("reproduce", ["--plan", "--json", "--engine", "host"]);
  assert.ok(JSON.parse(plan.stdout).steps.every(({ argv }: { argv: string[] }) => argv.length > 0));

  const { code, stdout } = await project.task("reproduce", ["--json", "--engine", "host"]);
  const result = JSON.parse(stdout);
  assert.equal(code, 1);
  const named = [...skill.matchAll(/`([a-z]+)`/g)].map(([, name]) => name!);
  for (const name of ["holds", "checks", "directory", "altered", "status"]) {
    assert.ok(named.includes(name) && name in result, name);
  }
  assert.deepEqual([result.holds, result.status], [false, "done"]);
  for (const name of ["claim", "claimed", "obtained", "tolerance", "verdict"]) {
    assert.ok(named.includes(name) && result.checks.every((check: object) => name in check), name);
  }
  assert.ok(named.includes("detail") && "detail" in result.checks[1]);

  await project.write("experiment.yaml", "name: test\n");
  const wrong = await project.task("reproduce", ["--json"]);
  assert.equal(wrong.code, 2);
  assert.ok(JSON.parse(wrong.stdout).error.message.length > 0);
});

Deno.test("llms.txt has its form, and its links lead to files", async () => {
  const text = await Deno.readTextFile(join(ROOT, "docs/llms.txt"));
  assert.match(text, /^# .+\n\n> .+\n\n[^#]+\n## /);
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
  assert.ok(links.length > 8);
  for (const link of links) assert.ok(await exists(join(ROOT, "docs", link)), link);
});
