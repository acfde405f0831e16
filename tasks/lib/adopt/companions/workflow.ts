/** With `--ci`: a workflow that reproduces on each push, and its badge on top of the README. */

import { type Release, release } from "../../system/product.ts";
import { readme } from "../markdown.ts";
import { type Companion, type CompanionRequest, PACKAGE } from "./companion.ts";

const PATH = ".github/workflows/reproduce.yml";

/**
 * The action of this release, which also writes the summary and the badge and keeps the run folder; the package, where
 * nobody knows of a repository that has the action.
 */
function step({ version, homepage }: Release): string {
  const name = /^https:\/\/github\.com\/([\w.-]+\/[\w.-]+)$/.exec(homepage ?? "")?.[1];
  if (name === undefined) return `      - run: pipx run ${PACKAGE}==${version} reproduce --yes`;
  return `      - uses: ${name}@v${version}\n        with: { arguments: --yes }`;
}

/** The workflow that a release writes. */
export const workflowText = (of: Release) =>
  `# Runs the experiment and fails if a claim does not hold.
name: reproduce
on:
  push:
  pull_request:
permissions: { contents: read }
jobs:
  reproduce:
    runs-on: ubuntu-24.04
    timeout-minutes: 120
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
${step(of)}
`;

export function workflow({ repository, ci }: CompanionRequest): Companion {
  if (!ci) return { changes: [], notes: [] };
  if (repository.has(PATH)) return { changes: [], notes: [`${PATH} is there and stays as it is`] };
  const badge = badgeChange(repository);
  return {
    changes: [{ path: PATH, after: workflowText(release()) }, ...badge.changes],
    notes: badge.notes,
  };
}

function badgeChange(repository: CompanionRequest["repository"]): Companion {
  const path = readme(repository);
  const remote = remoteOf(repository.root);
  if (path === undefined || !/\.md$/i.test(path)) {
    return { changes: [], notes: ["There is no README.md for a badge"] };
  }
  if (remote === undefined) {
    return { changes: [], notes: ["No badge: the repository has no remote on GitHub yet"] };
  }
  const before = Deno.readTextFileSync(`${repository.root}/${path}`);
  if (before.includes("workflows/reproduce.yml")) return { changes: [], notes: [] };
  const address = `https://github.com/${remote}/actions/workflows/reproduce.yml`;
  const line = `[![reproduce](${address}/badge.svg)](${address})`;
  const end = before.includes("\r\n") ? "\r\n" : "\n";
  const heading = /^# .*\r?\n/m.exec(before);
  const at = heading === null ? 0 : heading.index + heading[0].length;
  const after = `${before.slice(0, at)}${heading ? end : ""}${line}${end}${heading ? "" : end}${
    before.slice(at)
  }`;
  return { changes: [{ path, before, after }], notes: [] };
}

/** `owner/name` of the remote on GitHub, from git's own file: no program is started. */
function remoteOf(root: string): string | undefined {
  try {
    const config = Deno.readTextFileSync(`${root}/.git/config`);
    return /url\s*=\s*(?:https:\/\/github\.com\/|git@github\.com:)([\w.-]+\/[\w.-]+?)(?:\.git)?\s*$/m.exec(
      config,
    )?.[1];
  } catch {
    return undefined;
  }
}
