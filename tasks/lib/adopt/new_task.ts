/** `deno task new`: looks at a repository, shows what it would write, asks, and writes all of it or nothing. */

import { relative, resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { pluralize } from "../cli/format.ts";
import type { Arguments, OptionTable } from "../cli/options.ts";
import type { Terminal } from "../cli/terminal.ts";
import { showDiff } from "../claim/claim_task.ts";
import { callerFolder } from "../system/project_root.ts";
import type { Change } from "./changes.ts";
import type { Proposed } from "./propose.ts";
import type { Finding } from "../audit/audit.ts";

export const NEW_OPTIONS = {
  plan: { help: "show what would be written, and write nothing" },
  yes: { help: "write without asking", short: "y" },
  from: { value: "FILE", help: "take the steps from this notebook, dvc.yaml or README.md" },
  ci: { help: "also write a workflow that reproduces on each push, and a badge" },
  record: { help: "run the command behind -- once, and make a step of what was seen" },
  undo: { help: "remove what was added here and was not edited since" },
} as const satisfies OptionTable;

export type NewArguments = Arguments<typeof NEW_OPTIONS>;

export async function newTask({ options, positionals, rest }: NewArguments, terminal: Terminal) {
  const root = await folderOf(positionals[0]);
  if (options.undo) return await undo(root, terminal);
  if (options.record !== rest.length > 0) {
    throw new Failure(2, "--record goes with a command: deno task new --record -- python train.py");
  }
  const offer = options.record ? await recordOffer(root, rest, terminal) : await prepareOffer(root, options);
  showOffer(offer, terminal);
  if (options.plan || offer.changes.length === 0) {
    return { exitCode: 0 as const, result: outcome(offer, false) };
  }
  confirmWriting(options.yes, terminal);
  await writeOffer(offer, terminal);
  return { exitCode: 0 as const, result: outcome(offer, true) };
}

async function folderOf(given: string | undefined): Promise<string> {
  const folder = resolve(callerFolder(), given ?? ".");
  try {
    const real = await Deno.realPath(folder);
    if ((await Deno.stat(real)).isDirectory) return real;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new Failure(3, `Cannot look at ${folder}: ${(error as Error).message}`, {
        remedy: "Give this user the right to it",
      });
    }
    throw new Failure(2, `Cannot look at ${folder}: it is not there`, { remedy: `Make it: mkdir ${folder}` });
  }
  throw new Failure(2, `Cannot look at ${folder}: it must be a folder`);
}

/** What would be written, and what is to be said of it. */
export interface Offer {
  root: string;
  changes: Change[];
  notes: string[];
  /** What will keep the results from being reproduced, as `audit` says it. */
  warnings: Finding[];
  /** Nothing but a starting point: the folder is empty. */
  isStarter: boolean;
  proposed: Proposed;
}

/**
 * @param root absolute real path
 * @throws Failure(2) if nothing was found that could be run
 */
export async function prepareOffer(
  root: string,
  { from, ci = false }: { from?: string; ci?: boolean },
): Promise<Offer> {
  const [{ propose }, { companions }, { isEmpty, starter }] = await Promise.all([
    import("./propose.ts"),
    import("./companions/index.ts"),
    import("./starter.ts"),
  ]);
  const proposed = await propose(
    root,
    from === undefined ? undefined : relative(root, resolve(callerFolder(), from)),
  );
  const { repository, proposal, text } = proposed;
  const isThere = repository.has("experiment.yaml");
  const isStarter = !isThere && isEmpty(repository);
  const notes = isThere ? [] : [...proposal.notes];
  if (isThere) notes.push("experiment.yaml is there and stays as it is");
  if (!isThere && !isStarter && text === undefined) throw nothingFound(proposed);
  const { changes, notes: more } = companions({ repository, proposal, ci });
  const own = isThere ? [] : isStarter ? starter(repository) : [{ path: "experiment.yaml", after: text! }];
  const warnings = isThere || isStarter ? [] : await warningsOf(proposed, notes);
  return { root, changes: [...own, ...changes], notes: [...notes, ...more], warnings, isStarter, proposed };
}

/** What a run of the command has shown: a new experiment.yaml, or a further step of the one that is there. */
async function recordOffer(root: string, argv: string[], terminal: Terminal): Promise<Offer> {
  const [{ record }, { propose }, { companions }] = await Promise.all([
    import("./record.ts"),
    import("./propose.ts"),
    import("./companions/index.ts"),
  ]);
  const cwd = callerFolder().startsWith(`${root}/`) ? callerFolder() : root;
  const proposed = await propose(root, undefined, await record(root, cwd, argv, terminal));
  const { repository, proposal, text } = proposed;
  if (text === undefined) throw nothingFound(proposed);
  const before = repository.has("experiment.yaml")
    ? Deno.readTextFileSync(`${root}/experiment.yaml`)
    : undefined;
  const { withSteps } = await import("./further_step.ts");
  const after = before === undefined ? text : withSteps(before, proposal, root);
  const { changes, notes } = companions({ repository, proposal, ci: false });
  return {
    root,
    changes: [...(before === after ? [] : [{ path: "experiment.yaml", before, after }]), ...changes],
    notes: [...proposal.notes, ...notes],
    warnings: [],
    isStarter: false,
    proposed,
  };
}

