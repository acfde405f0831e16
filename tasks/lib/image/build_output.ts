/** What `docker build` prints: its steps, for the progress line, and why it failed. */

import { stripVTControlCharacters } from "node:util";
import { Failure } from "../cli/failure.ts";

/** Lines of a failed step that are shown; the log has all. */
const SHOWN = 6;

/** Podman writes the stage before it, and the step in capitals. */
const CLASSIC_STEP = /^(?:\[\d+\/\d+\] )?STEP (\d+\/\d+) ?: (.*)$/i;

const BUILDKIT_STEP = /^#\d+ \[(?:\S+ )?(\d+\/\d+)\] (.*)$/;

/** BuildKit runs stages side by side and so repeats at the end which step failed, and its last lines. */
const BUILDKIT_FAILED = /^ > \[(?:\S+ )?(\d+\/\d+)\] (.*):$/;

/** What the builders themselves say, which is not the step's own output. */
const CHATTER =
  /^(?: ---> |executor failed|failed to solve|Removing intermediate|The command '|ERROR: failed to |DEPRECATED|-{5,}|>>> |\s*\d+ \| |$)|^#\d+ (?:ERROR|DONE|CACHED|sha256)/;

/** What install_packages.py and pip say while they work. */
const INSTALLS =
  /Installing from (?:\d+ wheels|the package index)|Collecting \S+|Requirement already satisfied/;

export class BuildOutput {
  #step = "";
  #own: string[] = [];
  #complaint = "";
  /** Packages were installed, and not taken from an earlier build. */
  installed = false;
  readonly #file: Deno.FsFile;

  /** @param log file that gets every line */
  constructor(readonly log: string, readonly progress: (line: string) => void) {
    this.#file = Deno.openSync(log, { append: true, create: true });
  }

  /** @param coloured the classic builder colours what a step wrote to standard error, whatever NO_COLOR says */
  line(coloured: string) {
    const line = stripVTControlCharacters(coloured);
    this.#file.writeSync(new TextEncoder().encode(`${line}\n`));
    const step = CLASSIC_STEP.exec(line) ?? BUILDKIT_STEP.exec(line) ?? BUILDKIT_FAILED.exec(line);
    if (step !== null) {
      this.#step = `step ${step[1]}: ${tidy(step[2] ?? "")}`;
      this.#own = [];
    } else if (!CHATTER.test(line)) {
      this.#own = [...this.#own, line.replace(/^#\d+ (?:[\d.]+ )?/, "")].slice(-SHOWN);
    }
    if (INSTALLS.test(line)) this.installed = true;
    if (/returned a non-zero code|failed to solve|^Error|^unable to/i.test(line)) this.#complaint = line;
    this.progress(this.#step || line);
  }

  close() {
    this.#file.close();
  }

  failure(image: string, code: number): Failure {
    const where = this.#step === ""
      ? this.#complaint || `docker build ended with exit code ${code}`
      : this.#step;
    return new Failure(1, `Cannot build ${image}: ${where}`, {
      problems: this.#own.map((message) => ({ message })),
      remedy: remedy(this.#own.join("\n")),
      log: this.log,
    });
  }
}

function tidy(command: string): string {
  const short = command.replace(/\s+/g, " ").trim();
  return short.length > 80 ? `${short.slice(0, 79)}…` : short;
}

function remedy(output: string): string | undefined {
  if (/CERTIFICATE_VERIFY_FAILED|self.signed certificate|SSLError/i.test(output)) {
    return "Where the site has a certificate authority of its own, build from a wheelhouse: " +
      "deno task build --download-wheels";
  }
  if (/Could not find a version|No matching distribution/.test(output)) {
    return "If it builds from a wheelhouse, fill it again: deno task build --download-wheels";
  }
  if (/no space left on device/i.test(output)) return "Free some space: docker system df shows what takes it";
}
