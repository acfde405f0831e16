/** Environment markers of Python packages (PEP 508). */

import { Failure } from "../cli/failure.ts";
import { compareVersions } from "../system/version.ts";

/** The machine a marker is evaluated for; the keys are those of Python's environment markers. */
export type MarkerTarget = Record<string, string>;

/** What Python's environment markers say on this machine, for a CPython of the given version. */
export function thisMachine(pythonVersion: string): MarkerTarget {
  return targetFor(Deno.build.os === "darwin" ? "darwin" : "linux", Deno.build.arch, pythonVersion);
}

/** Markers of CPython on Linux or macOS. */
export function targetFor(os: "linux" | "darwin", arch: "x86_64" | "aarch64", version: string): MarkerTarget {
  return {
    sys_platform: os,
    platform_system: os === "darwin" ? "Darwin" : "Linux",
    os_name: "posix",
    platform_machine: os === "darwin" && arch === "aarch64" ? "arm64" : arch,
    python_version: version.split(".").slice(0, 2).join("."),
    python_full_version: version,
    implementation_name: "cpython",
    platform_python_implementation: "CPython",
    extra: "",
  };
}

/**
 * Evaluates an environment marker (PEP 508).
 *
 * @throws Failure(2) if it can't be parsed or names an unknown variable.
 */
export function markerHolds(marker: string, target: MarkerTarget): boolean {
  const tokens = marker.match(/'[^']*'|"[^"]*"|\(|\)|[<>=!~]=?=?|[\w.]+/g) ?? [];
  let at = 0;
  const fail = () => {
    throw new Failure(2, `Cannot evaluate the marker "${marker}" at "${tokens[at] ?? "its end"}"`, {
      remedy: "deno task lock",
    });
  };
  const operand = (): string => {
    const token = tokens[at++] ?? "";
    if (/^['"]/.test(token)) return token.slice(1, -1);
    return target[token] ?? (at--, fail() as never);
  };
  const comparison = (): boolean => {
    if (tokens[at] === "(") {
      at++;
      const inner = disjunction();
      if (tokens[at++] !== ")") fail();
      return inner;
    }
    const isVersion = tokens[at]?.startsWith("python_") || tokens[at + 2]?.startsWith("python_");
    const left = operand();
    let operator = tokens[at++] ?? fail() as never;
    if (operator === "not") operator += ` ${tokens[at++]}`;
    const right = operand();
    return compare(left, operator, right, isVersion === true) ?? (fail() as never);
  };
  const conjunction = (): boolean => {
    let holds = comparison();
    while (tokens[at] === "and") at++, holds = comparison() && holds;
    return holds;
  };
  const disjunction = (): boolean => {
    let holds = conjunction();
    while (tokens[at] === "or") at++, holds = conjunction() || holds;
    return holds;
  };
  const holds = disjunction();
  if (at < tokens.length) fail();
  return holds;
}

function compare(left: string, operator: string, right: string, asVersions: boolean): boolean | undefined {
  if (operator === "in") return right.includes(left);
  if (operator === "not in") return !right.includes(left);
  const order = asVersions ? compareVersions(left, right) : left === right ? 0 : left < right ? -1 : 1;
  switch (operator) {
    case "==":
    case "===":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}
