#!/bin/sh
# Lists what requirements.lock pins: under which licence each package stands, and which vulnerabilities are known of it.
#
#   contrib/audit.sh [options of pip-audit, such as --vulnerability-service osv]
#
# It ends non-zero where a licence is not one of those that go with ours, where a vulnerability is known, and where
# nobody could be asked about a package. It asks PyPI, so .ci/run has no part in it: a good commit would fail some day.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
. "$here/_env.sh"

# As packages write them. A new one fails until somebody has looked at it.
licences="\
Apache License 2.0;Apache Software License;Apache-2.0;Apache-2.0 AND BSD-2-Clause;Apache-2.0 AND MIT;\
Apache-2.0 OR BSD-2-Clause;BSD License;BSD-2-Clause;BSD-3-Clause;BSD-3-Clause AND TCL;MIT;MIT License;\
Mozilla Public License 2.0 (MPL 2.0);PSF-2.0;Python Software Foundation License;Public Domain"

prepare requirements-dev.lock
cd "$root"
# shellcheck disable=SC2046 # a package's name has no blanks
"$venv/bin/pip-licenses" --with-system --order=license --allow-only="$licences" \
  --packages $(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' requirements.lock)
exec "$venv/bin/pip-audit" --strict --disable-pip --requirement=requirements.lock --progress-spinner=off "$@"
