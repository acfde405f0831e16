#!/usr/bin/env bash
# Puts a real Apptainer on PATH of a Debian machine whose release has no package of it: the program of Debian's
# development tree, started in that tree with this machine's folders in their places. Works for root and for users, as
# an installation without setuid does. Needs root and mmdebstrap (apt install mmdebstrap); does nothing twice.
# Usage: test/support/apptainer.sh
set -euo pipefail

if apptainer --version >/dev/null 2>&1; then exit 0; fi
tree=/opt/apptainer-tree
if [ ! -e "$tree/ready" ]; then
  rm -rf "$tree"
  # The dates of what a mirror holds of that tree may have run out.
  mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --include=apptainer,squashfuse,ca-certificates sid "$tree"
  for path in /*; do
    if [ -d "$path" ]; then mkdir -p "$tree$path"; fi
  done
  for name in hosts resolv.conf passwd group; do touch "$tree/etc/$name"; done
  chmod 755 "$tree"
  touch "$tree/ready"
fi
# As it is where udev is at work: SIF files are mounted through it.
if [ -c /dev/fuse ]; then chmod 666 /dev/fuse; fi

cat >/usr/local/bin/apptainer <<'WRAPPER'
#!/bin/sh
# Made by test/support/apptainer.sh: enters the tree in a mount namespace of its own and becomes its apptainer.
set -eu
tree=/opt/apptainer-tree
if [ "${1-}" != --inside ]; then
  if [ "$(id -u)" = 0 ]; then exec unshare --mount "$0" --inside "$@"; fi
  exec unshare --user --map-current-user --keep-caps --mount "$0" --inside "$@"
fi
shift
here=$PWD
# One mount and not several: apptainer finds its files by the path that it has in the file system it is in.
mount --rbind "$tree" "$tree"
for path in /* /var/tmp; do
  case $path in
  /usr | /etc | /var | /bin | /sbin | /lib*) ;;
  *) if [ -d "$path" ] && [ -d "$tree$path" ]; then mount --rbind "$path" "$tree$path"; fi ;;
  esac
done
for name in hosts resolv.conf passwd group; do mount --bind "/etc/$name" "$tree/etc/$name"; done
cd "$tree"
pivot_root . mnt
umount -l /mnt
cd "$here"
exec setpriv --inh-caps=-all --ambient-caps=-all /usr/bin/apptainer "$@"
WRAPPER
chmod 755 /usr/local/bin/apptainer
apptainer --version
