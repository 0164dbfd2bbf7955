#!/usr/bin/env bash
# Every check, one after the other; all run even when one fails, and the last lines name those that did.
# Offline: pyright's Node comes from PATH, else from the one the playwright wheel carries.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
driver=$("$bin/python" -c 'import pathlib, playwright; print(pathlib.Path(playwright.__file__).parent / "driver")')
export PATH=$bin:$PATH:$driver
export PYRIGHT_PYTHON_IGNORE_WARNINGS=1

failed=()
check() { # check NAME COMMAND...
    local name=$1
    shift
    printf '== %s\n' "$name"
    "$@" || failed+=("$name")
}
check "linter" ruff check --quiet .
check "formatter" ruff format --check --quiet .
check "types" pyright
check "import contracts" lint-imports --no-cache
check "dependencies" deptry .
check "security" bandit --quiet --configfile pyproject.toml --recursive rules device_adapters gateway service firmware_sim
check "house rules" python -m pytest -q tests/architecture/test_house.py
check "compose file" check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

if [ ${#failed[@]} -gt 0 ]; then
    printf 'check: FAILED: %s\n' "${failed[@]}"
    exit 1
fi
echo "check: clean"
