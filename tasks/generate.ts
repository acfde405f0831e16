/**
 * Overview: writes what follows from other files: deno.json's tasks and permissions, the schema of experiment.yaml for
 * editors, codemeta.json, and the pages that follow from the code.
 * Arguments: --check, --verifier FILE.html.
 * Example: deno task generate
 */

import { join, resolve } from "node:path";
import { main } from "./lib/cli/main.ts";
import { defineTask } from "./lib/cli/options.ts";
import type { Terminal } from "./lib/cli/terminal.ts";
import { onlyInOwnRepository } from "./lib/maintenance/own_repository.ts";
import { ROOT } from "./lib/system/product.ts";
import { callerFolder } from "./lib/system/project_root.ts";

export const task = defineTask({
  name: "generate",
  description:
    "Write what follows from the code: deno.json's tasks, the schema, codemeta.json, docs/reference.md, docs/audit.md",
  permissions: ["inspect", "--allow-write=."],
  maintainers: true,
  summary:
    "Writes the files that follow from others: the tasks and permissions in deno.json from tasks/*.ts, " +
    "schemas/experiment.schema.json, by which editors check experiment.yaml, from tasks/lib/experiment/schema.ts, the " +
    "schemas of the records from the code's own types, and " +
    "codemeta.json, by which catalogues find research software, from CITATION.cff; docs/reference.md and docs/audit.md.",
  examples: [
    ["deno task generate", "after a change to one of those"],
    ["deno task generate --check", "write nothing; 1 if something would change"],
  ],
  options: {
    check: { help: "say what would change, and write nothing" },
    verifier: {
      value: "FILE.html",
      help: "write the page that verifies runs in a browser, and nothing else",
    },
  },
  async run({ options }, terminal) {
    await onlyInOwnRepository("generate");
    return options.verifier === undefined
      ? await generate(options, terminal)
      : await writeVerifier(options.verifier, terminal);
  },
});

const TASKS = [
  () => import("./reproduce.ts"),
  () => import("./new.ts"),
  () => import("./train.ts"),
  () => import("./infer.ts"),
  () => import("./notebook.ts"),
  () => import("./step.ts"),
  () => import("./sweep.ts"),
  () => import("./verify.ts"),
  () => import("./receipt.ts"),
  () => import("./report.ts"),
  () => import("./claim.ts"),
  () => import("./compare.ts"),
  () => import("./data.ts"),
  () => import("./audit.ts"),
  () => import("./build.ts"),
  () => import("./doctor.ts"),
  () => import("./jupyter.ts"),
  () => import("./stop.ts"),
  () => import("./status.ts"),
  () => import("./logs.ts"),
  () => import("./shell.ts"),
  () => import("./publish.ts"),
  () => import("./clean.ts"),
  () => import("./fix_permissions.ts"),
  () => import("./help.ts"),
  () => import("./completions.ts"),
  () => import("./test.ts"),
  () => import("./ok.ts"),
  () => Promise.resolve({ task }),
  () => import("./lock.ts"),
  () => import("./gpu.ts"),
  () => import("./machine.ts"),
  () => import("./package.ts"),
];

/** All tasks, in the order in which they are listed. */
export async function allTasks() {
  return await Promise.all(TASKS.map(async (load) => (await load()).task));
}

/** What each of the files is to hold, by its path from the root. */
export async function generatedFiles(): Promise<Record<string, string>> {
  const { withTasks } = await import("./lib/maintenance/task_table.ts");
  const { jsonSchema } = await import("./lib/experiment/json_schema.ts");
  const { readCitation } = await import("./lib/crate/citation.ts");
  const { recordSchemas } = await import("./lib/maintenance/record_schemas.ts");
  const { codemetaText } = await import("./lib/crate/codemeta.ts");
  const { completionScripts } = await import("./lib/maintenance/completions/scripts.ts");
  const { auditPage } = await import("./lib/maintenance/audit_page.ts");
  const { referencePage } = await import("./lib/maintenance/reference_page.ts");
  const tasks = await allTasks();
  return {
    "deno.json": withTasks(
      await Deno.readTextFile(join(ROOT, "deno.json")),
      tasks,
      (await readCitation(ROOT))!.version!,
    ),
    "schemas/experiment.schema.json": jsonSchema(),
    ...await recordSchemas(),
    "codemeta.json": await codemetaText(),
    ...completionScripts(tasks),
    "docs/audit.md": await auditPage(),
    "docs/reference.md": await referencePage(tasks),
  };
}

async function writeVerifier(file: string, terminal: Terminal) {
  const { verifierPage } = await import("./lib/maintenance/verifier_page.ts");
  const page = await verifierPage();
  await Deno.writeTextFile(resolve(callerFolder(), file), page);
  terminal.line(`Wrote ${file}, ${Math.ceil(page.length / 1000)} kB`);
  return { exitCode: 0 as const, result: { file, bytes: page.length } };
}

async function generate({ check }: { check: boolean }, terminal: Terminal) {
  const changed: string[] = [];
  for (const [name, text] of Object.entries(await generatedFiles())) {
    const file = join(ROOT, name);
    if (await Deno.readTextFile(file).catch(() => undefined) === text) continue;
    if (!check) await Deno.writeTextFile(file, text);
    changed.push(name);
    terminal.line(`${check ? "To be written: deno task generate writes" : "Wrote"} ${name}`);
  }
  if (changed.length === 0) terminal.line("Nothing to write: all is as it should be");
  return { exitCode: check && changed.length > 0 ? 1 as const : 0 as const, result: { changed } };
}

if (import.meta.main) await main(task);
