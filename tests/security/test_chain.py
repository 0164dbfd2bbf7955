"""The chain of seals: whatever is done to a sealed record, somebody with one digest can tell."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.security.chain import BEGINNING, Entry, Seal, canonical, digest_of, faults, made

START = datetime(2026, 9, 1, tzinfo=UTC)


def chain_of(sizes: list[int]) -> list[Seal]:
    seals: list[Seal] = []
    number = 0
    for index, size in enumerate(sizes):
        entries: list[Entry] = []
        for _ in range(size):
            number += 1
            line = canonical({"entry": number, "action": "read alert", "subject": f"s-{number}"})
            entries.append(Entry(stream="audit", number=number, line=line, digest=digest_of(line)))
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
    line = canonical({"entry": 0, "action": "nothing"})
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
