"""The chain of seals: whatever is done to a sealed record, somebody with one digest can tell."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.security.chain import (
    BEGINNING,
    LONGEST_AWAY,
    LONGEST_TRANSACTION,
    MOST_ROWS,
    Entry,
    Seal,
    canonical,
    digest_of,
    faults,
    instant,
    made,
)

START = datetime(2026, 9, 1, tzinfo=UTC)


def chain_of(sizes: list[int]) -> list[Seal]:
    seals: list[Seal] = []
    number = 0
    for index, size in enumerate(sizes):
        entries: list[Entry] = []
        for _ in range(size):
            number += 1
            stream = ("audit", "event", "alert")[number % 3]
            fields = {"stream": stream, "entry": number, "subject": f"s-{number}"}
            said_at = "raised_at" if stream == "alert" else "at"
            line = canonical(fields | {said_at: instant(START + timedelta(seconds=index))})
            entries.append(Entry(stream=stream, number=number, line=line, digest=digest_of(line)))
        previous = seals[-1].digest if seals else BEGINNING
        seals.append(made(index + 1, START + timedelta(seconds=index), previous, entries))
    return seals


def test_a_seal_is_what_the_page_says_it_is() -> None:
    """By hand, from docs/security.md: SHA-256 over one line of JSON."""
    line = '{"a":1}'
    assert canonical({"a": 1}) == line
    assert (
        digest_of(line).hex() == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    )


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.data())
def test_every_way_to_alter_a_sealed_record_is_found(sizes: list[int], data: st.DataObject) -> None:
    seals = chain_of(sizes)
    head = seals[-1].digest
    assert list(faults(seals, [head])) == []
    at = data.draw(st.integers(0, len(seals) - 1))
    seal = seals[at]
    entries = list(seal.entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    line = canonical({"stream": "audit", "entry": 0, "action": "nothing", "at": instant(START)})
    ways = {
        "changed": [*entries[:place], replace(entries[place], line=line), *entries[place + 1 :]],
        "taken out": [*entries[:place], replace(entries[place], line=None), *entries[place + 1 :]],
        "unlinked": [*entries[:place], *entries[place + 1 :]],
        "put in": [
            *entries[:place],
            Entry(stream="audit", number=0, line=line, digest=digest_of(line)),
            *entries[place:],
        ],
        "reordered": [*entries[1:], entries[0]],
    }
    for name, altered in ways.items():
        if name == "reordered" and len(entries) == 1:
            continue
        broken = [*seals[:at], replace(seal, entries=altered), *seals[at + 1 :]]
        assert list(faults(broken)), name
    assert list(faults([*seals[:at], *seals[at + 1 :]], [head])), "a seal was taken out"
    forged = [*seals[:at], made(seal.number, seal.at, seal.previous, ways["put in"])]
    for later in seals[at + 1 :]:
        forged.append(made(later.number, later.at, forged[-1].digest, later.entries))
    assert list(faults(forged)) == [], "whoever owns the database may write it all anew"
    assert list(faults(forged, [head])), "but not so that a digest told earlier fits"


@given(st.sampled_from(["audit", "event", "alert"]), st.integers(2, 60 * 24 * 40))
def test_a_row_of_any_stream_that_says_it_is_older_is_found(stream: str, minutes: int) -> None:
    """Older than a slow transaction, or a core that was away from its store, can make it."""
    seals = chain_of([3, 3])
    said_at = "raised_at" if stream == "alert" else "at"
    at = START + timedelta(days=50)
    seals.append(made(3, at, seals[-1].digest, []))
    fields = {"stream": stream, "entry": 90, said_at: instant(at - timedelta(minutes=minutes))}
    line = canonical(fields)
    late = Entry(stream=stream, number=90, line=line, digest=digest_of(line))
    seals.append(made(4, at, seals[-1].digest, [late]))
    bound = LONGEST_AWAY if stream == "alert" else LONGEST_TRANSACTION
    found = list(faults(seals))
    assert bool(found) == (timedelta(minutes=minutes) > bound), found
    assert not found or f"{stream} 90 was put in later" in found[0]


def test_after_a_full_seal_what_is_left_of_its_time_is_no_fault() -> None:
    """A backlog of more than a seal holds: the rows go on where the full seal ended."""

    def row(number: int, at: datetime) -> Entry:
        line = canonical({"stream": "event", "entry": number, "at": instant(at)})
        return Entry(stream="event", number=number, line=line, digest=digest_of(line))

    later = START + timedelta(hours=5)
    full = made(1, later, BEGINNING, [row(n, START) for n in range(MOST_ROWS)])
    rest = made(2, later, full.digest, [row(MOST_ROWS, START + timedelta(minutes=1))])
    assert list(faults([full, rest])) == []
    old = made(2, later, full.digest, [row(MOST_ROWS, START - timedelta(hours=1))])
    assert len(list(faults([full, old]))) == 1


@pytest.mark.parametrize(
    "line", ["[]", "7", "null", "no json", "[" * 100_000, '{"stream":"event"}']
)
def test_an_entry_that_is_no_record_is_a_fault_and_no_crash(line: str) -> None:
    entry = Entry(stream="audit", number=1, line=line, digest=digest_of(line))
    seals = [made(1, START, BEGINNING, [])]
    seals.append(made(2, START, seals[0].digest, [entry]))
    (fault,) = faults(seals)
    assert "audit 1" in fault
