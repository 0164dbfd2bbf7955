"""Every query that counts leaves out whoever does not exist, or counts no people (L4)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("service/store", "gateway/store")

_QUERY = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.DOTALL | re.MULTILINE)
_COUNTS = re.compile(r"\b(count|sum|avg|percentile_cont|percentile_disc)\s*\(", re.IGNORECASE)
_LEAVES_OUT = re.compile(r"\bsynthetic\b|\bis_canarys\b|\bNOT \w+\.drill\b")

NO_PEOPLE = {
    "core_store.sql keep_observations": "the rows of its own batch",
    "shadow_store.sql prune": "what it has just deleted",
    "state_store.sql walk": "whether it woke as many as it may; shown to nobody",
    "clusters.sql verified": "tasks, which `events` opens about people who exist",
    "consent.sql uncounted": "tells the worker that somebody withdrew; shown to nobody",
    "consent.sql readers": "who has read one person's record, for that person",
    "contacts.sql unreachable": "members of staff",
    "enrolments.sql applications_since": "hubs that apply, to slow them down",
    "federation.sql weeks_of": "cells that were released",
    "health.sql silent_areas": "hubs",
    "health.sql quarantine_by_reason": "records that nobody could be told for",
    "health.sql hub_figures": "hubs",
    "health.sql tables": "rows on disk",
    "health.sql downtime_seconds": "seconds without service",
    "names.sql sealed_with": "texts by the key that seals them",
    "panel.sql panel": "notes and open alerts of each person by themselves",
    "panel.sql notes": "who has seen a note",
    "reads.sql open_alerts": "of one person",
    "rests.sql measured": "of one person",
    "sessions.sql login_failures": "log-ins",
    "sources.sql delays": "reports of other institutions",
    "statuses.sql reviews": "alerts of one death",
    "verify.sql wrong_twice": "faults of the database",
    "verify.sql wrong_two_cases": "faults of the database",
}
"""What these count instead."""


def counting() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.sql")):
            for name, text in _QUERY.findall(path.read_text(encoding="utf-8")):
                code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
                if _COUNTS.search(code):
                    yield f"{path.name} {name}", code


@pytest.mark.row("L4")
def test_a_query_that_counts_people_says_that_they_exist() -> None:
    found = dict(counting())
    assert len(found) > len(NO_PEOPLE) + 10
    forgetful = {name for name, code in found.items() if not _LEAVES_OUT.search(code)}
    assert forgetful == NO_PEOPLE.keys()
