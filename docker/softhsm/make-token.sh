#!/usr/bin/env bash
# Makes a SoftHSM token in a directory of its own, with the files warder needs to use it.
#
#   docker/softhsm/make-token.sh DIRECTORY [LABEL]
#
# DIRECTORY then holds softhsm2.conf (name it in SOFTHSM2_CONF), tokens/, pin (0600, `pin-source` of the key
# URI) and so-pin (0600, the security officer's). A token that is there already is left as it is. The last
# line printed is the key URI for `warder init --key`.
set -euo pipefail

directory=${1:?usage: make-token.sh DIRECTORY [LABEL]}
label=${2:-warder}

for module in "${SOFTHSM2_MODULE:-}" /usr/lib/softhsm/libsofthsm2.so \
  /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so \
  /usr/local/lib/softhsm/libsofthsm2.so; do
  [ -z "$module" ] || [ ! -e "$module" ] || break
done
if ! command -v softhsm2-util > /dev/null || [ ! -e "$module" ]; then
  echo 'error[softhsm]: SoftHSM is not installed' >&2
  echo 'hint: sudo apt-get install softhsm2' >&2
  exit 7
fi

umask 077
mkdir -p "$directory/tokens"
directory=$(cd "$directory" && pwd)
export SOFTHSM2_CONF="$directory/softhsm2.conf"

fresh() {
  od -An -N8 -tx1 /dev/urandom | tr -d ' \n'
}

if [ ! -e "$SOFTHSM2_CONF" ]; then
  cat > "$SOFTHSM2_CONF" << CONF
directories.tokendir = $directory/tokens
objectstore.backend = file
log.level = ERROR
slots.removable = false
CONF
fi
[ -e "$directory/pin" ] || fresh > "$directory/pin"
[ -e "$directory/so-pin" ] || fresh > "$directory/so-pin"
if [ -z "$(ls -A "$directory/tokens")" ]; then
  softhsm2-util --init-token --free --label "$label" \
    --pin "$(cat "$directory/pin")" --so-pin "$(cat "$directory/so-pin")" > /dev/null
fi

echo "pkcs11:token=$label;object=warder?module-path=$module&pin-source=$directory/pin"
