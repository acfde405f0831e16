/** One commit of a repository of strangers: its files, and nothing that git would execute. */

import { dirname, join, normalize } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { run } from "../../system/command.ts";

/**
 * Who is asked for nothing, and what no repository may bring about: settings of the user or the system (filters of LFS
 * and others are set there), hooks, other programs as transports (`ext::`), and submodules.
 */
const SETTINGS = [
  ...["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false"],
  ...["-c", "fetch.recurseSubmodules=false", "-c", "protocol.ext.allow=never", "-c", "protocol.version=2"],
  // Objects are checked as they come: names such as .GIT, and trees that lead out [git-config, fetch.fsckObjects].
  ...["-c", "fetch.fsckObjects=true", "-c", "fetch.fsck.zeroPaddedFilemode=ignore"],
  ...["-c", "fetch.fsck.badTimezone=ignore", "-c", "advice.detachedHead=false", "-c", "gc.auto=0"],
];

const ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ALLOW_PROTOCOL: "https:ssh:file",
  GIT_TERMINAL_PROMPT: "0",
  GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
  GIT_LFS_SKIP_SMUDGE: "1",
  LC_ALL: "C",
};

export interface FetchedCommit {
  /** Worth a line each: submodules that were left out. */
  notes: string[];
}

/**
 * Leaves the files of a commit in a new folder, with `.git`.
 *
 * @param target an empty folder
 * @throws Failure(3) if it can't be had now; Failure(2) if it has no such commit, or links that leave the folder
 */
export async function fetchCommit(
  address: string,
  commit: string,
  target: string,
  signal?: AbortSignal,
): Promise<FetchedCommit> {
  const git = async (...args: string[]) =>
    await run(["git", ...SETTINGS, "-C", target, ...args], { env: ENVIRONMENT, keep: "all", signal });
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await git(...args);
    if (signal?.aborted) throw new Failure(130, "Interrupted");
    if (code !== 0) throw gitFailure(address, stderr);
    return stdout;
  };
  const format = commit.length === 64 ? ["--object-format=sha256"] : [];
  await must("init", "--quiet", "--template=", ...format);
  await must("remote", "add", "origin", address);
  const depth = await git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", commit);
  // Servers may give only what a branch or tag names: then all of those are fetched.
  if (depth.code !== 0) {
    await must("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*");
  }
  if ((await git("cat-file", "-e", `${commit}^{commit}`)).code !== 0) {
    throw new Failure(2, `Cannot fetch ${address}: it has no commit ${commit}`);
  }
  const notes = await inspect(
    await must("ls-tree", "-r", "-z", commit),
    async (blob) => await must("cat-file", "blob", blob),
  );
  await must("checkout", "--quiet", "--detach", commit);
  return { notes };
}

/** Looks at all entries before one of them is written. */
async function inspect(listed: string, read: (blob: string) => Promise<string>): Promise<string[]> {
  const entries = listed.split("\0").filter((line) => line !== "").map((line) => {
    const [, mode = "", , object = "", path = ""] = /^(\d+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
    return { mode, object, path };
  });
  for (const { object, path } of entries.filter(({ mode }) => mode === "120000")) {
    const leads = await read(object);
    const inside = normalize(join(dirname(path), leads));
    if (
      !leads.startsWith("/") && inside !== ".." && !inside.startsWith("../") &&
      !/^\.git(?:\/|$)/i.test(inside)
    ) continue;
    throw new Failure(
      2,
      `Cannot take this commit: the link ${JSON.stringify(path)} leads out of it, to ${
        JSON.stringify(leads)
      }`,
    );
  }
  return entries.filter(({ mode }) => mode === "160000").map(({ path }) =>
    `the submodule ${JSON.stringify(path)} is not fetched: it is another repository's commit`
  );
}

function gitFailure(address: string, stderr: string): Failure {
  const said = stderr.trim().split("\n").find((line) => /fatal|error/i.test(line)) ??
    stderr.trim().split("\n")[0] ?? "";
  return new Failure(
    3,
    `Cannot fetch ${address}: ${said.replace(/^(?:fatal|error): /, "") || "git failed"}`,
    {
      remedy: "Look at the address, the network, and, for ssh, whether your key is known there",
    },
  );
}
