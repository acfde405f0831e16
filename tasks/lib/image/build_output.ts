/** What `docker build` prints: its steps, for the progress line, and why it failed. */

import { stripVTControlCharacters } from "node:util";
import { Failure } from "../cli/failure.ts";

/** Lines of a failed step that are shown; the log has all. */
const SHOWN = 6;

/** Podman writes the stage before it, and the step in capitals. Groups of this and the next two: stage, step, command. */
const CLASSIC_STEP = /^(\[\d+\/\d+\] )?STEP (\d+\/\d+) ?: (.*)$/i;

const BUILDKIT_STEP = /^#\d+ \[(\S+ )?(\d+\/\d+)\] (.*)$/;

/** BuildKit runs stages side by side and so repeats at the end which step failed. */
const BUILDKIT_FAILED = /^ > \[(\S+ )?(\d+\/\d+)\] (.*):$/;

const BUILDKIT_NUMBER = /^#(\d+) /;

/** What the builders themselves say, which is not the step's own output. */
const CHATTER =
  /^(?: ---> |executor failed|failed to solve|Removing intermediate|The command '|ERROR: failed to |DEPRECATED|-{5,}|>>> |\s*\d+ \| |$)|^#\d+ (?:ERROR|DONE|CACHED|sha256)/;

/** What pip says of a package that it gets from somewhere, and of one that is there. */
const GETS = /(?:^|\s)(?:Collecting|Downloading|Processing) \S+/;

const IS_THERE = /Requirement already satisfied/;

export class BuildOutput {
  #step = "";
  /** BuildKit's numbers of the steps, by how it shows them: it runs stages side by side and mixes what they say. */
  readonly #numbers = new Map<string, string>();
  /** The last own lines of each step by its number, which the classic builder and Podman have not. */
  readonly #said = new Map<string, string[]>();
  #current = "";
  #failed = false;
  #complaint = "";
  /** Where packages came from: installed now, all there in the base; `undefined` where an earlier build had the step. */
  packages?: "installed" | "in the base";
  readonly #file: Deno.FsFile;

  /** @param log file that gets every line */
  constructor(readonly log: string, readonly progress: (line: string) => void) {
    this.#file = Deno.openSync(log, { append: true, create: true });
  }

  /** @param coloured the classic builder colours what a step wrote to standard error, whatever NO_COLOR says */
  line(coloured: string) {
    const line = stripVTControlCharacters(coloured);
    this.#file.writeSync(new TextEncoder().encode(`${line}\n`));
    if (!this.#failed) this.#read(line);
    if (GETS.test(line)) this.packages = "installed";
    else if (IS_THERE.test(line)) this.packages ??= "in the base";
    if (/returned a non-zero code|failed to solve|^Error|^unable to/i.test(line)) this.#complaint = line;
    if (this.#step !== "") this.progress(this.#step);
    else if (!/^#\d+ /.test(line)) this.progress(line);
  }

  #read(line: string) {
    const failed = BUILDKIT_FAILED.exec(line);
    const step = failed ?? CLASSIC_STEP.exec(line) ?? BUILDKIT_STEP.exec(line);
    const [, number = ""] = BUILDKIT_NUMBER.exec(line) ?? [];
    if (step === null) {
      if (CHATTER.test(line)) return;
      const own = line.replace(/^#\d+ (?:[\d.]+ )?/, "");
      this.#said.set(number, [...this.#said.get(number) ?? [], own].slice(-SHOWN));
      return;
    }
    const shown = step.slice(1).join(" ");
    if (failed === null && number === "") this.#said.delete("");
    if (failed === null) this.#numbers.set(shown, number);
    this.#step = `step ${step.at(-2)}: ${tidy(step.at(-1) ?? "")}`;
    this.#current = failed === null ? number : this.#numbers.get(shown) ?? "";
    // What follows repeats the lines, or not, by the builder's version, and shows the Dockerfile.
    this.#failed = failed !== null;
  }

  close() {
    this.#file.close();
  }

  failure(image: string, code: number): Failure {
    const where = this.#step === ""
      ? this.#complaint || `docker build ended with exit code ${code}`
      : this.#step;
    const own = this.#said.get(this.#current) ?? [];
    return new Failure(1, `Cannot build ${image}: ${where}`, {
      problems: own.map((message) => ({ message })),
      remedy: remedy(own.join("\n")),
      log: this.log,
    });
  }
}

/** The command itself: folders that the builder mounts for it are ours. */
function tidy(command: string): string {
  const short = command.replace(/\s+/g, " ").replace(/^RUN (?:--\S+ )+/, "RUN ").trim();
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
