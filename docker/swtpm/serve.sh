#!/usr/bin/env bash
# Runs warder with its signing key in a software TPM; makes TPM, home and keys the first time.
#
#   docker/swtpm/serve.sh DIRECTORY [WARDER ARGUMENTS]
#
# Needs `warder` on the path. The home is WARDER_HOME.
set -euo pipefail

directory=${1:?usage: serve.sh DIRECTORY [WARDER ARGUMENTS]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
socket="$directory/tpm.sock"
"$here/make-tpm.sh" "$directory/state" >&2
"$here/start-tpm.sh" "$directory/state" "$socket" >&2 &
for _ in $(seq 100); do
  [ ! -S "$socket" ] || break
  sleep 0.05
done
warder init --key "tpm2:handle=0x81020001?socket=$socket&auth-source=$directory/auth" >&2
exec warder "${@:-serve}"