/** Sources and files beyond which the audit is left to its own command, so that a look stays quick. */
const MOST_AUDITED = { sources: 60, files: 5000 };

async function warningsOf({ repository }: Proposed, notes: string[]): Promise<Finding[]> {
  const sources = repository.named(/\.(?:py|ipynb)$/).length;
  if (sources > MOST_AUDITED.sources || repository.files.length > MOST_AUDITED.files) {
    notes.push("What will keep the results from being reproduced: deno task audit");
    return [];
  }
  try {
    const { audit } = await import("../audit/audit.ts");
    const { findings } = await audit(repository.root);
    return findings.filter(({ severity }) => severity !== "note");
  } catch (error) {
    notes.push(`The audit was left out: ${(error as Error).message}`);
    return [];
  }
}

function nothingFound({ proposal, repository }: Proposed): Failure {
  const perhaps = proposal.otherSteps.slice(0, 5).map(({ value, found }) =>
    `${value.name} (${found}): ${value.doubt}`
  );
  const problems = [...perhaps, ...proposal.notes.slice(0, 10)].map((message) => ({ message }));
  return new Failure(
    2,
    `Cannot find what to run in ${repository.root}: no pipeline, command, notebook or script`,
    {
      problems,
      remedy: "Run it once under the recorder: deno task new --record -- python train.py",
    },
  );
}

export function showOffer(offer: Offer, terminal: Terminal) {
  const { root, changes, notes, isStarter, proposed } = offer;
  const { proposal } = proposed;
  if (isStarter) terminal.line(`${root} is empty: a minimal project that reproduces`);
  else if (changes.some(({ path }) => path === "experiment.yaml")) {
    const found = [
      pluralize(proposal.steps.length, "step"),
      pluralize(proposal.parameters.length + proposal.params.length, "parameter"),
      pluralize(proposal.claims.length, "claim"),
    ];
    terminal.line(`Found in ${root}: ${found.join(", ")}`);
  }
  notes.forEach((note) => terminal.note(note));
  showWarnings(offer.warnings, terminal);
  for (const { path, before, after } of changes) {
    terminal.line();
    terminal.line(terminal.paint(before === undefined ? `${path}, new:` : `${path}, changed:`, "bold"));
    if (before === undefined) {
      for (const line of after.replace(/\n$/, "").split("\n")) terminal.line(`  ${line}`);
      continue;
    }
    showDiff(before, after, terminal);
  }
  if (changes.length === 0) terminal.line("Nothing to write: all is there");
}

const MOST_WARNINGS = 5;

function showWarnings(warnings: Finding[], terminal: Terminal) {
  if (warnings.length === 0) return;
  terminal.line();
  terminal.line(terminal.paint("What will keep the results from being reproduced:", "bold"));
  for (const { file, line, cell, rule, message } of warnings.slice(0, MOST_WARNINGS)) {
    terminal.line(
      `  ${cell === undefined ? `${file}:${line}` : `${file}, cell ${cell}`}  ${rule}: ${message}`,
    );
  }
  const more = warnings.length - MOST_WARNINGS;
  terminal.line(`  ${more > 0 ? `and ${more} more; ` : ""}why, and what to do: deno task audit`);
}

function confirmWriting(yes: boolean, terminal: Terminal) {
  if (yes) return;
  if (terminal.json || !Deno.stdin.isTerminal()) {
    throw new Failure(2, "Writing needs a confirmation, and there is no terminal to ask on", {
      remedy: "Add --yes to write what is shown above, or --plan only to see it",
    });
  }
  terminal.line();
  if (!confirm("Write this?")) throw new Failure(130, "Nothing was written");
}

export async function writeOffer({ root, changes, proposed, isStarter }: Offer, terminal: Terminal) {
  const { applyChanges } = await import("./changes.ts");
  await applyChanges(root, changes);
  const guessed = isStarter
    ? 0
    : proposed.proposal.steps.filter(({ certainty }) => certainty === "guessed").length;
  terminal.line();
  terminal.line(`Written: ${changes.map(({ path }) => path).join(", ")}`);
  if (guessed > 0) {
    terminal.line(
      `${pluralize(guessed, "step")} of experiment.yaml ${
        guessed === 1 ? "is a guess" : "are guesses"
      }: read it first`,
    );
  }
  const inside = relative(callerFolder(), root);
  terminal.line(`Next: ${inside === "" ? "" : `cd ${inside} && `}deno task reproduce`);
}

async function undo(root: string, terminal: Terminal) {
  const { undoChanges } = await import("./changes.ts");
  const { undone, edited } = await undoChanges(root);
  terminal.line(undone.length === 0 ? "Nothing was undone" : `As before: ${undone.join(", ")}`);
  if (edited.length > 0) terminal.line(`Edited since, and left as it is: ${edited.join(", ")}`);
  return { exitCode: 0 as const, result: { undone, edited } };
}

/** For a program: what was found, where, and what was or would be written. */
export function outcome({ root, changes, notes, warnings, proposed }: Offer, written: boolean) {
  const { proposal } = proposed;
  return { root, written, changes, notes, warnings, proposal: { ...proposal, notes: undefined } };
}
