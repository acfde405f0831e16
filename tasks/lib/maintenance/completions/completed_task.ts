/** What shells know of a task. */

export interface CompletedTask {
  name: string;
  description: string;
  options: CompletedOption[];
  /** What an argument may be, e.g. `verify`. */
  words: string[];
  /** Whether an argument may be the name of an experiment in experiments/. */
  experiments: boolean;
}

export interface CompletedOption {
  long: string;
  short?: string;
  help: string;
  /** Name of its value, without which it is a switch. */
  value?: string;
  /** What the value may be; any text, or a file, if none is given. */
  choices: readonly string[];
}

/** The commands that the packages install. */
export const COMMANDS = ["gpu-jupyter-tasks", "gjt"] as const;

/** How an option is typed. */
export function spellings({ long, short }: CompletedOption): string[] {
  return [`--${long}`, ...(short === undefined ? [] : [`-${short}`])];
}

/** A text as one word of a shell, which reads nothing in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
