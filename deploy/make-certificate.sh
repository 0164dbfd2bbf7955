#!/usr/bin/env bash
# make-certificate.sh FOLDER NAME: makes the county's own authority in FOLDER on first use, then a certificate for NAME.
# NAME is the identity at the broker: broker, core, hub-<name>, hub-front, or a device key.
# For the broker itself, HOSTS="broker,mqtt.example.cn" adds the names under which clients reach it.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 FOLDER NAME" >&2; exit 2; }
folder=$1 name=$2
case $name in
    *[!A-Za-z0-9._~-]* | '' | .* | ca) echo "not a usable name: $name" >&2; exit 2 ;;
esac
umask 077
mkdir -p "$folder"
cd "$folder"
ca_days=3650 days=397

if [ ! -e ca.key ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$ca_days" \
        -subj "/CN=Hearthwatch county authority" -keyout ca.key -out ca.crt 2>/dev/null
    : >index.txt
    echo 1000 >crlnumber
    cat >ca.conf <<CONF
[ca]
default_ca = own
[own]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 3650
CONF
fi
[ -e "$name.crt" ] && { echo "$folder/$name.crt exists; move it away to make another" >&2; exit 1; }

hosts=localhost${HOSTS:+,$HOSTS}
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
    -keyout "$name.key" -out "$name.csr" 2>/dev/null
openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "$days" -out "$name.crt" \
    -extfile <(
        echo "basicConstraints=CA:FALSE"
        if [ "$name" = broker ]; then
            echo "extendedKeyUsage=serverAuth"
            echo "subjectAltName=DNS:${hosts//,/,DNS:},IP:127.0.0.1"
        else
            echo "extendedKeyUsage=clientAuth"
        fi
    ) 2>/dev/null
rm -f "$name.csr"
openssl ca -config ca.conf -gencrl -keyfile ca.key -cert ca.crt -out ca.crl 2>/dev/null
chmod 644 ca.crt ca.crl "$name.crt"
echo "$folder/$name.crt, $folder/$name.key"
