#!/bin/sh
# Runs the task that this program is called by, in the experiment that the image holds: `docker run IMAGE reproduce`.
# In place of itself, so that signals reach the task and its exit code is the container's.
# A mounted project, or a folder inside it, is meant where one is the working directory.
set -eu
project=$PWD
while [ "$project" != / ] && [ ! -f "$project/deno.json" ]; do project=$(dirname "$project"); done
if [ "$project" = / ]; then cd /home/jovyan/work; fi
exec deno task --quiet "${0##*/}" "$@"
