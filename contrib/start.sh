#!/bin/sh
# Serves the Stats Service from this checkout until it gets SIGTERM or Ctrl-C; what is missing is installed first.
#
#   contrib/start.sh [--demo] [options of `stats-service serve`]
#
# HOST, PORT (127.0.0.1, 5005) and DATABASE_URL (sqlite:///path, postgres://...; without it var/stats.sqlite3 in the
# checkout) are taken from the environment, like all settings. A relative path starts at the checkout.
# --demo fills an empty database with an invented fleet and prints an operator's token; another it serves as it is.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
. "$here/_env.sh"

prepare requirements.lock
cd "$root"
case ${1:-} in
--demo)
  shift
  "$venv/bin/stats-service" demo || [ $? -eq 1 ]
  ;;
-h | --help)
  printf '%s\n' "$0 [--demo] [options]" '' \
    "--demo fills an empty database with an invented fleet first and prints an operator's token." \
    'The options are those of stats-service serve:' ''
  ;;
esac
exec "$venv/bin/stats-service" serve "$@"
