/**
 * Where Slurm's commands are: on this machine, or on a login node that the system's `ssh` reaches. There programs are
 * run, and files go there and come back by `rsync`; who hands runs over need not know which it is.
 */

import { Failure } from "../cli/failure.ts";
import { type Finished, run, type RunOptions, shellQuote } from "../system/command.ts";

/** Runs programs and moves files where the cluster is. */
export interface Login {
  /** The login node; absent where it is this machine. */
  host?: string;
  /**
   * Runs a program to its end. A non-zero exit code is a result, not an error; 127 is that of a program that is not there.
   *
   * @throws NotReached if the connection fails or is lost, Failure(3) if the program can't be started
   */
  run(argv: string[], options?: Pick<RunOptions, "input" | "timeoutMs" | "keep">): Promise<Finished>;
}

/** No answer came, or no whole one: what was asked for may have been done, and what runs there goes on. */
export class NotReached extends Failure {}

/** This machine. */
export const HERE: Login = { run };

/** The login node of that name, or this machine. */
export function loginOf(host: string | undefined): Login {
  return host === undefined ? HERE : { host, run: (argv, options) => runThere(host, argv, options) };
}

/**
 * Nobody is there to answer a question, a host that is not known is not trusted, whatever ~/.ssh/config says, and a
 * connection that is dead is noticed. Keys, ports and jump hosts are that file's.
 */
const OPTIONS = {
  BatchMode: "yes",
  StrictHostKeyChecking: "yes",
  ConnectTimeout: "20",
  ServerAliveInterval: "15",
  ServerAliveCountMax: "3",
  ClearAllForwardings: "yes",
  ForwardAgent: "no",
  ForwardX11: "no",
  PermitLocalCommand: "no",
};

const SSH = ["ssh", "-T", ...Object.entries(OPTIONS).flatMap(([name, value]) => ["-o", `${name}=${value}`])];

/** What ssh itself exits with where it has no connection. */
const NO_CONNECTION = 255;

async function runThere(host: string, argv: string[], options: RunOptions = {}): Promise<Finished> {
  // As somebody who logs in: where a site has Slurm's commands, its profile says.
  const line = shellQuote(["exec", "bash", "-lc", `exec ${shellQuote(argv)}`]);
  const ended = await started("openssh-client", [...SSH, "--", host, line], options);
  if (ended.code === NO_CONNECTION || ended.signal !== undefined) throw notReached(host, ended.stderr);
  return ended;
}

