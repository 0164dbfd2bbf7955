#!/usr/bin/env bash
# Collects every sentence of the pages into both catalogues; translations that exist are kept, new sentences
# are left empty in zh_CN (a test fails until they are translated) and are their own translation in en.
set -euo pipefail
cd "$(dirname "$0")/.."
template=$(mktemp --suffix=.pot)
trap 'rm -f "$template"' EXIT
.venv/bin/pybabel --quiet extract -F deploy/babel.cfg -k mark -k say:2 --no-default-keywords -k _ \
    -k ngettext:1,2 --omit-header --no-location --sort-output -o "$template" service/web
for locale in zh_CN en; do
    catalogue=service/web/locales/$locale/messages.po
    mkdir -p "$(dirname "$catalogue")"
    verb=update
    [ -e "$catalogue" ] || verb=init
    .venv/bin/pybabel --quiet $verb -i "$template" -o "$catalogue" -l "$locale" \
        $([ $verb = update ] && echo "--no-fuzzy-matching --ignore-obsolete --omit-header --no-wrap" || echo "--no-wrap")
done
.venv/bin/python - <<'PYTHON'
from pathlib import Path
from babel.messages.pofile import read_po, write_po

for locale in ("en", "zh_CN"):
    path = Path(f"service/web/locales/{locale}/messages.po")
    with path.open("rb") as text:
        catalogue = read_po(text, locale=locale)
    if locale == "en":
        for message in catalogue:
            if message.id:
                message.string = message.id
    with path.open("wb") as out:
        write_po(out, catalogue, omit_header=True, width=100, sort_output=True)
    missing = [m.id for m in catalogue if m.id and not m.string]
    print(f"{locale}: {len(catalogue)} sentences, {len(missing)} without translation")
    for text in missing:
        print("   ", text)
PYTHON
