/** What will keep a result from being reproduced: the rules of tasks/inside/audit over one repository. */

import { join } from "node:path";
import { Failure } from "../cli/failure.ts";
import { run } from "../system/command.ts";
import { documentation, INSIDE } from "../system/product.ts";
import { type AuditRequest, readRepository } from "./repository.ts";

export const SEVERITIES = ["error", "warning", "note"] as const;

/** `error`: the result can't be relied on; `warning`: it may differ elsewhere; `note`: good to know. */
export type Severity = typeof SEVERITIES[number];

export interface Finding {
  /** The rule's permanent id, e.g. R103. */
  rule: string;
  severity: Severity;
  title: string;
  /** Relative to the folder that is audited. */
  file: string;
  /** 1-based; in a notebook the line of its cell. */
  line: number;
  /** Number of a notebook's cell, 1-based, over all cells. */
  cell?: number;
  message: string;
  /** Further places in the same file. */
  more?: number;
  reason: string;
  remedy: string;
  /** Where the documentation tells more: an address with an anchor. */
  page: string;
}

export interface Audit {
  /** In the order of files and lines. */
  findings: Finding[];
  /** How many a comment `# audit: ignore ID reason` set aside. */
  silenced: number;
  /** Python files and notebooks that were read. */
  sources: number;
  notebooks: number;
  /** What could not be read as what it is. */
  skipped: { file: string; reason: string }[];
}

export interface RuleText {
  id: string;
  title: string;
  severity: Severity;
  reason: string;
  remedy: string;
  page: string;
  /** Examples: texts by the name of their file; a notebook is a list of cells. */
  firing: Record<string, string | ExampleCell[]>;
  silent: Record<string, string | ExampleCell[]>;
}

export type ExampleCell = {
  code?: string;
  markdown?: string;
  count?: number;
  prints?: string;
  error?: string;
};

/**
 * Audits a folder. Nothing of it is run, nothing is fetched and nothing is written.
 *
 * @param root absolute path
 * @throws Failure(2) if the folder can't be read, Failure(3) if no Python is here
 */
export async function audit(root: string): Promise<Audit> {
  const { unreadable, ...request } = await readRepository(root);
  const { skipped, ...found } = await inPython<Audit>([], request);
  const reasons = new Map([...skipped.map(({ file, reason }) => [file, reason] as const), ...unreadable]);
  const all = [...reasons].map(([file, reason]) => ({ file, reason }));
  const findings = found.findings.map((one) => ({ ...one, page: documentation(one.page) }));
  return { ...found, findings, skipped: all.sort((a, b) => a.file < b.file ? -1 : 1) };
}

/** Errors and warnings: what should be mended before somebody relies on the result. */
export function countOfSerious({ findings }: Audit): number {
  return findings.filter(({ severity }) => severity !== "note").length;
}

/** The rules themselves, in the order of their ids. */
export async function rules(): Promise<RuleText[]> {
  return await inPython<RuleText[]>(["--rules"]);
}

async function inPython<T>(args: string[], request?: Omit<AuditRequest, "unreadable">): Promise<T> {
  const input = new TextEncoder().encode(JSON.stringify(request ?? null));
  const script = [join(INSIDE, "run_audit.py"), ...args];
  const start = (python: string) => run([python, "-E", "-s", ...script], { input, keep: "all" });
  let done = await start(Deno.env.get("PYTHON") || "python3").catch(asMissing);
  if (done === undefined || (done.code !== 0 && !done.stderr.includes("audit"))) {
    const { findPython } = await import("../environment/python.ts");
    done = await start((await findPython()).path);
  }
  if (done.code !== 0) throw new Error(`tasks/inside/run_audit.py failed:\n${done.stderr}`);
  return JSON.parse(done.stdout);
}

/** No program of that name: another may be there. */
function asMissing(error: unknown): undefined {
  if (!(error instanceof Failure)) throw error;
}
