#!/bin/sh
# Becomes the task that the command line names, with this package's Deno and with the permissions that product/deno.json
# declares for it; without a task's name, the list of tasks. Node would take longer to start than the task.
set -euf
here=$(readlink -f "$0")
here=${here%/*}
case "$#:${1-}" in 1:-h | 1:--help) shift ;; esac
command_of() {
  found=
  while IFS= read -r line; do
    case $line in
    "    \"$1\": {") found=1 ;;
    '      "command": "deno '*'"') [ -z "$found" ] || { line=${line#*'"deno '} && echo "${line%\"}" && return; } ;;
    esac
  done <"$here/product/deno.json"
}
words=$(command_of "${1-}")
if [ -n "$words" ]; then shift; else words=$(command_of help); fi
for deno in "$here/node_modules/deno/deno" "$here/../deno/deno"; do [ ! -x "$deno" ] || break; done
[ -x "$deno" ] || deno=$(cd "$here" && node -p 'require("deno/install_api.cjs").runInstall()')
export INIT_CWD="$PWD" EXPERIMENT_PROGRAM="${0##*/}"
if [ "${npm_command-}" = exec ]; then EXPERIMENT_PROGRAM="npx gpu-jupyter-tasks"; fi
# shellcheck disable=SC2086 # words of a file of this package
exec "$deno" ${words% *} --config "$here/product/deno.json" "$here/product/${words##* }" "$@"
