/** Completions for fish: https://fishshell.com/docs/current/completions.html */

import { COMMANDS, type CompletedOption, type CompletedTask, quoted } from "./completed_task.ts";

const [COMMAND, ALIAS] = COMMANDS;

/** A script that fish reads when it starts. */
export function fish(tasks: CompletedTask[]): string {
  return `# Completions of ${COMMANDS.join(" and ")} for fish.
function __gpu_jupyter_tasks_at
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = $argv[1]
end
function __gpu_jupyter_tasks_experiments
    for file in experiments/*/experiment.yaml
        string split / $file | sed -n 2p
    end
end
complete -c ${ALIAS} -w ${COMMAND}
${tasks.flatMap(linesOf).join("\n")}
`;
}

function linesOf({ name, description, options, words, experiments }: CompletedTask): string[] {
  const first = `complete -c ${COMMAND} -n 'test (count (commandline -opc)) -eq 1' -f`;
  const here = `complete -c ${COMMAND} -n '__gpu_jupyter_tasks_at ${name}'`;
  return [
    `${first} -a ${name} -d ${fishQuoted(description)}`,
    ...options.map((option) => `${here} ${optionOf(option)}`),
    ...(words.length > 0 ? [`${here} -f -a ${quoted(words.join(" "))}`] : []),
    ...(experiments ? [`${here} -a '(__gpu_jupyter_tasks_experiments)'`] : []),
  ];
}

function optionOf({ long, short, help, value, choices }: CompletedOption): string {
  const names = [`-l ${long}`, ...(short === undefined ? [] : [`-s ${short}`])].join(" ");
  const values = value === undefined
    ? ""
    : choices.length > 0
    ? ` -x -a ${quoted(choices.join(" "))}`
    : " -r";
  return `${names}${values} -d ${fishQuoted(help)}`;
}

/** In single quotes, fish reads a backslash before a quote or another one. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
