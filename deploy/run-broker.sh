#!/bin/sh
# run-broker.sh CONFIG ACCESS [MOSQUITTO [REFUSED]]: runs mosquitto, has it read its files again when ACCESS/generation
# changes, and shows its log without the packets; who spoke under another's name stands in the file REFUSED as well, which
# begins anew after 20,000 lines: the service reads it for the administrator's page. Needs sh, awk, cat and sleep only (the broker's image has busybox).
set -eu
config=$1 access=$2 mosquitto=${3:-mosquitto} refused=${4:-/dev/null}

awk=awk
# Debian's mawk holds lines back without this
awk -W version 2>/dev/null | grep -q mawk && awk='awk -W interactive'
folder=$(mktemp -d)
mkfifo "$folder/log"
# "Denied PUBLISH from hub-a (... 'hw/1/up/hub-b/...')" is the line by which an operator learns of a stolen identity
$awk -v refused="$refused" '
    /^[0-9]+: (Received|Sending|No will|Will|\t| )/ && !/Denied/ { next }
    /^[0-9]+: Denied PUBLISH/ { if (++n > 20000) { close(refused); n = 1 } print > refused; fflush(refused) }
    { print; fflush() }' <"$folder/log" >&2 &
log=$!
seen=$(cat "$access/generation")
"$mosquitto" -c "$config" 2>"$folder/log" &
broker=$!
trap 'kill -TERM "$broker" 2>/dev/null || true' TERM INT

while kill -0 "$broker" 2>/dev/null; do
    # in the background, so that a signal is not kept waiting
    sleep 1 &
    wait $! || true
    now=$(cat "$access/generation" 2>/dev/null || echo "$seen")
    if [ "$now" != "$seen" ]; then
        seen=$now
        kill -HUP "$broker" 2>/dev/null || true
    fi
done
status=0
wait "$broker" || status=$?
wait "$log" || true
rm -rf "$folder"
exit "$status"
