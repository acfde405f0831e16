#!/usr/bin/env bash
# Makes debian:bookworm-slim from Debian's packages, for engines that no registry can be pulled to. Needs mmdebstrap
# (apt install mmdebstrap). Does nothing where the image is there already.
# Usage: test/support/base_image.sh [IMAGE]
set -euo pipefail

image=${1:-debian:bookworm-slim}
if docker image inspect "$image" >/dev/null 2>&1; then exit 0; fi
tar=$(mktemp --suffix=.tar)
trap 'rm -f "$tar"' EXIT
mmdebstrap --quiet --variant=minbase bookworm "$tar"
docker import "$tar" "$image" >/dev/null
