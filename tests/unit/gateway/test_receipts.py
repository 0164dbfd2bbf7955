"""Several receipts of one record come to the same, in whatever order and batches they arrive."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from itertools import permutations, product
from zoneinfo import ZoneInfo

import pytest

from device_adapters.ble.origin import CONTEXT_FOLLOWS, CONTEXT_MISSING, DOUBTFUL_CLOCK
from gateway.intake import Admitted, attributed
from gateway.receipts import is_undated, joined_to, lacks_context, once_each
from rules.identity import SENT_AS, sent_as
from rules.vocabulary import (
    Observation,
    Origin,
    Quantity,
    QuantityName,
    SubjectRef,
    TimeConfidence,
    Vital,
)
from tests.unit.gateway.observations import START, blood_pressure

ZONE = ZoneInfo("Asia/Shanghai")
LOW = {QuantityName.GLUCOSE: Quantity(value=Decimal("0.3"), unit="mmol/L")}
KETONE = {QuantityName.KETONE: Quantity(value=Decimal("0.3"), unit="mmol/L")}


def record(minute: int, *, whole: bool, doubtful: bool) -> Observation:
    """A ketone test that came as a glucose, with its context or without."""
    sent = blood_pressure(1, origin=Origin.BACKLOG)
    words = {CONTEXT_FOLLOWS: "true", SENT_AS: sent_as(Vital.GLUCOSE, LOW)}
    words |= {"meal": "ketone_test"} if whole else {CONTEXT_MISSING: "true"}
    words |= {DOUBTFUL_CLOCK: "true"} if doubtful else {}
    return replace(
        sent,
        kind=Vital.KETONE if whole else Vital.GLUCOSE,
        quantities=KETONE if whole else LOW,
        context=words,
        sequence=7,
        received=replace(sent.received, wall=START + timedelta(days=1, minutes=minute)),
    )


def receipt(minute: int, *, whole: bool, doubtful: bool) -> Admitted:
    observation = record(minute, whole=whole, doubtful=doubtful)
    return attributed(observation, SubjectRef("p"), ZONE, observation.received_at)


KINDS = [
    receipt(minute, whole=whole, doubtful=doubtful)
    for minute, (whole, doubtful) in enumerate(product((True, False), repeat=2))
]


def test_they_are_one_record() -> None:
    assert len({one.point.identity for one in KINDS}) == 1
    assert {(lacks_context(one), is_undated(one)) for one in KINDS} == {
        *product((True, False), repeat=2)
    }


@pytest.mark.row("L2")
@pytest.mark.parametrize("count", [2, 3, 4])
def test_any_order_of_any_receipts_in_one_batch_comes_to_the_same(count: int) -> None:
    for some in {frozenset(order[:count]) for order in permutations(range(len(KINDS)))}:
        found = [once_each([KINDS[i] for i in order]) for order in permutations(some)]
        assert all(one == found[0] for one in found)
        ((best,),) = [found[0]]
        assert is_undated(best) == all(is_undated(KINDS[i]) for i in some)
        assert lacks_context(best) == all(lacks_context(KINDS[i]) for i in some)


@pytest.mark.row("L2")
def test_any_order_of_batches_comes_to_the_same_time_and_words() -> None:
    """Of two dated receipts that which is stored first keeps its own arrival."""
    for order in permutations(KINDS):
        stored = reduce(joined_to, order)
        assert stored.point.confidence is TimeConfidence.GOOD
        assert stored.point.effective_at == KINDS[1].point.effective_at
        assert (stored.point.kind, stored.point.context["meal"]) == (Vital.KETONE, "ketone_test")
        assert DOUBTFUL_CLOCK not in stored.observation.context
        assert stored.observation.quantities == KETONE
        assert stored.point.values == KINDS[0].point.values


def test_what_has_nothing_to_add_changes_nothing() -> None:
    whole, bare, undated = KINDS[1], KINDS[3], KINDS[2]
    assert joined_to(whole, bare) is whole
    assert joined_to(whole, whole) is whole
    earlier = receipt(-9, whole=False, doubtful=True)
    assert joined_to(undated, earlier).point.received_at == earlier.point.received_at
    later = receipt(9, whole=False, doubtful=True)
    assert joined_to(earlier, later) is earlier
