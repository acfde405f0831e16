/** Completions for bash: https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html */

import { COMMANDS, type CompletedTask, quoted, spellings } from "./completed_task.ts";

/** A script that bash reads; where it knows nothing, bash completes files. */
export function bash(tasks: CompletedTask[]): string {
  return `# Completions of ${COMMANDS.join(" and ")} for bash.
_gpu_jupyter_tasks() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1)) task=\${COMP_WORDS[1]} words= names= file
  # "--engine=docker" is three words.
  if [[ $word == = ]]; then word=; elif [[ \${COMP_WORDS[before]} == = ]]; then before=$((before - 1)); fi
  if ((COMP_CWORD == 1)); then task=; fi
  case $task:\${COMP_WORDS[before]} in
${tasks.flatMap(valuesOf).join("\n")}
    *) case $task in
      '') words=${quoted(tasks.map(({ name }) => name).join(" "))} ;;
${tasks.map(wordsOf).join("\n")}
    esac ;;
  esac
  if [[ -n $names ]]; then
    for file in experiments/*/experiment.yaml; do
      [[ -f $file ]] && file=\${file#*/} && words+=" \${file%/*}"
    done
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _gpu_jupyter_tasks ${COMMANDS.join(" ")}
`;
}

function valuesOf({ name, options }: CompletedTask): string[] {
  return options.filter(({ value }) => value !== undefined).flatMap((option) =>
    spellings(option).map((spelling) =>
      `    ${name}:${spelling}) words=${quoted(option.choices.join(" "))} ;;`
    )
  );
}

function wordsOf({ name, options, words, experiments }: CompletedTask): string {
  const all = options.flatMap(spellings).join(" ");
  const others = experiments
    ? `names=1 words=${quoted(words.join(" "))}`
    : `words=${quoted(words.join(" "))}`;
  return `      ${name}) if [[ $word == -* ]]; then words=${quoted(all)}; else ${others}; fi ;;`;
}
