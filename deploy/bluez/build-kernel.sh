#!/usr/bin/env bash
# Prints the path of a User-Mode Linux kernel with Bluetooth; builds it from Debian's kernel source when it is not in the cache.
# The cache is keyed by the source package, the configuration, the compiler and this script.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hearthwatch/uml

source=$(compgen -G '/usr/src/linux-source-*.tar.xz' | sort -V | tail -n 1)
name=$(basename "$source" .tar.xz)
release=$(dpkg-query -W -f '${Version}' "$name" 2>/dev/null || sha256sum "$source")
key=$({ echo "$name $release"; gcc -dumpfullversion; cat "$here/kernel.config" "$here"/*.patch "$0"; } | sha256sum | cut -c1-16)
kernel=$cache/$key/linux
if [ -x "$kernel" ]; then
    echo "$kernel"
    exit 0
fi

mkdir -p "$cache/$key"
exec 9>"$cache/$key/lock"
flock 9
if [ -x "$kernel" ]; then # another run built it meanwhile
    echo "$kernel"
    exit 0
fi
began=$SECONDS
log=$cache/$key/build.log
work=$(mktemp -d "$cache/$key/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
printf 'test-bluez: building a User-Mode Linux kernel from %s %s (once; five to fifteen minutes)\n' "$name" "$release" >&2

build() {
    tar -xf "$source" -C "$work" --strip-components=1
    cd "$work"
    local fix
    for fix in "$here"/*.patch; do
        if patch --dry-run --silent -p1 <"$fix"; then patch -p1 <"$fix"; else echo "not needed: $fix"; fi
    done
    make ARCH=um x86_64_defconfig
    ARCH=um ./scripts/kconfig/merge_config.sh -m .config "$here/kernel.config"
    make ARCH=um olddefconfig
    local line
    while read -r line; do
        grep -qxF "$line" .config || { echo "the kernel's configuration did not take: $line"; return 1; }
    done < <(grep -E '^CONFIG_' "$here/kernel.config")
    nice -n 10 make ARCH=um -j"${JOBS:-2}" linux
}
if ! (set -e; build) >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    printf 'test-bluez: the kernel was not built; all of the output is in %s\n' "$log" >&2
    exit 1
fi
strip -o "$kernel.new" "$work/linux"
mv "$kernel.new" "$kernel"
printf 'test-bluez: the kernel was built in %d s\n' $((SECONDS - began)) >&2
echo "$kernel"
