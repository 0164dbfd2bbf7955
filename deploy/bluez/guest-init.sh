#!/bin/bash
# Process 1 of the guest: the host's own file system, read-only, under an overlay in memory; then the scenarios; then power off.
# The kernel hands on HEARTHWATCH_ROOT (the checkout) and HEARTHWATCH_OUT (the one folder of the host that is written to).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

new_root() {
    mount -t proc proc /proc && mount -t sysfs sys /sys || return 1
    mount -t devtmpfs dev /dev 2>/dev/null # the kernel may have done it already
    mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work /mnt/new || return 1
    mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/new || return 1
    local folder
    for folder in proc sys dev; do mount --rbind "/$folder" "/mnt/new/$folder" || return 1; done
    for folder in run tmp var/lib/bluetooth var/run/dbus; do mkdir -p "/mnt/new/$folder"; done
    mount -t tmpfs tmpfs /mnt/new/run || return 1
    mkdir -p /mnt/new/run/out /mnt/new/run/dbus
    mount -t hostfs -o "$HEARTHWATCH_OUT" none /mnt/new/run/out
}

if new_root; then
    chroot /mnt/new "$HEARTHWATCH_ROOT/deploy/bluez/guest.sh"
else
    echo "guest: its file systems could not be mounted"
fi
# RB_POWER_OFF of reboot(2): a bare Debian has no poweroff command.
"$HEARTHWATCH_ROOT/.venv/bin/python" -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)'
