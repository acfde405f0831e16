#!/usr/bin/env bash
# Prepares a Debian machine for the tests with real parts: Docker Engine, Podman with and without root, Apptainer, a
# registry.
# Needs root and Debian's packages; does nothing twice. A part that can't be had is named, and its tests are ignored.
# Usage: test/support/machine.sh
set -euo pipefail

packages=(
  docker.io iptables                                             # Docker Engine
  podman runc netavark aardvark-dns uidmap slirp4netns fuse-overlayfs # Podman
  rootlesskit                                                    # Docker Engine without root, beside the other
  docker-registry                                                # somewhere to push to and pull from
  iproute2                                                       # ss, which says what listens where
  mmdebstrap                                                     # base images without a registry
  chromium fonts-dejavu-core                                     # a browser for the reports
  xz-utils bzip2 openssl                                         # archives to unpack, certificates to distrust
)

missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# A user with other ids than root's and the images', and ids below it for Podman without root.
getent group 5678 >/dev/null || groupadd --gid 5678 experiment-test
getent passwd 1234 >/dev/null || useradd --uid 1234 --gid 5678 --no-create-home experiment-test
# Its network goes through this device.
if [ -c /dev/net/tun ]; then chmod 666 /dev/net/tun; fi

# Podman's own choices want cgroups v2 and the right to raise limits, which a machine inside another one may not have.
if [ ! -e /etc/containers/containers.conf ]; then
  cp "$(dirname "$0")/containers.conf" /etc/containers/containers.conf
fi

# Debian 12 has no Apptainer, so it comes from a tree of a newer Debian.
"$(dirname "$0")/apptainer.sh" || echo "Apptainer can't be had: its tests are ignored" >&2
