"""What several receipts of one record come to. Pure.

A record is told again and again, and not every time whole: a session may lack its time (a clock
that was doubtful then) or its context (a link that broke before it). What is stored must not
depend on which receipt came first, nor on how they were split into batches (law 2): the time of a
dated one counts, of undated ones that of the earliest, whose arrival is the upper bound; and kind,
quantities and words are those of one that has its context. Of two dated ones the time of that
which was stored first stays: there the order still counts, where they differ (D47).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from device_adapters.ble.origin import CONTEXT_MISSING, TIME_WORDS
from gateway.intake import Admitted
from rules.vocabulary import TimeConfidence


def lacks_context(item: Admitted) -> bool:
    """Whether a context was announced that this receipt does not have."""
    return CONTEXT_MISSING in item.observation.context


def is_undated(item: Admitted) -> bool:
    """Whether the receipt has no time but its arrival."""
    return item.point.confidence is TimeConfidence.UNKNOWN


def once_each(admitted: Sequence[Admitted]) -> list[Admitted]:
    """Every record once, in the order of their first receipts, as all its receipts have it."""
    found: dict[str, list[Admitted]] = {}
    for item in admitted:
        found.setdefault(item.point.identity, []).append(item)
    if len(found) == len(admitted):
        return list(admitted)
    return [_of_all(receipts) for receipts in found.values()]


def joined_to(known: Admitted, other: Admitted) -> Admitted:
    """`known` with what only `other`, a further receipt of the same record, can tell.

    `known` itself where that is nothing. Of two dated receipts the known one's time stays, also
    where only one of them was read against the hub's clock (D47 says why).
    """
    later = is_undated(other) and other.point.received_at >= known.point.received_at
    timed = known if not is_undated(known) or later else other
    if lacks_context(known) == lacks_context(other):
        return timed
    told = other if lacks_context(known) else known
    return timed if timed is told else _at_the_time_of(timed, told)


def _of_all(receipts: Iterable[Admitted]) -> Admitted:
    best_first = sorted(receipts, key=lambda item: (is_undated(item), item.point.received_at))
    return reduce(joined_to, best_first)


def _at_the_time_of(timed: Admitted, told: Admitted) -> Admitted:
    said, of_time = told.observation.context.items(), timed.observation.context.items()
    words = {word: what for word, what in said if word not in TIME_WORDS}
    words |= {word: what for word, what in of_time if word in TIME_WORDS}
    sent, point = told.observation, told.point
    return replace(
        timed,
        observation=replace(
            timed.observation,
            kind=sent.kind,
            quantities=sent.quantities,
            flags=sent.flags,
            context=words,
        ),
        point=replace(
            timed.point,
            kind=point.kind,
            values=point.values,
            flags=point.flags,
            valid=point.valid,
            context=words,
        ),
    )
