#!/bin/sh
# Runs the tests; what they need is installed first. Arguments go to pytest; --long adds the tests that take long.
#
# A DATABASE_URL that begins with postgres:// names a server on which the tests make and drop databases of their own,
# instead of one that they start. HOST is the (loopback) address that the tested services listen on, PORT the first of
# the ports that they may take: a thousand for each of the processes that run tests.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
. "$here/_env.sh"

prepare requirements-dev.lock
cd "$root"
# Three at a time: on two cores, since they wait for processes as much as they work.
exec "$venv/bin/python" -m pytest --numprocesses=3 --dist=loadfile --durations=15 "$@"
