#!/bin/sh
# Puts the packages that the tasks import into Deno's cache, while an image is built: those in the folder, as
# `deno task build` leaves them there, else from the network. Where neither has them the image is built all the same,
# and the tasks fetch them when they are first used.
# Usage: DENO_DIR=CACHE cache_imports.sh FOLDER   (with deno.json, deno.lock, and npm/ if it is there)
set -eu
mkdir -p "$DENO_DIR"
cd "$1"
if [ -d npm ]; then cp -R npm "$DENO_DIR"; fi
if [ -f deno.json ] &&
  ! deno install --quiet --frozen --cached-only 2>/dev/null &&
  ! timeout 120 deno install --frozen; then
  echo "note: what the tasks import can't be fetched here, so their first use in this image needs a network;" \
    "where there is one, deno task build --download-wheels puts it into wheelhouse/" >&2
fi
# Everybody may read it, and group 100 add to it.
chmod -R g+rwX,a+rX "$DENO_DIR"
find "$DENO_DIR" -type d -exec chmod g+s {} +
