#!/usr/bin/env bash
# revoke-certificate.sh FOLDER NAME: locks a lost hub or device out; the running service passes the list on to the broker.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 FOLDER NAME" >&2; exit 2; }
cd "$1"
openssl ca -config ca.conf -revoke "$2.crt" -keyfile ca.key -cert ca.crt 2>/dev/null
openssl ca -config ca.conf -gencrl -keyfile ca.key -cert ca.crt -out ca.crl 2>/dev/null
mv "$2.crt" "$2.crt.revoked"
echo "revoked $2; the running service has the broker read the list within half a minute"
