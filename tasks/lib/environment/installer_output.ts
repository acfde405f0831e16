/** What pip and uv print, turned into progress and into messages that a researcher can act on. */

import { normalize } from "./lock_file.ts";

/** Turns the lines of pip and uv into "12 of 71 packages: scipy 35.1 MB". */
export class InstallProgress {
  readonly #fetched = new Set<string>();
  /** Packages of uv's finished calls; it does not name the small ones. */
  #prepared = 0;
  #last = "";
  #total: number;
  #expected?: number;

  /** @param total of packages, those that this machine will turn out not to need included */
  constructor(total: number, readonly report: (line: string) => void) {
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  /** Of the packages that the next call of uv is given, it passes those over whose markers don't hold, without a word. */
  expect(packages: number) {
    this.#expected = packages;
  }

  /** The last line that was reported; empty before the first. */
  get last(): string {
    return this.#last;
  }

  line(text: string) {
    if (/^Ignoring \S+: markers /.test(text)) this.#total--;
    const resolved = /^Resolved (\d+) packages?/.exec(text)?.[1];
    if (resolved !== undefined && this.#expected !== undefined) {
      this.#total -= this.#expected - Number(resolved);
      this.#expected = undefined;
    }
    const local = /^Processing .*?([^/\\]+)\.(?:whl|tar\.gz)\b/.exec(text);
    const fetched = /^\s*(?:Downloading|Using cached) (?:\S*\/)?([^/\s]+)\.(?:whl|tar\.gz|zip) \(([^)]+)\)/
      .exec(text);
    const started = /^\s*Downloading (\S+) \(([\d.]+ ?[KMG]i?B)\)/.exec(text);
    const ended = /^\s*Downloaded (\S+)$/.exec(text);
    if (local) return this.#count(packageOfFile(local[1] ?? ""), "");
    if (fetched) return this.#count(packageOfFile(fetched[1] ?? ""), fetched[2] ?? "");
    if (ended) return this.#count(ended[1] ?? "", "");
    if (started && !text.includes(".whl")) return this.#tell(started[1] ?? "", started[2] ?? "");
    const prepared = /^Prepared (\d+) packages?/.exec(text);
    if (prepared) {
      this.#prepared += Number(prepared[1]);
      this.#fetched.clear();
    }
    if (prepared || text.startsWith("Installing collected packages")) this.#say("installing the packages");
  }

  #count(name: string, size: string) {
    this.#fetched.add(name);
    this.#tell(name, size);
  }

  #tell(name: string, size: string) {
    const done = this.#prepared + this.#fetched.size;
    // What uv fetches is counted when it is there: a file may be the last one that is awaited.
    const of = Math.max(this.#total, done);
    this.#say(`${done} of ${of} packages: ${name} ${size}`.trimEnd());
  }

  #say(line: string) {
    if (line === this.#last) return;
    this.#last = line;
    this.report(line);
  }
}

/** `two_words-1.9.1-cp311-…` belongs to `two-words`. */
function packageOfFile(file: string): string {
  return (/^(.+?)-\d/.exec(file)?.[1] ?? file).replaceAll("_", "-").toLowerCase();
}

/** What went wrong, for who may try another way. */
export type InstallProblemKind =
  | "disk full"
  | "wrong hash"
  | "unreachable"
  | "no file"
  | "build failed"
  | "other";

/** Why an installation failed, as a phrase that follows "Cannot make the environment: ". */
export interface InstallProblem {
  kind: InstallProblemKind;
  message: string;
  remedy: string;
  /** The package that can't be had, as the tool names it: `name` or `name==1.0`. */
  package?: string;
}

/** What the messages about an installation name. */
export interface InstallContext {
  /** "pip 24.2" or "uv 0.13.9" */
  installer: string;
  /** e.g. "Python 3.11.7 on linux x86_64" */
  machine: string;
  /** What was asked for: "71 packages", "torch 2.13.0 (CPU build)". */
  wanted: string;
}

