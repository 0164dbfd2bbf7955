#!/usr/bin/env bash
# `make test-bluez`: our Bluetooth adapter and the unmodified bleak against a real bluetoothd and the kernel's Bluetooth stack,
# in User-Mode Linux: no radio, no root, no virtual machine. RUNS=5 runs it five times; PYTEST_ARGS goes to pytest.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
runs=${RUNS:-1}
limit_s=${LIMIT_S:-600}

"$here/install-packages.sh"
kernel=$("$here/build-kernel.sh")
case $root$kernel in *[[:space:]]*) echo "test-bluez: a path on the kernel's command line may hold no space: $root" >&2; exit 1 ;; esac

guest=
trap '[ -z "$guest" ] || kill "$guest" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
passed=0
for run in $(seq "$runs"); do
    out=$root/var/bluez/run-$run
    rm -rf "$out"
    mkdir -p "$out"
    echo "${PYTEST_ARGS:-}" >"$out/arguments"
    began=$SECONDS
    timeout --kill-after=10 "$limit_s" "$kernel" mem=768M rootfstype=hostfs rootflags=/ ro "init=$here/guest-init.sh" \
        con=null con0=null,fd:1 quiet panic=-1 "HEARTHWATCH_ROOT=$root" "HEARTHWATCH_OUT=$out" \
        </dev/null > >(tee "$out/console.log") 2>&1 &
    guest=$!
    wait "$guest" || true
    guest=
    status=$(cat "$out/status" 2>/dev/null || echo "no result")
    if [ "$status" = 0 ]; then
        passed=$((passed + 1))
        printf 'test-bluez: run %d of %d passed in %d s\n' "$run" "$runs" $((SECONDS - began))
    else
        printf 'test-bluez: run %d of %d FAILED (%s) after %d s; see %s\n' "$run" "$runs" "$status" $((SECONDS - began)) "$out"
    fi
done
printf 'test-bluez: %d of %d runs passed\n' "$passed" "$runs"
[ "$passed" -eq "$runs" ]
