#!/bin/bash
# Inside the guest: a system bus as Debian configures it, then the scenarios. bluetoothd is started by them.
cd "$HEARTHWATCH_ROOT" || exit 1
ip link set lo up
dbus-daemon --system --nofork --nopidfile >/run/out/dbus.log 2>&1 &
for _ in $(seq 100); do [ -S /run/dbus/system_bus_socket ] && break; sleep 0.05; done
echo "guest: kernel $(uname -r), $(/usr/libexec/bluetooth/bluetoothd --version | head -n 1 | sed 's/^/bluetoothd /'), up for $(cut -d' ' -f1 /proc/uptime) s"
xargs -a /run/out/arguments .venv/bin/python -m pytest --color=no -p no:cacheprovider --confcutdir=tests/bluez --durations=0 \
    -o python_files='scenario_*.py' --junit-xml=/run/out/result.xml --basetemp=/tmp/hearthwatch-pytest tests/bluez
echo $? >/run/out/status
