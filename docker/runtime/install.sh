#!/usr/bin/env bash
# Installs warder from a built checkout into a prefix: what it needs to run, and nothing to build it.
#
#   docker/runtime/install.sh PREFIX [CHECKOUT]
#
# Needs npm and a Node that package.json allows. Afterwards PREFIX/bin/warder runs; PREFIX may be
# owned by root and read-only, since warder writes below its home only.
set -euo pipefail

prefix=${1:?usage: install.sh PREFIX [CHECKOUT]}
checkout=${2:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}

if [ ! -f "$checkout/dist/bin/main.js" ]; then
  echo "error[install]: no dist/bin/main.js in \`$checkout\`" >&2
  echo 'hint: run `npm run build` there first' >&2
  exit 7
fi

mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
home="$prefix/lib/warder"
next="$home.next"
rm -rf "$next"
mkdir -p "$next" "$prefix/bin"
for name in package.json package-lock.json .npmrc LICENSE dist wit tools; do
  [ ! -e "$checkout/$name" ] || cp -R "$checkout/$name" "$next/"
done
(cd "$next" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund)

# pkcs11js, the native part of PKCS#11 keys: it serves every Node, so that of the checkout will do; else it is
# compiled, against headers that are there. Nothing else needs it.
native=node_modules/pkcs11js/build/Release/pkcs11.node
package=node_modules/pkcs11js/package.json
headers() {
  for directory in "$checkout"/node_modules/node/node_modules/* \
    "$(dirname "$(dirname "$(node -p process.execPath)")")"; do
    [ ! -f "$directory/include/node/node_api.h" ] || { echo "$directory"; return; }
  done
}
compiles() { command -v g++ && command -v make && command -v python3; }
if [ ! -f "$next/$package" ]; then
  echo 'note[install]: without PKCS#11 keys: npm left its optional packages out'
elif [ -f "$checkout/$native" ] && cmp -s "$checkout/$package" "$next/$package"; then
  mkdir -p "$(dirname "$next/$native")"
  cp "$checkout/$native" "$next/$native"
elif compiles > /dev/null && [ -n "$(headers)" ]; then
  (cd "$next" && npm_config_nodedir=$(headers) npm rebuild pkcs11js --no-audit --no-fund)
else
  echo 'note[install]: without PKCS#11 keys: pkcs11js is not compiled'
  echo "hint: run \`npm run setup:pkcs11\` in \`$checkout\`, or install g++, make and python3; then this again"
fi
chmod -R u=rwX,go=rX "$next"

rm -rf "$home"
mv "$next" "$home"
cat > "$prefix/bin/warder" <<'PROGRAM'
#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
exec node --disable-sigusr1 "$here/../lib/warder/dist/bin/main.js" "$@"
PROGRAM
chmod 755 "$prefix/bin/warder"
echo "installed $prefix/bin/warder"
