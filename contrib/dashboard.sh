#!/bin/sh
# Opens the terminal dashboard; what is missing is installed first. Arguments go to `stats-tui`.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
. "$here/_env.sh"

prepare requirements.lock
exec "$venv/bin/stats-tui" "$@"
