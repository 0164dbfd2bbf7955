#!/usr/bin/env bash
# What `make test-bluez` needs besides the tests' own peers: the kernel's source and tools to build it, BlueZ, a D-Bus daemon.
# Installs what is missing when it may; otherwise says exactly what to run and fails.
set -euo pipefail

missing=()
need() { # need PACKAGE COMMAND-OR-PATTERN
    if command -v "$2" >/dev/null 2>&1 || compgen -G "$2" >/dev/null; then return; fi
    missing+=("$1")
}
need linux-source '/usr/src/linux-source-*.tar.xz'
need gcc gcc
need libc6-dev /usr/include/stdio.h
need make make
need flex flex
need bison bison
need bc bc
need xz-utils xz
need patch patch
need bluez '/usr/libexec/bluetooth/bluetoothd'
need dbus /usr/share/dbus-1/system.conf
need dbus-daemon dbus-daemon
need iproute2 /sbin/ip
[ ${#missing[@]} -gt 0 ] || exit 0

command="apt-get install -y --no-install-recommends ${missing[*]}"
refuse() {
    printf 'test-bluez: these packages are missing and cannot be installed from here. Run:\n    sudo %s\n' "$command" >&2
    exit 1
}
command -v apt-get >/dev/null || refuse
apt=(apt-get)
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || refuse
    apt=(sudo -n DEBIAN_FRONTEND=noninteractive apt-get)
fi
printf 'test-bluez: installing %s with apt\n' "${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${apt[@]}" update -qq </dev/null || refuse
"${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null || refuse
