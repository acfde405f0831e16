/** Whether the claims were fixed before a run: the commit, or the tag, that holds them as they are. */

import { basename, dirname, join } from "node:path";
import { type Claim } from "../experiment/experiment.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { plainClaim } from "../experiment/plain_claim.ts";
import { run } from "../system/command.ts";
import { Folder, readTextIfThere } from "../system/regular_file.ts";
import type { Evidence } from "./evidence_schema.ts";

type Fixed = NonNullable<Evidence["claims"]>;

/**
 * Asks git about the file that the claims stand in.
 *
 * @param published folder of the run that they were made from
 * @returns undefined without claims
 */
export async function whenFixed(
  file: string,
  claims: readonly Claim[],
  published: string,
): Promise<Fixed | undefined> {
  if (claims.length === 0) return undefined;
  const [commit, changed] = await Promise.all([committed(file), changedSince(claims, published)]);
  return { ...commit, ...(changed.length === 0 ? {} : { changed }) };
}

async function committed(file: string): Promise<Fixed> {
  const [status, last] = await Promise.all([
    git(file, "status", "--porcelain", "--untracked-files=all", "--ignored", "--", basename(file)),
    git(file, "log", "-1", "--format=%H %cI", "--", basename(file)),
  ]);
  if (status === undefined) return { state: "without git" };
  const [commit, date] = last?.trim().split(" ") ?? [];
  if (status !== "" || !commit || date === undefined) return { state: "not committed" };
  return { state: "committed", commit, date, ...await tagOf(file, commit) };
}

/** More tags than this are not looked at. */
const MOST_TAGS = 20;

/** The first tag in which the claims are as they are now. */
async function tagOf(file: string, commit: string): Promise<Pick<Fixed, "tag" | "tagged" | "signed">> {
  const format = "%(refname:short)%09%(creatordate:iso-strict)%09%(contents:signature)%00";
  const options = [
    `--contains=${commit}`,
    "--sort=creatordate",
    `--count=${MOST_TAGS}`,
    `--format=${format}`,
  ];
  const tags = await git(file, "for-each-ref", ...options, "refs/tags");
  if (!tags?.trim()) return {};
  const content = (of: string) => git(file, "rev-parse", "--verify", "--quiet", `${of}:./${basename(file)}`);
  const now = await content("HEAD");
  for (const line of tags.split("\0").slice(0, -1)) {
    const [tag = "", tagged, signature] = line.trim().split("\t");
    if (await content(`refs/tags/${tag}`) !== now) continue;
    return { tag, tagged, ...(signature?.trim() ? { signed: true } : {}) };
  }
  return {};
}

async function git(file: string, ...args: string[]): Promise<string | undefined> {
  const argv = ["git", "-C", dirname(file), ...args];
  const done = await run(argv, { env: { GIT_OPTIONAL_LOCKS: "0" }, keep: "all" }).catch(() => undefined);
  return done?.code === 0 ? done.stdout : undefined;
}

/** Names of the claims of which the run that they were made from knew another value or tolerance. */
async function changedSince(claims: readonly Claim[], published: string): Promise<string[]> {
  const before = await claimsOf(published);
  return claims.flatMap((claim) => {
    const earlier = before.find(({ name }) => name === claim.name);
    const facts = (one: Claim) => {
      const { value, of, tolerance } = plainClaim(one);
      return JSON.stringify([value, of, tolerance.map(({ because: _, runs: __, ...bound }) => bound)]);
    };
    return earlier === undefined || facts(earlier) === facts(claim) ? [] : [claim.name];
  });
}

async function claimsOf(published: string): Promise<Claim[]> {
  try {
    const path = join(published, "plan.json");
    const text = await readTextIfThere(path, { within: new Folder(published) });
    const { experiment } = JSON.parse(text ?? "{}");
    return parseExperiment(experiment.text, experiment.file, experiment.root).claims;
  } catch {
    return []; // nothing was published, or by a version with other claims
  }
}
