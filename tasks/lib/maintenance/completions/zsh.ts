/** Completions for zsh: https://zsh.sourceforge.io/Doc/Release/Completion-System.html */

import { COMMANDS, type CompletedOption, type CompletedTask, quoted, spellings } from "./completed_task.ts";

/** A file `_gpu-jupyter-tasks` for a folder of $fpath; it may also be read by `source` after `compinit`. */
export function zsh(tasks: CompletedTask[]): string {
  const listed = tasks.map(({ name, description }) => quoted(`${escaped(name)}:${description}`));
  return `#compdef ${COMMANDS.join(" ")}
# Completions of ${COMMANDS.join(" and ")} for zsh.
_gpu-jupyter-tasks_experiments() {
  local -a names=(experiments/*/experiment.yaml(N:h:t))
  ((\${#names})) && compadd -a names
  _files
}
_gpu-jupyter-tasks() {
  local -a tasks=(
    ${listed.join("\n    ")}
  )
  if ((CURRENT == 2)); then
    _describe task tasks
    return
  fi
  local task=$words[2]
  shift words
  ((CURRENT--))
  case $task in
${tasks.map(caseOf).join("\n")}
    *) _files ;;
  esac
}
if [[ $funcstack[1] == _gpu-jupyter-tasks ]]; then _gpu-jupyter-tasks "$@"; else compdef _gpu-jupyter-tasks ${
    COMMANDS.join(" ")
  }; fi
`;
}

function caseOf({ name, options, words, experiments }: CompletedTask): string {
  const fixed = words.length > 0 ? `compadd -- ${words.join(" ")}` : "";
  const others = experiments ? "_gpu-jupyter-tasks_experiments" : fixed === "" ? "_files" : "";
  const argument = `{${[fixed, others].filter(Boolean).join("; ")}}`;
  const all = [...options.flatMap(optionOf), quoted(`*:argument:${argument}`)];
  return `    ${name}) _arguments ${all.join(" ")} ;;`;
}

function optionOf(option: CompletedOption): string[] {
  const { help, value, choices } = option;
  return spellings(option).map((spelling) => {
    const assigned = value !== undefined && spelling.startsWith("--") ? "=" : "";
    const action = choices.length > 0 ? `(${choices.join(" ")})` : "_files";
    const taken = value === undefined ? "" : `:${escaped(value)}:${action}`;
    return quoted(`*${spelling}${assigned}[${help.replaceAll(/[[\]\\]/g, "\\$&")}]${taken}`);
  });
}

/** Colons part what zsh reads. */
function escaped(text: string): string {
  return text.replaceAll(":", "\\:");
}
