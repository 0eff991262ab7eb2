#!/bin/sh
# Makes an account for a Front Office and prints it with its token, on a fresh checkout and beside a running service.
#
#   contrib/create_client.sh NAME [TOKEN]
#
# A token of your own is better given in STATS_CLIENT_TOKEN, where no history keeps it.
# The environment says which database, as for contrib/start.sh, or else /etc/monarc-stats.toml, if that is there.
set -eu
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ "$1" = --help ]; then
  echo "Usage: $0 NAME [TOKEN]    (or the token in STATS_CLIENT_TOKEN)" >&2
  exit 2
fi
if [ -n "${2:-}" ]; then
  # Everybody on the machine can read arguments, and installing may take a while: the token moves out of sight at once.
  STATS_CLIENT_TOKEN=$2 exec sh "$0" "$1"
fi
here=$(dirname -- "$(readlink -f -- "$0")")
. "$here/_env.sh"

prepare requirements.lock
cd "$root"
# Else the account would be made in another database than that of the service that contrib/systemd has set up here.
if [ -z "${STATS_CONFIG:-}${DATABASE_URL:-}${DB_HOSTNAME:-}" ] && [ -e /etc/monarc-stats.toml ]; then
  export STATS_CONFIG=/etc/monarc-stats.toml
  say "The settings are those in $STATS_CONFIG."
fi
exec "$venv/bin/stats-service" client create "--name=$1"