const UNREACHABLE = new RegExp(
  [
    "NewConnectionError",
    "ConnectTimeoutError",
    "Max retries exceeded",
    "Read timed out",
    "ReadTimeoutError",
    "ProtocolError",
    "SSLError",
    "ProxyError",
    "ConnectionResetError",
    "HTTP error (?:403|407|429|5\\d\\d)",
    "Failed to fetch",
    "error sending request",
    "dns error",
    "[Nn]etwork connectivity is disabled",
  ].join("|"),
);

/** Reads the cause out of the output of pip or uv; the causes that hide behind others come first. */
export function explainInstall(output: string, context: InstallContext): InstallProblem {
  return diskFull(output) ?? wrongHash(output) ?? unreachable(output, context) ?? notKnown(output, context) ??
    noFile(output, context) ?? buildFailed(output, context) ?? other(output, context);
}

function diskFull(output: string): InstallProblem | undefined {
  if (!/No space left on device|os error 28|Disk quota exceeded|ENOSPC/.test(output)) return undefined;
  return {
    kind: "disk full",
    message: "the disk is full",
    remedy: "Free some space (pip and uv also keep caches: pip cache purge, uv cache clean), " +
      "or name a folder on another disk: VENV_DIR=/path, and TMPDIR=/path for the downloads",
  };
}

