#!/usr/bin/env bash
# Becomes a software TPM with its state in a directory of its own.
#
#   docker/swtpm/start-tpm.sh DIRECTORY PORT|SOCKET
#
# Listens on 127.0.0.1:PORT, with its control channel on the port after it as tpm2-tools want it, or on the Unix
# socket SOCKET. It serves one connection at a time and ends with SIGTERM. A TPM that is in DIRECTORY already goes on.
set -euo pipefail

directory=${1:?usage: start-tpm.sh DIRECTORY PORT|SOCKET}
place=${2:?usage: start-tpm.sh DIRECTORY PORT|SOCKET}

if ! command -v swtpm > /dev/null; then
  echo 'error[swtpm]: swtpm is not installed' >&2
  echo 'hint: sudo apt-get install swtpm swtpm-tools' >&2
  exit 7
fi

umask 077
mkdir -p "$directory"
case $place in
  /*)
    rm -f "$place"
    channels=(--server "type=unixio,path=$place,mode=0600")
    ;;
  *)
    channels=(--server "type=tcp,port=$place" --ctrl "type=tcp,port=$((place + 1))")
    ;;
esac
exec swtpm socket --tpm2 --tpmstate "dir=$directory" "${channels[@]}" \
  --flags not-need-init,startup-clear
