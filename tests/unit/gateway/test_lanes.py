"""What is live goes first, and no batch carries more backlog than a live reading can wait for."""

from dataclasses import replace

import pytest

from gateway.arrivals import Arrival
from gateway.intake import Quarantined, Reason
from gateway.lanes import BATCH_S, FEWEST, LIVE_BATCH_S, Lanes, Pace
from gateway.store.core_store import Mark
from gateway.store.lease import LEASE_S
from rules.vocabulary import HubId
from rules.wire import Lane


def message(lane: Lane, sequence: int) -> Arrival:
    why = Quarantined(reason=Reason.NOT_OURS, field="", detail="")
    return Arrival(mark=Mark(HubId("h"), "e", lane), sequence=sequence, payload=b"", content=why)


def filled(live: int, backlog: int) -> Lanes:
    lanes = Lanes()
    for number in range(backlog):
        lanes.put(message(Lane.BACKLOG, number))
    for number in range(live):
        lanes.put(message(Lane.LIVE, number))
    return lanes


@pytest.mark.parametrize(
    ("live", "room", "expected"),
    [
        (0, 30, (0, 30)),
        (5, 30, (5, 25)),
        (40, 30, (40, 0)),
        (120, 30, (100, 0)),
        (5, None, (5, 95)),
    ],
)
def test_backlog_fills_what_live_readings_leave(
    live: int, room: int | None, expected: tuple[int, int]
) -> None:
    taken = filled(live, 200).take(100, room)
    lanes = [arrival.mark.lane for arrival in taken]
    assert (lanes.count(Lane.LIVE), lanes.count(Lane.BACKLOG)) == expected
    assert lanes == sorted(lanes, key=lambda lane: lane is Lane.BACKLOG)


def test_a_backlog_is_taken_hub_by_hub_in_its_order_and_everybody_has_a_turn() -> None:
    lanes = Lanes()

    def put(hub: str, sequence: int) -> None:
        mark = Mark(HubId(hub), "e", Lane.BACKLOG)
        lanes.put(replace(message(Lane.BACKLOG, sequence), mark=mark))

    def took(most: int) -> list[tuple[str, int]]:
        return [(one.mark.hub, one.sequence) for one in lanes.take(100, most)]

    for sequence in (1, 2, 3):
        for hub in ("a", "b", "c"):
            put(hub, sequence)
    assert took(4) == [("a", 1), ("a", 2), ("a", 3), ("b", 1)]
    put("a", 4)
    put("b", 4)
    given = lanes.take(100, 4)
    lanes.put_back(given)
    assert len(lanes) == 7
    assert took(4) == [("b", 2), ("b", 3), ("b", 4), ("c", 1)]
    assert took(9) == [("c", 2), ("c", 3), ("a", 4)]
    assert len(lanes) == 0
    put("a", 5)
    lanes.forget()
    assert (len(lanes), took(9)) == (0, [])


@pytest.mark.row("R19")
def test_slow_batches_shrink_and_quick_ones_grow() -> None:
    pace = Pace()
    for _ in range(30):
        pace.note(100, 100 * 0.004)
    assert pace.backlog() == pytest.approx(BATCH_S / 0.004, abs=2)
    assert pace.live() == pytest.approx(LIVE_BATCH_S / 0.004, abs=12)
    for _ in range(30):
        pace.note(1000, 1000 * 0.0001)
    assert pace.backlog() == pytest.approx(BATCH_S / 0.0001, abs=20)
    for _ in range(30):
        pace.note(20, 60.0)
    assert pace.backlog() == pace.live() == FEWEST


def test_a_batch_stays_well_within_the_lease_even_of_a_core_that_has_just_begun() -> None:
    """Whoever takes over meets the readings on which the former owner may have been too slow."""
    slowest_s = 0.04  # a late reading of somebody with dozens of readings a day
    assert Pace().live() * slowest_s < LEASE_S / 1.5
    assert LIVE_BATCH_S < LEASE_S / 4
