"""What people say about somebody's series: its anchor, and where it was broken.

The anchor is what a person's readings are compared with for good, so that a slow deterioration is
never learned as normal (hazard 13). It begins as the mean of the first week; a doctor confirms it
or sets another, and then nothing but a person moves it: the number confirmed is kept, not the week
it came from, so a late reading does not change it either.

A mark says that a medicine or a device was changed (hazard 14): the anchor stays, the fast baseline
begins anew at the mark, and cards and charts say so.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec import structs

from gateway.baseline_columns import (
    ANCHOR_UNIT,
    EPOCH,
    LAST_DAY,
    TRACKED,
    Mark,
    StateRow,
    empty_state,
)
from gateway.baseline_fold import MOST_LEARNED
from gateway.county import County
from gateway.facts import AnchorFact, AnchorNumber, FactError, MarkFact, decode_fact
from gateway.store.core_store import CoreStore
from gateway.store.inbox_store import InboxRow
from rules.vocabulary import QuantityName, SubjectRef
from rules.window import Point

SeriesFact = AnchorFact | MarkFact

_MOST_SUMMED = int(4e9 / MOST_LEARNED / ANCHOR_UNIT)
_MARKS = {"drug": Mark.DRUG, "device": Mark.DEVICE}


def settings_row(
    anchors: Mapping[QuantityName, AnchorNumber], mark: MarkFact | None, zone: tzinfo
) -> StateRow:
    """An empty row of columns with what a person has set: where a refold begins."""
    row = empty_state()
    for quantity, number in anchors.items():
        place = TRACKED.index(quantity)
        readings = min(number.readings, _MOST_SUMMED)  # kept as a sum, in four bytes
        row["anchor_sum"][place] = round(number.mean * ANCHOR_UNIT) * readings
        row["anchor_readings"][place] = readings
        row["anchored"] |= 1 << place
    if mark is not None:
        day = mark.at.astimezone(zone).toordinal() - EPOCH
        row["marked_on"] = max(0, min(day, LAST_DAY))
        row["mark"] = _MARKS[mark.change]
    return row


async def read_series(
    rows: Sequence[InboxRow], store: CoreStore
) -> tuple[list[SeriesFact], dict[int, str]]:
    """The facts of `rows`, and why some of them cannot be applied."""
    facts: list[SeriesFact] = []
    refused: dict[int, str] = {}
    for row in rows:
        try:
            fact = decode_fact(row.kind, row.body)
            assert isinstance(fact, AnchorFact | MarkFact)
            await _check(fact, store)
        except FactError as error:
            refused[row.inbox_id] = str(error)
        else:
            facts.append(fact)
    return facts, refused


async def note_series(
    facts: Iterable[SeriesFact],
    new: dict[SubjectRef, list[Point]],
    county: County,
    store: CoreStore,
    now: datetime,
) -> None:
    """Write what was said; whom it is about is folded again, without a new point.

    To mark a row as stale before the commit does no harm: it is folded again from the store.
    """
    for fact in facts:
        if isinstance(fact, AnchorFact):
            await store.series.set_anchor(fact, now)
        else:
            await store.series.add_mark(fact, now)
        new.setdefault(fact.subject, [])
        known = county.states.gather(fact.subject)
        county.states.replace({fact.subject: structs.replace(known, stale=True)})


async def settings_of(
    subjects: Iterable[SubjectRef], store: CoreStore, zone: tzinfo
) -> dict[SubjectRef, StateRow]:
    """Where the refold of each subject begins."""
    wanted = list(subjects)
    if not wanted:
        return {}
    anchors, marks = await store.series.anchors(wanted), await store.series.marks(wanted)
    return {
        subject: settings_row(anchors.get(subject, {}), marks.get(subject), zone)
        for subject in wanted
    }


async def _check(fact: SeriesFact, store: CoreStore) -> None:
    if not await store.facts.is_known(fact.subject):
        raise FactError(f"subject: {fact.subject!r} is not known")
    if isinstance(fact, AnchorFact):
        for quantity, number in fact.quantities.items():
            if quantity not in TRACKED:
                raise FactError(f"quantities: {quantity} has no anchor")
            if not 0 < number.mean < MOST_LEARNED or number.readings < 1:
                raise FactError(f"quantities: {quantity}: {number.mean} is out of range")
