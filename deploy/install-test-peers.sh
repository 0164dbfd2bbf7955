#!/usr/bin/env bash
# The real parts the tests talk to: a PostgreSQL, an MQTT broker, a browser, a CJK font, what draws PDF, openssl, a D-Bus daemon, nft.
# Installs what is missing when it may; otherwise says exactly what to run and fails. Nothing is ever skipped, but for
# TimescaleDB as WebAssembly (tests/timescale, pinned by hash), which comes from npm where there is one.
set -euo pipefail

timescale=$(dirname "$0")/../tests/timescale
if ! [ -d "$timescale/node_modules" ]; then
    if ! command -v npm >/dev/null 2>&1; then
        echo 'test: npm is not installed: the tests on TimescaleDB are left out' >&2
    elif ! npm ci --prefix "$timescale" --legacy-peer-deps --no-audit --no-fund --loglevel=error >/dev/null; then
        rm -rf "$timescale/node_modules"
        echo 'test: npm does not give the packages of tests/timescale: the tests on TimescaleDB are left out' >&2
    fi
fi

missing=()
need() { # need PACKAGE PATH-OR-COMMAND...
    local package=$1 candidate
    shift
    for candidate in "$@"; do
        if command -v "$candidate" >/dev/null 2>&1 || compgen -G "$candidate" >/dev/null; then return; fi
    done
    missing+=("$package")
}
need postgresql '/usr/lib/postgresql/*/bin/initdb'
need mosquitto mosquitto /usr/sbin/mosquitto
need chromium chromium chromium-browser google-chrome
need fonts-noto-cjk '/usr/share/fonts/opentype/noto/NotoSansCJK*'
need libpangoft2-1.0-0 '/usr/lib/*/libpangoft2-1.0.so.0'
need libharfbuzz-subset0 '/usr/lib/*/libharfbuzz-subset.so.0'
need openssl openssl
need dbus-daemon dbus-daemon
need nftables nft /usr/sbin/nft
[ ${#missing[@]} -gt 0 ] || exit 0

command="apt-get install -y --no-install-recommends ${missing[*]}"
refuse() {
    printf 'test: these packages are missing and cannot be installed from here. Run:\n    sudo %s\n' "$command" >&2
    exit 1
}
command -v apt-get >/dev/null || refuse
apt=(apt-get)
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || refuse
    apt=(sudo -n DEBIAN_FRONTEND=noninteractive apt-get)
fi
printf 'test: installing %s with apt\n' "${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${apt[@]}" update -qq </dev/null || refuse
"${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null || refuse
