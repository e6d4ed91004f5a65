#!/usr/bin/env bash
# Runs warder with its keys in the SoftHSM token of a directory; makes token, home and keys the first time.
#
#   docker/softhsm/serve.sh DIRECTORY [WARDER ARGUMENTS]
#
# Needs `warder` on the path. The home is WARDER_HOME.
set -euo pipefail

directory=${1:?usage: serve.sh DIRECTORY [WARDER ARGUMENTS]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
uri=$("$here/make-token.sh" "$directory")
export SOFTHSM2_CONF="$directory/softhsm2.conf"
warder init --key "$uri" >&2
exec warder "${@:-serve}"