function wrongHash(output: string): InstallProblem | undefined {
  const pip = /DO NOT MATCH THE HASHES[^\n]*\n\s*(\S+)/.exec(output)?.[1];
  const name = pip ?? /Hash mismatch for `([^`]+)`/.exec(output)?.[1];
  if (name === undefined) return undefined;
  return {
    kind: "wrong hash",
    message: `${name} is not the file that the lock recorded (its SHA-256 differs)`,
    remedy:
      "The index, a mirror or a wheel folder serves another file under that name: find out why before " +
      "anything else; if the new file is right, make the locks again: deno task lock",
  };
}

function unreachable(output: string, { installer, wanted }: InstallContext): InstallProblem | undefined {
  if (!UNREACHABLE.test(output)) return undefined;
  // A warning about one retry is no cause if pip did see an answer in the end; a folder of wheels answers as well.
  if (foundVersions(output) && !gaveUpOn(failedPackage(output), output)) return undefined;
  const where = addressIn(output);
  return {
    kind: "unreachable",
    message:
      `${installer} wanted ${wantedIn(output) ?? wanted} from ${
        where ?? "its package index"
      } and cannot reach it` +
      reason(output),
    remedy:
      "Check the network and proxy (HTTPS_PROXY); or name a mirror (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL; " +
      "UV_DEFAULT_INDEX for uv) or a folder of wheels (PIP_FIND_LINKS), and start again",
  };
}

/** pip found files of the package that failed, though none that would do. */
export function foundVersions(output: string): boolean {
  return /\(from versions: (?!none)[^)]/.test(output);
}

/** Normalized name of the package for which pip found no version. */
function failedPackage(output: string): string | undefined {
  const requirement = /satisfies the requirement ([\w.-]+)/.exec(output)?.[1];
  return requirement === undefined ? undefined : normalize(requirement);
}

/** pip had no retry left for the package's page on some index, or its detailed log says that it got none. */
function gaveUpOn(name: string | undefined, output: string): boolean {
  const pages = output.matchAll(
    /Retrying \(Retry\(total=0\b.*?': \S*?\/([^/\s]+)\/\s*$|Could not fetch URL \S*\/([^/\s]+)\/: /gm,
  );
  return pages.some(([, retried, logged]) => normalize(retried ?? logged ?? "") === name);
}

/** The address as the tool itself printed it. */
function addressIn(output: string): string | undefined {
  const url =
    /(?:Could not fetch URL|Failed to fetch:|request for url|while getting) [`(]?(https?:\/\/[^\s`):]+(?::\d+)?)/
      .exec(output)?.[1];
  if (url !== undefined) return new URL(url).origin;
  const pool = /host='([^']+)', port=(\d+)/.exec(output);
  if (pool !== null) return `${pool[1]}:${pool[2]}`;
  const looking = /Looking in indexes: (https?:\/\/[^\s,]+)/.exec(output)?.[1];
  return looking === undefined ? undefined : new URL(looking).origin;
}

function wantedIn(output: string): string | undefined {
  return /No matching distribution found for (\S+)/.exec(output)?.[1] ??
    /Failed to (?:download|fetch|prepare) [^`\n]*`([^`/]+)`/.exec(output)?.[1];
}

const REASONS: [RegExp, string][] = [
  [/Connection refused/, "connection refused"],
  [/[Nn]ame or service not known|Name resolution|name resolution|dns error|getaddrinfo/, "unknown host"],
  [/CERTIFICATE_VERIFY_FAILED|invalid peer certificate|SSLError/, "its TLS certificate is not trusted"],
  [/ProxyError|407/, "the proxy refused"],
  [/timed? ?out/i, "no answer in time"],
  [/403/, "access refused"],
];

function reason(output: string): string {
  const found = REASONS.find(([pattern]) => pattern.test(output));
  return found === undefined ? "" : ` (${found[1]})`;
}

/** A name that no index has: uv's words, and pip's for a requirement that names no version. */
function notKnown(output: string, { installer }: InstallContext): InstallProblem | undefined {
  const name = /Because (\S+) was not found in the package registry/.exec(output)?.[1] ??
    /satisfies the requirement ([\w.-]+) \(from versions: none\)/.exec(output)?.[1];
  if (name === undefined) return undefined;
  return {
    kind: "no file",
    package: name,
    message: `${installer} finds no package of the name ${name}`,
    remedy: "Correct the name, or take it out, in the requirements or in environment.install; " +
      "a module of the authors' own that is not in the repository is no package",
  };
}

function noFile(output: string, { installer, machine }: InstallContext): InstallProblem | undefined {
  const name = /No matching distribution found for (\S+)/.exec(output)?.[1] ??
    /satisfies the requirement (\S+)/.exec(output)?.[1] ??
    // With a constraints file pip does not say that there is none; it calls it a conflict.
    /Cannot install (\S+) because these package versions have conflicting/.exec(output)?.[1] ??
    /there (?:is|are) no versions? of (\S+?)(?: and|,|$)/m.exec(output)?.[1] ??
    /Because (\S+) has no (?:usable |)wheels/.exec(output)?.[1] ??
    /Because only [^\n]*?(\S+==\S+)/.exec(output)?.[1];
  if (name === undefined) return undefined;
  return {
    kind: "no file",
    package: name,
    message: `${installer} finds no file of ${name} for ${machine}`,
    remedy: "Use a Python and a machine that the first lines of the lock name (PYTHON=/path/to/python), " +
      "or name an index or a folder that has the file (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS)",
  };
}

function buildFailed(output: string, { machine }: InstallContext): InstallProblem | undefined {
  const name = /Failed building wheel for (\S+)|Failed to build:? `?([^\s`]+)|metadata-generation-failed/
    .exec(output);
  if (name === null) return undefined;
  const failed = name[1] ?? name[2];
  return {
    kind: "build failed",
    ...(failed !== undefined && { package: failed }),
    message: `${failed ?? "a package"} has no ready-made file for ${machine}, and building it failed`,
    remedy: "Use a Python for which it has one, an older one for an old version: PYTHON=/path/to/python",
  };
}

function other(output: string, { installer }: InstallContext): InstallProblem {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const line = lines.findLast((text) => /^(?:ERROR|error)\b/.test(text)) ?? lines.at(-1) ?? "it said nothing";
  return {
    kind: "other",
    message: `${installer} failed: ${line.replace(/^(?:ERROR|error):\s*/, "")}${cause(output)}`,
    remedy: "See the log",
  };
}

/** uv says in a line of its own why it found no solution. */
function cause(output: string): string {
  const text = /^\s*(?:cause:|╰─▶)\s+(.+)$/m.exec(output)?.[1];
  return text === undefined ? "" : `: ${text.length > 300 ? `${text.slice(0, 300)} …` : text}`;
}
