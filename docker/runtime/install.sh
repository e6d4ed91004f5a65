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
