/** What `deno task reproduce IDENTIFIER` may be given: an address of git with a commit, a DOI, or the zip of a crate. */

import { basename } from "node:path";
import { Failure } from "../../cli/failure.ts";

export type Identifier =
  | { kind: "git"; address: string; commit: string }
  | { kind: "doi"; doi: string }
  | { kind: "zip"; file: string }
  | { kind: "zip"; address: string };

/** 40 digits of SHA-1 or 64 of SHA-256: fewer may mean another commit tomorrow. */
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;

/** `10.`, the registrant, and a suffix without blanks [DOI Handbook, 2.2]. */
const DOI = /^10\.\d{4,9}(?:\.\d+)*\/[^\s?#]+$/;

const FORMS = "An address of git with its commit, https://host/owner/name@COMMIT or #COMMIT; a DOI, " +
  "doi:10.5281/zenodo.NUMBER; or the zip of an RO-Crate, a file or https";

/**
 * Reads an identifier. `@COMMIT` is how pip writes it, `#COMMIT` how npm and docker build do; both are taken.
 *
 * @throws Failure(2) for what is none, and for an address of git without a whole commit
 */
export function parseIdentifier(text: string): Identifier {
  const doi = doiIn(text);
  if (doi !== undefined) return { kind: "doi", doi };
  const plain = text.replace(/^git\+/, "");
  if (/^https:\/\/[^@#]+\.zip$/i.test(plain)) return { kind: "zip", address: checkedAddress(plain) };
  if (/^(?:https|ssh|file):\/\//.test(plain) || isScp(plain)) return parseGit(plain);
  if (/^[a-z][a-z0-9+.-]*::?\/?/i.test(plain) && !/\.zip$/i.test(plain)) {
    throw new Failure(2, `Cannot fetch ${JSON.stringify(text)}: only https, ssh and file are taken`, {
      remedy: FORMS,
    });
  }
  if (/\.zip$/i.test(plain)) return { kind: "zip", file: plain.replace(/^file:\/\//, "") };
  throw new Failure(2, `Cannot fetch ${JSON.stringify(text)}: it is no identifier`, { remedy: FORMS });
}

/** As people paste it: with `doi:`, or as an address of the resolver. */
function doiIn(text: string): string | undefined {
  const bare = text.replace(/^(?:doi:|https?:\/\/(?:dx\.)?doi\.org\/)/i, "");
  if (DOI.test(bare)) return bare.toLowerCase();
  if (bare === text) return undefined;
  throw new Failure(
    2,
    `Cannot fetch ${JSON.stringify(text)}: a DOI is 10.NUMBER/NAME, e.g. 10.5281/zenodo.7711810`,
  );
}

/** `git@host:owner/name`, as ssh's scp writes it. */
function isScp(text: string): boolean {
  return /^[\w.-]+@[\w.-]+:[^:]/.test(text);
}

function parseGit(text: string): Identifier {
  const file = /^file:\/\/(.*\.zip)$/i.exec(text)?.[1];
  if (file !== undefined) return { kind: "zip", file };
  const page = /^(https:\/\/[^/]+\/[^/]+\/[^/]+)\/(?:-\/)?(?:tree|commit)\/([0-9a-f]+)$/i.exec(text);
  const [, address = text, commit] = page ?? /^(.+?)[@#]([^@#/:]+)$/.exec(text) ?? [];
  if (commit === undefined || !COMMIT.test(commit)) {
    const what = commit === undefined || isScp(text) && !text.slice(text.indexOf(":")).match(/[@#]/)
      ? "the commit is missing"
      : `"${commit}" is no whole commit, which has 40 digits`;
    throw new Failure(2, `Cannot fetch ${JSON.stringify(text)}: ${what}`, {
      remedy: "A branch or a tag may be another one tomorrow. Write the address and @COMMIT; " +
        "git ls-remote ADDRESS lists the commits of branches and tags",
    });
  }
  return {
    kind: "git",
    address: isScp(address) ? address : checkedAddress(address),
    commit: commit.toLowerCase(),
  };
}

function checkedAddress(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw new Failure(2, `Cannot fetch ${JSON.stringify(text)}: it is not an address`);
  if (url.password !== "" || (url.protocol === "https:" && url.username !== "")) {
    throw new Failure(2, `Cannot fetch from ${url.host}: the address holds a user or password`, {
      remedy: "Leave them out: they would stand in the record of the run",
    });
  }
  return text;
}

/** The folder's name where the user gives none. */
export function folderName(identifier: Identifier): string {
  switch (identifier.kind) {
    case "git":
      return `${safe(basename(identifier.address.replace(/\/+$/, ""), ".git"))}-${
        identifier.commit.slice(0, 8)
      }`;
    case "doi":
      return safe(identifier.doi.slice(identifier.doi.indexOf("/") + 1));
    case "zip":
      return safe(
        basename("file" in identifier ? identifier.file : new URL(identifier.address).pathname).replace(
          /\.zip$/i,
          "",
        ),
      );
    default:
      return identifier satisfies never;
  }
}

function safe(name: string): string {
  return name.replace(/[^\w.-]+/g, "-").replace(/^[.-]+/, "") || "fetched";
}
