/** What doctor says: findings with their weight, and what to do about each. */

/** `ok`: as it should be; `note`: good to know; `warning`: something will not work; `blocker`: the experiment can't run. */
export type Severity = "ok" | "note" | "warning" | "blocker";

export interface Finding {
  severity: Severity;
  message: string;
  /** What to do about it; every finding that is not `ok` has one. */
  remedy?: string;
}

/** Findings about one subject, under its heading. */
export interface Group {
  topic: string;
  findings: Finding[];
}

export function ok(message: string): Finding {
  return { severity: "ok", message };
}

export function finding(severity: Exclude<Severity, "ok">, message: string, remedy: string): Finding {
  return { severity, message, remedy };
}

export function countOf(severity: Severity, groups: Group[]): number {
  return groups.flatMap(({ findings }) => findings).filter((one) => one.severity === severity).length;
}
