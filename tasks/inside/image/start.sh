#!/bin/bash
# Entry point of the CPU image, with the contract of the Jupyter images that GPU-Jupyter is made from:
# started as root it becomes the user that NB_UID, NB_GID and NB_USER describe; started as any other user it
# changes nothing. Then it runs the given command in place of itself, so that signals reach it.
#
#   NB_UID, NB_GID   ids that files are written with (default 1000 and 100)
#   NB_USER          name of that user; the home stays /home/jovyan
#   GRANT_SUDO       1 or yes: that user may use sudo without a password
#   CHOWN_HOME       1 or yes: give the home folder to that user (CHOWN_HOME_OPTS, e.g. -R)
#   CHOWN_EXTRA      folders to give to that user, separated by commas (CHOWN_EXTRA_OPTS, e.g. -R)
#   NB_UMASK         umask of the command, e.g. 002
#   NB_GROUP         name of the group NB_GID
#   JUPYTER_ENV_VARS_TO_UNSET   variables that the command does not get, separated by commas
#
# What it can't do of that contract is refused by its name, and not ignored: GEN_CERT above all, where TLS was asked for.
set -euo pipefail

HOME_FOLDER=/home/jovyan
SHARED_GROUP=100 # owns the Python environment and the home folder

say() { printf 'start.sh: %s\n' "$*" >&2; }

refuse() {
  say "$*"
  exit 2
}

refuse_unknown() {
  # The contract goes by its presence: whatever it says, TLS is expected.
  if [[ -n "${GEN_CERT+set}" ]]; then
    refuse "GEN_CERT: this image makes no certificate; mount one, and say so: NOTEBOOK_ARGS='--certfile=FILE --keyfile=FILE'"
  fi
  if is_yes "${RESTARTABLE:-}"; then refuse "RESTARTABLE: this image restarts nothing; docker run --restart does"; fi
  case "${DOCKER_STACKS_JUPYTER_CMD:-lab}" in
  lab | server) ;;
  *) refuse "DOCKER_STACKS_JUPYTER_CMD must be lab or server, current value is \"$DOCKER_STACKS_JUPYTER_CMD\"" ;;
  esac
  local folder
  for folder in /usr/local/bin/start-notebook.d /usr/local/bin/before-notebook.d; do
    if [[ -n "$(ls -A "$folder" 2>/dev/null)" ]]; then refuse "$folder: this image runs no hooks"; fi
  done
}

UNSET=(JUPYTER_ENV_VARS_TO_UNSET)

