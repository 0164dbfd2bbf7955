#!/usr/bin/env bash
# Fetches the browser libraries that the pages serve themselves (no CDN, no build step) and checks every
# file against service/web/static/vendor/SHA256SUMS. With --write the sums are renewed: a change of version is
# a change of two places, the list below and that file.
set -euo pipefail
cd "$(dirname "$0")/.."
vendor=service/web/static/vendor
mode=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# package | file inside the package | file here
files='
htmx.org@2.0.11|dist/htmx.min.js|htmx.min.js
htmx.org@2.0.11|LICENSE|htmx.LICENSE
htmx-ext-sse@2.2.4|dist/sse.min.js|htmx-sse.min.js
htmx-ext-sse@2.2.4|LICENSE|htmx-sse.LICENSE
uplot@1.6.32|dist/uPlot.iife.min.js|uplot.min.js
uplot@1.6.32|dist/uPlot.min.css|uplot.min.css
uplot@1.6.32|LICENSE|uplot.LICENSE
@picocss/pico@2.1.1|css/pico.min.css|pico.min.css
@picocss/pico@2.1.1|LICENSE.md|pico.LICENSE
'

mkdir -p "$vendor"
while IFS='|' read -r package source target; do
    [ -n "$package" ] || continue
    unpacked=$work/${package//[@\/]/_}
    if [ ! -d "$unpacked" ]; then
        mkdir -p "$unpacked"
        archive=$(cd "$work" && npm pack --silent "$package" 2>/dev/null | tail -n 1)
        tar -xzf "$work/$archive" -C "$unpacked" --strip-components=1
    fi
    install -m 644 "$unpacked/$source" "$vendor/$target"
done <<<"$files"

# The accessibility checker is a tool of the tests: the product does not carry it.
axe=tests/vendor/axe.min.js
mkdir -p "$work/axe" "$(dirname "$axe")"
archive=$(cd "$work" && npm pack --silent axe-core@4.14.1 2>/dev/null | tail -n 1)
tar -xzf "$work/$archive" -C "$work/axe" --strip-components=1
install -m 644 "$work/axe/axe.min.js" "$axe"
install -m 644 "$work/axe/LICENSE" tests/vendor/axe.LICENSE
(
    cd tests/vendor
    if [ "$mode" = --write ]; then sha256sum -- *.js *.LICENSE >SHA256SUMS; fi
    sha256sum --check --quiet SHA256SUMS
)

cd "$vendor"
if [ "$mode" = --write ]; then sha256sum -- *.js *.css *.LICENSE >SHA256SUMS; fi
sha256sum --check --quiet SHA256SUMS && echo "vendor: every file is the one that was reviewed"