async function started(debian: string, argv: string[], options: RunOptions = {}): Promise<Finished> {
  try {
    return await run(argv, options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(3, `Cannot start "${argv[0]}", by which the cluster's login node is reached`, {
      remedy: `Install it, e.g. apt-get install ${debian}`,
    });
  }
}

function notReached(host: string, said: string): NotReached {
  const lines = said.trim().split("\n").filter((line) => line.trim() !== "");
  const reason = lines.findLast((line) => !/^(rsync|ssh_)/.test(line)) ?? lines.at(-1) ?? "no answer";
  return new NotReached(3, `Cannot reach ${host}: ${reason.trim()}`, { remedy: remedyFor(host, said) });
}

function remedyFor(host: string, said: string): string {
  if (/host key/i.test(said)) {
    return `Log in by hand, ssh ${host}, and compare the key with the one that the site publishes`;
  }
  if (/permission denied|too many authentication/i.test(said)) {
    return `ssh ${host} must work without a question: by a key that ssh-agent holds, or a connection that is open ` +
      "(ControlMaster in ~/.ssh/config)";
  }
  return `Try: ssh ${host} true; what runs there goes on`;
}

/** Most that a copy may take; a connection that is dead is noticed long before. */
const COPY_MS = 6 * 3_600_000;

/** Links that lead out of the folder are not followed, and not made. */
const RSYNC = ["rsync", "--recursive", "--links", "--safe-links", "--times", "--executability", "-s"];

/**
 * Copies files of a folder to a folder of the login node, which is made; files that are there alike are left alone.
 *
 * @param paths relative to the folder; all that is in it without them
 * @throws NotReached if the connection fails or is lost, Failure(3) if something can't be copied
 */
export async function send(host: string, folder: string, to: string, paths?: string[]) {
  await make(host, [to]);
  await copy(host, [`${folder}/`, `${host}:${to}/`], ["--exclude=__pycache__"], paths);
}

/**
 * Copies data to a folder of the login node, as files even where links lead to them. A copy that was cut off goes on where
 * it was.
 *
 * @param paths relative to the folder
 * @throws as {@link send}
 */
export async function sendFiles(host: string, folder: string, to: string, paths: string[]) {
  await make(host, [to]);
  await copy(host, [`${folder}/`, `${host}:${to}/`], ["--copy-links", "--partial"], paths);
}

/**
 * Brings files of a folder of the login node here; what is not there is left out.
 *
 * @param paths relative to the folder; of one that ends in `/` all is brought, and what is not there removed here
 * @throws NotReached if the connection fails or is lost, Failure(3) if something can't be copied
 */
export async function bring(host: string, from: string, folder: string, paths: string[]) {
  if (paths.length === 0) return;
  await copy(
    host,
    [`${host}:${from}/`, `${folder}/`],
    ["--ignore-missing-args", "--delete", "--no-implied-dirs"],
    paths,
  );
}

/** Makes folders there, for nobody else to see. */
export async function make(host: string, folders: string[]) {
  if (folders.length > 0) await must(host, ["sh", "-c", 'umask 077; mkdir -p -- "$@"', "sh", ...folders]);
}

/** Writes a file there. */
export async function write(host: string, path: string, text: string) {
  const input = new TextEncoder().encode(text);
  await must(host, ["sh", "-c", 'umask 077; cat > "$1.new" && mv -- "$1.new" "$1"', "sh", path], input);
}

async function must(host: string, argv: string[], input?: Uint8Array<ArrayBuffer>) {
  const { code, stderr } = await runThere(host, argv, { input });
  if (code === 0) return;
  refuseFull(host, stderr);
  throw new Failure(3, `Cannot write on ${host}: ${stderr.trim().split("\n").at(-1)}`, {
    remedy: "folder: in the cluster's file must name a place where you may write",
  });
}

async function copy(host: string, places: string[], options: string[], paths?: string[]) {
  const { code, signal, stderr } = await started(
    "rsync",
    [
      ...RSYNC,
      ...options,
      ...["-e", SSH.join(" ")],
      ...(paths === undefined ? [] : ["--from0", "--files-from=-"]),
      ...["--", ...places],
    ],
    {
      timeoutMs: COPY_MS,
      ...(paths !== undefined && { input: new TextEncoder().encode(paths.join("\0")) }),
    },
  );
  refuseFull(host, stderr);
  const to = places.at(-1)!;
  if (code === FILE_ERROR && to.startsWith(`${host}:`)) refuseFull(host, await writeError(host, to));
  if (code === 127 || /rsync: (?:command )?not found/.test(stderr)) {
    throw new Failure(3, `Cannot copy from or to ${host}: there is no rsync on it`, {
      remedy: `It must be found without a module: ssh ${host} rsync --version`,
    });
  }
  // Of rsync's codes these are about the connection: protocol, streams, a signal, a timeout.
  if (signal !== undefined || [NO_CONNECTION, 5, 10, 12, 20, 30, 35].includes(code)) {
    throw notReached(host, stderr);
  }
  if (code === 0) return;
  const reason = stderr.trim().split("\n").find((line) => line.trim() !== "") ?? `exit code ${code}`;
  throw new Failure(3, `Cannot copy from or to ${host}: ${reason}`, {
    remedy: `Look at what is there: ssh ${host} 'rsync --version; df -h'`,
  });
}

/** What rsync exits with where a file can't be written; what the other side says of it may get lost. */
const FILE_ERROR = 11;

/** What the system there says of a file of 1 MiB in a folder, which is removed again; nothing if it can be written. */
async function writeError(host: string, to: string): Promise<string> {
  const program = 'f="$1/.room.$$"; head -c 1048576 /dev/zero >"$f"; rm -f -- "$f"';
  return (await runThere(host, ["sh", "-c", program, "sh", to.slice(host.length + 1)])).stderr;
}

/** @throws Failure(3) if a program there has said that a disk is full, or the user's share of it */
function refuseFull(host: string, said: string) {
  const line = said.split("\n").find((line) => /no space left on device|quota exceeded/i.test(line));
  if (line === undefined) return;
  throw new Failure(3, `There is no room on ${host}: ${line.trim()}`, {
    remedy: "Make some, or name a folder on another disk: folder: in the cluster's file",
  });
}