read_unset() {
  local -a names=()
  IFS=, read -r -a names <<<"${JUPYTER_ENV_VARS_TO_UNSET:-}"
  local name
  for name in "${names[@]}"; do
    [[ "$name" =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || refuse "JUPYTER_ENV_VARS_TO_UNSET names no variable: \"$name\""
    UNSET+=("$name")
  done
}

# Last of all: what is to be kept from the command may still say here what user it runs as.
become() {
  unset "${UNSET[@]}"
  exec "$@"
}

is_yes() { [[ "${1:-}" == 1 || "${1:-}" == yes ]]; }

check_id() {
  [[ "$2" =~ ^[0-9]+$ ]] || refuse "$1 must be a number, current value is \"$2\""
}

need_etc() {
  [[ -w /etc/passwd && -w /etc ]] ||
    refuse "$1 needs a writable /etc: without --read-only, or start it as that user: --user UID:GID"
}

# The entry is written anew, since usermod would walk through the home folder, and so through every bind mount in
# it, to give files away. The id may be one that the image has already.
make_user() {
  local name=$1 uid=$2 gid=$3
  [[ "$name" =~ ^[a-z_][a-z0-9_.-]*$ ]] || refuse "NB_USER must be a user name, current value is \"$name\""
  if [[ -n "${NB_GROUP:-}" ]]; then
    need_etc NB_GROUP
    groupadd --force --non-unique --gid "$gid" "$NB_GROUP"
  fi
  local current
  current=$(id -u "$name" 2>/dev/null && id -g "$name") || current=""
  if [[ "$current" == "$uid"$'\n'"$gid" ]]; then return; fi
  need_etc "A user other than jovyan"
  getent group "$gid" >/dev/null || groupadd --gid "$gid" "${name}"
  sed -i '/^jovyan:/d' /etc/passwd /etc/shadow
  if id -u "$name" >/dev/null 2>&1; then refuse "NB_USER is the name of another user, current value is \"$name\""; fi
  # Institutions give out ids that Debian would warn of.
  useradd --key UID_MIN=0 --key UID_MAX=4294967294 --non-unique --no-log-init --no-create-home \
    --home-dir "$HOME_FOLDER" --shell /bin/bash --uid "$uid" --gid "$gid" \
    --groups "$SHARED_GROUP" "$name"
}

give_folders() {
  local uid=$1 gid=$2
  # The options are meant to be several words.
  # shellcheck disable=SC2086
  if is_yes "${CHOWN_HOME:-}"; then chown ${CHOWN_HOME_OPTS:-} "$uid:$gid" "$HOME_FOLDER"; fi
  local -a folders=()
  IFS=, read -r -a folders <<<"${CHOWN_EXTRA:-}"
  local folder
  for folder in "${folders[@]}"; do
    # shellcheck disable=SC2086
    chown ${CHOWN_EXTRA_OPTS:-} "$uid:$gid" "$folder"
  done
}

set_sudo() {
  local file=/etc/sudoers.d/experiment
  rm -f "$file"
  if ! is_yes "${GRANT_SUDO:-}"; then return; fi
  need_etc GRANT_SUDO
  printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$1" >"$file"
  chmod 440 "$file"
}

run_as_user() {
  local name=${NB_USER:-jovyan} uid=${NB_UID:-1000} gid=${NB_GID:-100}
  check_id NB_UID "$uid"
  check_id NB_GID "$gid"
  if [[ "$uid" == 0 ]]; then become "$@"; fi
  make_user "$name" "$uid" "$gid"
  give_folders "$uid" "$gid"
  set_sudo "$name"
  # By name and not by --init-groups: an id that two users share would bring the groups of the other.
  become setpriv --reuid="$uid" --regid="$gid" --groups="$(id -G "$name" | tr ' ' ',')" --inh-caps=-all -- \
    env HOME="$HOME_FOLDER" USER="$name" LOGNAME="$name" SHELL=/bin/bash "$@"
}

run_as_given() {
  local -a ignored=()
  local name
  for name in NB_UID NB_GID NB_USER NB_GROUP CHOWN_HOME CHOWN_EXTRA; do
    if [[ -n "${!name:-}" ]]; then ignored+=("$name"); fi
  done
  if is_yes "${GRANT_SUDO:-}"; then ignored+=(GRANT_SUDO); fi
  if [[ ${#ignored[@]} -gt 0 ]]; then
    say "${ignored[*]} without effect: needs --user root; going on as $(id -u):$(id -g)"
  fi
  # An id without a name: Python's getpass and git ask these before the list of users.
  if ! id -un >/dev/null 2>&1; then export USER=jovyan LOGNAME=jovyan; fi
  export HOME=$HOME_FOLDER
  if [[ ! -w "$HOME" ]]; then
    HOME=$(mktemp -d 2>/dev/null) || refuse "nothing can be written here, not even /tmp: add --tmpfs /tmp"
    say "$HOME_FOLDER is not writable for $(id -u):$(id -g), so HOME is $HOME (--group-add 100 makes it writable)"
  fi
  become "$@"
}

refuse_unknown
read_unset
if [[ -n "${NB_UMASK:-}" ]]; then umask "$NB_UMASK"; fi
if [[ $# -eq 0 ]]; then set -- bash; fi
if [[ "$(id -u)" == 0 ]]; then run_as_user "$@"; else run_as_given "$@"; fi
