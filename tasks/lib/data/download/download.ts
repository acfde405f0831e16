/** Downloads: from several mirrors, resumed where they broke off, and kept only if the bytes are the wanted ones. */

import { dirname } from "node:path";
import { Failure } from "../../cli/failure.ts";
import { bytes } from "../../cli/format.ts";
import { isDiskFull } from "../../system/files.ts";
import { certificatesOf } from "./certificates.ts";
import { ranFull } from "./disk_space.ts";
import { MirrorError } from "./mirror_error.ts";
import { type Asking, fetchFrom, PATIENCE, type Patience } from "./mirror.ts";
import { PartFile } from "./part_file.ts";
import { type Progress, ProgressMeter } from "./progress.ts";
import { type Expected, findMismatch, type Found, isHashed, readChecksums } from "./checksums.ts";
import { parseAddress, showAddress } from "./web_address.ts";

/** A file as experiment.yaml declares it. */
export interface DownloadRequest extends Expected {
  /** What the user calls it. */
  name: string;
  /** Mirrors, tried in this order; https, or http if there is a hash. */
  urls: string[];
}

/** What lies at the target now; the hash is the file's own. */
export interface Downloaded {
  sha256: string;
  bytes: number;
  /** The mirror that sent its last byte, without credentials; left out if the file was there already. */
  url?: string;
}

export interface DownloadOptions {
  signal?: AbortSignal;
  /** Called a few times in a second; `describeProgress` makes a line of it for `Terminal.progress`. */
  onProgress?: (progress: Progress) => void;
  /** Hears what is worth a line: a mirror that failed, a download that is resumed. */
  log?: (line: string) => void;
  /** What the user can do instead of downloading, as an imperative phrase for remedies. */
  otherwise?: string;
  patience?: Partial<Patience>;
}

/**
 * Leaves the wanted file at `target`; nothing new is there before it is whole and right. What was fetched of it stays in
 * `target.part` for the next time if this is interrupted. No two processes may do it at once: the caller sees to that.
 *
 * @throws Failure(2) if no mirror has the wanted bytes, Failure(3) if none can be reached now or the disk is full,
 * Failure(130) if it was stopped
 */
export async function download(
  wanted: DownloadRequest,
  target: string,
  options: DownloadOptions = {},
): Promise<Downloaded> {
  const { name } = wanted;
  const urls = wanted.urls.map((url) => parseAddress(name, url, isHashed(wanted)));
  const log = (line: string) => options.log?.(`${name}: ${line}`);
  try {
    await Deno.mkdir(dirname(target), { recursive: true });
    return await findWhole(wanted, target) ?? await fetchWhole(wanted, urls, target, { ...options, log });
  } catch (error) {
    if (options.signal?.aborted) throw new Failure(130, `Interrupted: ${name} is not downloaded`);
    throw explain(error, wanted, target);
  }
}

/** What a process has left there that was killed just then. */
async function findWhole(wanted: DownloadRequest, target: string): Promise<Downloaded | undefined> {
  using file = await Deno.open(target).catch(() => undefined);
  if (file === undefined) return undefined;
  const found = (await readChecksums(file, wanted)).digest();
  return findMismatch(wanted, found) === undefined ? { sha256: found.sha256, bytes: found.bytes } : undefined;
}

async function fetchWhole(
  wanted: DownloadRequest,
  urls: URL[],
  target: string,
  { signal, onProgress, log, patience, otherwise }: DownloadOptions & { log: (line: string) => void },
): Promise<Downloaded> {
  const { name } = wanted;
  using client = Deno.createHttpClient({ caCerts: await certificatesOf(Deno.env.toObject()) });
  using part = await PartFile.open(target, wanted);
  if (part.bytes > 0) log(`${bytes(part.bytes)} are there from an earlier try`);
  try {
    const meter = new ProgressMeter(name, onProgress);
    const waiting = { ...PATIENCE, ...patience };
    const asking = { name, expected: wanted, part, client, patience: waiting, meter, log, signal };
    const { sha256, bytes } = await fetchFromAny(urls, asking, otherwise);
    await part.finish();
    return { sha256, bytes, url: part.origin?.url };
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    const { bytes: got, origin } = part;
    await part.remove();
    throw await ranFull(name, target, { got, total: wanted.size ?? origin?.total });
  }
}

/** @throws Failure that tells what each mirror said */
async function fetchFromAny(urls: URL[], asking: Asking, otherwise?: string): Promise<Found> {
  const { part, log } = asking;
  const said: { url: URL; error: MirrorError }[] = [];
  for (const url of urls) {
    try {
      return await fetchFrom(url, asking);
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      said.push({ url, error });
      if (url !== urls.at(-1)) log(`${showAddress(url)}: ${error.message}; trying the next mirror`);
    }
  }
  if (part.bytes === 0) await part.remove();
  throw explainMirrors(asking.name, said, otherwise);
}

function explainMirrors(
  name: string,
  said: { url: URL; error: MirrorError }[],
  otherwise?: string,
): Failure {
  const isWrong = said.every(({ error }) => error.problem === "wrong");
  const isUntrusted = said.some(({ error }) => error.problem === "untrusted");
  const lines = said.map(({ url, error }) => `${showAddress(url)}: ${error.message}`);
  const [only, ...others] = lines;
  return new Failure(
    isWrong ? 2 : 3,
    `Cannot download ${name}: ${others.length === 0 ? only : `none of ${lines.length} mirrors gave it`}`,
    {
      problems: others.length === 0 ? [] : lines.map((message) => ({ message })),
      remedy: [isUntrusted ? TRUST : isWrong ? CHECK : remedyForNetwork(), otherwise]
        .filter((remedy) => remedy !== undefined).join("; or "),
    },
  );
}

const TRUST = "If a private certificate authority vouches for it, name its certificates in PEM: " +
  "SSL_CERT_FILE=/path/to/ca.pem";

const CHECK = "Compare address, hash and size with what the authors of the file publish";

function remedyForNetwork(): string {
  const proxies = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  const set = proxies.find((variable) => Deno.env.get(variable));
  return `Check the network${set === undefined ? "" : ` and the proxy that ${set} names`} and try again`;
}

/** What the system says about the target's folder, in a user's terms. */
function explain(error: unknown, { name }: DownloadRequest, target: string): unknown {
  const isOfSystem = error instanceof Error && (error as { code?: string }).code !== undefined;
  if (error instanceof Failure || !isOfSystem) return error;
  return new Failure(3, `Cannot download ${name} to ${dirname(target)}: ${error.message}`);
}
