/** Running pip or uv: with the user's settings for packages and none that would misplace them, logged, and told of. */

import { join } from "node:path";
import { run } from "../system/command.ts";
import { explainInstall, type InstallProblem, InstallProgress } from "./installer_output.ts";
import type { Python } from "./python.ts";
import type { Uv } from "./uv.ts";

/** What the tools' processes share while an environment is made. */
export interface Workplace {
  /** Interpreter that the environment is made from. */
  python: Python;
  /** Folder of the virtual environment; must not be there yet. */
  directory: string;
  /** Folder for what is needed only while installing. */
  scratch: string;
  /** Environment entry, `NAME=value`, by which the tools' processes can be found if this one is killed. */
  mark: string;
  /** File that the tools' whole output is added to. */
  log: string;
  progress: (line: string) => void;
  signal?: AbortSignal;
  /** Addresses of indexes that a lock names beside the standard one. */
  indexes?: string[];
}

/** An installation that failed for a reason that the tool's output tells. */
export class InstallError extends Error {
  constructor(readonly problem: InstallProblem) {
    super(problem.message);
  }
}

/** A closed port or a dead proxy should show within seconds; what the user set goes before. */
const PIP_PATIENCE = { PIP_RETRIES: "2", PIP_DEFAULT_TIMEOUT: "30" };

const UV_PATIENCE = { UV_HTTP_RETRIES: "2", UV_HTTP_TIMEOUT: "30" };

const HEARTBEAT_MS = 10_000;

/** Runs pip or uv, keeps what it prints, and tells how far it is. */
export class Tool {
  readonly progress: InstallProgress;

  private constructor(
    readonly name: string,
    readonly place: Workplace,
    readonly env: Record<string, string>,
    packages: number,
  ) {
    this.progress = new InstallProgress(packages, place.progress);
  }

  /** @param packages how many are to be installed, for "3 of 71 packages" */
  static pip(place: Workplace, packages: number): Tool {
    return new Tool("pip", place, withIndexes({ ...PIP_PATIENCE, ...cleanEnvironment() }, place), packages);
  }

  static async uv({ version }: Pick<Uv, "version">, place: Workplace, packages: number): Promise<Tool> {
    return new Tool(`uv ${version}`, place, withIndexes(await uvEnvironment(place.python), place), packages);
  }

  /** A program that owns a format, such as poetry; `env` is added to what it gets. */
  static other(name: string, place: Workplace, env: Record<string, string> = {}): Tool {
    return new Tool(name, place, { ...cleanEnvironment(), ...env }, 0);
  }

  /** A folder of wheels or an index is configured beside or in place of the standard one. */
  get hasOwnSources(): boolean {
    const { UV_FIND_LINKS, UV_INDEX, UV_EXTRA_INDEX_URL, UV_NO_INDEX } = this.env;
    return Boolean(UV_FIND_LINKS || UV_INDEX || UV_EXTRA_INDEX_URL || UV_NO_INDEX);
  }

  /**
   * @param wanted what it is asked for, for the message
   * @throws InstallError if the exit code is not 0
   */
  async must(argv: string[], wanted?: string): Promise<string> {
    const { code, output } = await this.try(argv);
    if (code !== 0) throw new InstallError(this.explain(output, wanted));
    return output;
  }

  /**
   * What a program prints to its standard output.
   *
   * @throws InstallError if the exit code is not 0
   */
  async printed(argv: string[], wanted?: string): Promise<string> {
    const { code, output, stdout } = await this.try(argv);
    if (code !== 0) throw new InstallError(this.explain(output, wanted));
    return stdout;
  }

  /** @param endAt a line at which the program is ended, since what it would do next is not wanted */
  async try(
    argv: string[],
    endAt?: (line: string) => boolean,
  ): Promise<{ code: number; output: string; stdout: string; endedAt?: string }> {
    const { log, signal, mark, progress } = this.place;
    const [name = "", value = ""] = mark.split("=");
    using file = await Deno.open(log, { append: true, create: true });
    const write = (line: string) => file.writeSync(new TextEncoder().encode(line + "\n"));
    write(`$ ${argv.join(" ")}`);
    const started = performance.now();
    let spoken = started;
    let endedAt: string | undefined;
    const ending = new AbortController();
    // A large file may take minutes without a line from pip.
    const heartbeat = setInterval(() => {
      if (performance.now() - spoken < HEARTBEAT_MS) return;
      const seconds = Math.round((performance.now() - started) / 1000);
      progress(`${this.progress.last || "waiting for the package index"} (${seconds} s)`);
    }, HEARTBEAT_MS);
    try {
      const finished = await run(argv, {
        env: { ...this.env, [name]: value },
        clearEnv: true,
        keep: "all",
        signal: AbortSignal.any([ending.signal, ...signal === undefined ? [] : [signal]]),
        onLine: (line) => {
          spoken = performance.now();
          if (endedAt === undefined && endAt?.(line)) {
            endedAt = line;
            ending.abort();
          }
          write(line);
          this.progress.line(line);
        },
      });
      signal?.throwIfAborted();
      const { code, stdout, stderr } = finished;
      return { code, output: stdout + stderr, stdout, endedAt };
    } finally {
      clearInterval(heartbeat);
    }
  }

