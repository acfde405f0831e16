#!/bin/sh
# Put on PATH by `deno task machine`: enters the tree in a mount namespace of its own and becomes its apptainer.
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
  *)
    # A folder that is new since the tree was made has no place in it yet, and only root can make one.
    if [ -d "$path" ] && [ ! -d "$tree$path" ] && [ -w "$tree" ]; then mkdir "$tree$path"; fi
    if [ -d "$path" ] && [ -d "$tree$path" ]; then mount --rbind "$path" "$tree$path"; fi
    ;;
  esac
done
for name in hosts resolv.conf passwd group; do mount --bind "/etc/$name" "$tree/etc/$name"; done
cd "$tree"
pivot_root . mnt
umount -l /mnt
cd "$here"
exec setpriv --inh-caps=-all --ambient-caps=-all /usr/bin/apptainer "$@"
