# Read by the scripts beside it, which set `here`: makes the checkout's own virtual environment, .venv.
# shellcheck shell=sh disable=SC2154

root=$(dirname -- "$here")
venv=$root/.venv
unfinished=$root/.venv.unfinished

# say LINE...: a message on standard error, where it mixes with no command's output.
say() {
  printf '%s\n' "$@" >&2
}

# prepare LOCK: sees to it that .venv holds what LOCK pins and the checkout itself, which takes no time where it does.
# Two that run at once wait for each other. One that is interrupted leaves a mark, and the next one starts afresh.
prepare() {
  ready "$1" && return
  python=$(find_python)
  exec 9>"$root/.venv.lock"
  # The lock stays with this shell's descriptor when Python ends. (flock(1) is not on every machine.)
  "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
  ready "$1" || install "$1"
  exec 9>&-
}

# find_python: prints the first Python that is new enough. Where PYTHON names one, it is that or none.
find_python() {
  if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
  else
    set -- python3 python3.14 python3.13 python3.12 python3.11
  fi
  for candidate; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  say "Python 3.11 or newer is needed, and ${PYTHON:-python3} is older or missing." \
    "Install one, or name one that is there: PYTHON=/path/to/python3.12 $0"
  return 1
}

# ready LOCK: whether .venv is whole and was last brought up to date from LOCK as it is now.
ready() {
  [ ! -e "$unfinished" ] && [ "$(cat "$venv/$1.installed" 2>/dev/null)" = "$(fingerprint "$1")" ]
}

# fingerprint LOCK: what .venv depends on. (It survives neither a move nor another Python.)
fingerprint() {
  printf '%s\n' "$root"
  "$venv/bin/python" --version 2>&1
  cksum <"$root/$1"
  cksum <"$root/pyproject.toml"
}

# install LOCK: in place where there is a .venv already, since a running service may be using it.
install() {
  say "Installing what $1 pins into $venv ..."
  if [ -e "$unfinished" ] || ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    : >"$unfinished"
    make_venv
  fi
  : >"$unfinished"
  rm -f "$venv"/*.installed
  pip_install --require-hashes --requirement "$root/$1"
  pip_install --no-deps --no-build-isolation --editable "$root"
  # What tests need includes, at the same versions, what the service needs.
  for lock in "$1" requirements.lock; do
    fingerprint "$lock" >"$venv/$lock.installed"
  done
  rm "$unfinished"
}

pip_install() {
  "$venv/bin/python" -I -m pip install --quiet --no-input --disable-pip-version-check "$@" >&2
}

make_venv() {
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    say "$python cannot make virtual environments: it lacks venv or ensurepip." \
      "Debian and Ubuntu have them in a package of their own: apt-get install python3-venv"
    return 1
  fi
  "$python" -m venv --clear "$venv" >&2
}