  explain(output: string, wanted = "the packages"): InstallProblem {
    const { version } = this.place.python;
    return explainInstall(output + this.#addresses(), {
      installer: this.name,
      machine: `Python ${version} on ${Deno.build.os} ${Deno.build.arch}`,
      wanted,
    });
  }

  /** pip names the host that it could not reach only in its detailed log. */
  #addresses(): string {
    try {
      const text = Deno.readTextFileSync(join(this.place.scratch, "pip.txt"));
      return "\n" + (text.match(/Could not fetch URL .*/g)?.at(-1) ?? "");
    } catch {
      return "";
    }
  }
}

/** Would send packages elsewhere, or import foreign modules. */
const HARMFUL = [
  ...["PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV"],
  ...["VIRTUAL_ENV", "UV_SYSTEM_PYTHON", "UV_PYTHON"],
];

function cleanEnvironment(): Record<string, string> {
  const env = Deno.env.toObject();
  for (const name of HARMFUL) delete env[name];
  return env;
}

/** A lock's hashes hold whichever index a file comes from. */
function withIndexes(env: Record<string, string>, { indexes = [] }: Workplace): Record<string, string> {
  if (indexes.length === 0) return env;
  const added = (name: string) => [env[name] ?? "", ...indexes].join(" ").trim();
  return {
    ...env,
    PIP_EXTRA_INDEX_URL: added("PIP_EXTRA_INDEX_URL"),
    UV_INDEX: added("UV_INDEX"),
    UV_INDEX_STRATEGY: "unsafe-best-match",
  };
}

/** What pip is configured to use, handed on to uv, which reads none of it; what is set for uv goes before. */
async function uvEnvironment(python: Python): Promise<Record<string, string>> {
  const pip = await pipSettings(python);
  const list = (name: string, separator: string) => pip[name]?.split(/\s+/).filter(Boolean).join(separator);
  const handedOn: Record<string, string | undefined> = {
    UV_DEFAULT_INDEX: pip["index-url"],
    UV_INDEX: list("extra-index-url", " "),
    // pip looks for the best version everywhere; uv would stop at the first index that has the name.
    UV_INDEX_STRATEGY: pip["extra-index-url"] && "unsafe-best-match",
    UV_FIND_LINKS: list("find-links", ","),
    UV_NO_INDEX: pip["no-index"] && /^(?:1|true|yes|on)$/i.test(pip["no-index"]) ? "1" : undefined,
    UV_INSECURE_HOST: list("trusted-host", " "),
    SSL_CERT_FILE: pip["cert"],
  };
  const settings = Object.entries(handedOn).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return { ...UV_PATIENCE, ...Object.fromEntries(settings), ...cleanEnvironment() };
}

/** pip's settings from its files and variables, e.g. `{ "find-links": "/wheels" }`. */
async function pipSettings(python: Pick<Python, "path">): Promise<Record<string, string>> {
  const { code, stdout } = await run([python.path, "-m", "pip", "config", "list"], {
    env: cleanEnvironment(),
    clearEnv: true,
    timeoutMs: 20_000,
  });
  return parsePipSettings(code === 0 ? stdout : "", Deno.env.toObject());
}

/** Reads `pip config list`; the variables are read as well, for a Python without pip. */
export function parsePipSettings(listed: string, env: Record<string, string>): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const line of listed.split("\n")) {
    const match = /^(?:global|install)\.([\w-]+)=(['"])(.*)\2$/.exec(line.trim());
    if (match) settings[match[1] ?? ""] = (match[3] ?? "").replaceAll("\\n", " ").trim();
  }
  for (const [name, value] of Object.entries(env)) {
    const match = /^PIP_([A-Z_]+)$/.exec(name);
    if (match && value !== "") settings[(match[1] ?? "").toLowerCase().replaceAll("_", "-")] = value;
  }
  return settings;
}
