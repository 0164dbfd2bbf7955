#!/usr/bin/env bash
# Makes .venv from requirements.lock, once; a changed lock file or project table makes it run again.
# Works with what a bare Debian 12 has (python3.11, pip 23.0.1) and as root or as an ordinary user.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv
stamp=$venv/.ready

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$@" >&2; exit 1; }

wanted() {
    { cat requirements.lock; sed -n '/^\[build-system\]/,/^\[tool\.ruff\]/p' pyproject.toml; } | sha256sum | cut -d' ' -f1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3 python3.12 python3.13; do
        command -v "$candidate" >/dev/null || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

apt_install() {
    local apt=(apt-get)
    if ! command -v apt-get >/dev/null; then return 1; fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then return 1; fi
        apt=(sudo -n DEBIAN_FRONTEND=noninteractive apt-get)
    fi
    say "installing $* with apt"
    export DEBIAN_FRONTEND=noninteractive
    "${apt[@]}" update -qq </dev/null && "${apt[@]}" install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

make_venv() {
    local python
    python=$(find_python)
    if [ -z "$python" ]; then
        apt_install python3 python3-venv || die "Python 3.11 or newer is needed. On Debian or Ubuntu run:" \
            "    sudo apt-get install -y python3 python3-venv"
        python=$(find_python)
        [ -n "$python" ] || die "the distribution's python3 is older than 3.11; set PYTHON to a newer one"
    fi
    # Debian ships python3 without ensurepip; `python3 -m venv` would leave half an environment behind.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install python3-venv || die "this Python cannot make virtual environments. On Debian or Ubuntu run:" \
            "    sudo apt-get install -y python3-venv"
    fi
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
}

install_locked() {
    say "installing the locked packages (the first time some 300 MB come down)"
    "$venv/bin/python" -m pip install --require-hashes --no-input --disable-pip-version-check \
        --progress-bar off -r requirements.lock 2>&1 | awk '
            /^Collecting / || /^Requirement already satisfied: / {
                name = ($1 == "Collecting") ? $2 : $4
                if (!(name in seen)) { seen[name] = 1; n++; if (n % 10 == 0) { printf "setup:   %d packages, now %s\n", n, name; fflush() } }
                next
            }
            /^Installing collected/ { print "setup:   unpacking"; fflush(); next }
            /^(ERROR|WARNING: Retrying|error|  *×|hint)/ { print; fflush() }'
}

if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || make_venv
install_locked || die "pip could not install the locked packages (is a package index reachable?)"
"$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --no-deps --no-build-isolation -e .
wanted >"$stamp"
say "ready"
