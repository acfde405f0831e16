#!/bin/sh
# Runs the task that this program is called by: `docker run IMAGE reproduce`, which is `gjt reproduce`.
# In place of itself, so that signals reach the task and its exit code is the container's.
# A mounted project, or a folder inside it, is meant where one is the working directory; else the one in the image.
set -eu
task=${0##*/}
case $task in
gjt | gpu-jupyter-tasks)
  [ $# -gt 0 ] || set -- help
  task=$1
  shift
  ;;
esac
is_project() { [ -f "$1/experiment.yaml" ] || [ -d "$1/experiments" ] || [ -e "$1/.git" ]; }
project=$PWD
while [ "$project" != / ] && ! is_project "$project"; do project=$(dirname "$project"); done
if [ "$project" = / ]; then
  cd /home/jovyan/work
  project=$PWD
fi
# A checkout of the task runner runs its own tasks.
if [ -f "$project/tasks/lib/system/product.ts" ] && [ -f "$project/deno.json" ]; then
  exec deno task --quiet "$task" "$@"
fi
export EXPERIMENT_PROGRAM=gjt
exec deno task --quiet --config /opt/experiment/deno.json "$task" "$@"
