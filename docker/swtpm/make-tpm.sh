#!/usr/bin/env bash
# Makes a software TPM as a maker would: with an endorsement key and its certificate, which `warder keys attest` needs.
#
#   docker/swtpm/make-tpm.sh DIRECTORY [CA]
#
# start-tpm.sh DIRECTORY then becomes that TPM; a TPM that is in DIRECTORY already is left as it is. CA is the
# directory of the maker, made the first time; DIRECTORY/ca when left out. The last line printed is the certificate
# for `warder keys verify-attestation --ca`.
set -euo pipefail

directory=${1:?usage: make-tpm.sh DIRECTORY [CA]}

if ! command -v swtpm_setup > /dev/null || ! command -v certtool > /dev/null; then
  echo 'error[swtpm]: swtpm_setup and certtool are not installed' >&2
  echo 'hint: sudo apt-get install swtpm swtpm-tools' >&2
  exit 7
fi

umask 077
mkdir -p "$directory" "${2:-$directory/ca}"
directory=$(cd "$directory" && pwd)
ca=$(cd "${2:-$directory/ca}" && pwd)

if [ ! -e "$directory/tpm2-00.permall" ]; then
  cat > "$ca/localca.conf" << CONF
statedir = $ca
signingkey = $ca/signkey.pem
issuercert = $ca/issuercert.pem
certserial = $ca/certserial
CONF
  : > "$ca/localca.options"
  cat > "$ca/setup.conf" << CONF
create_certs_tool = swtpm_localca
create_certs_tool_config = $ca/localca.conf
create_certs_tool_options = $ca/localca.options
CONF
  swtpm_setup --tpm2 --tpmstate "$directory" --create-ek-cert --pcr-banks sha256 \
    --config "$ca/setup.conf" >&2
fi

echo "$ca/issuercert.pem"
