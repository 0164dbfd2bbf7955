"""A simulated hub's lane keeps the counting of the uplink protocol, whatever the receipts say."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.hub_clock import HubClock
from firmware_sim.hub_lane import RESEND_AFTER_S, SWIFT_S, WINDOW, HubLane
from firmware_sim.identity import Identity
from firmware_sim.publisher import Reading
from firmware_sim.uplink_words import Lane, Record, decode_receipt

AT = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
RECORD = Record(
    identity=Identity(manufacturer="A", model="B", serial="C"),
    reading=Reading(kind="pulse", quantities=()),
    stamp=HubClock(AT).stamp(AT),
    session="s",
    ordinal=1,
    lane=Lane.LIVE,
)


def filled(count: int, *, keep: int = 1000) -> HubLane:
    lane = HubLane(keep=keep)
    for _ in range(count):
        lane.add(RECORD, 0.0)
    return lane


def sent(lane: HubLane, now_s: float = 0.0) -> list[int]:
    return [sequence for sequence, _ in lane.take_unsent(now_s)]


def test_the_window_grows_to_64_and_moves_with_the_mark() -> None:
    lane = filled(300)
    for size in (32, 64, 64):
        begin = lane.sent
        assert sent(lane) == list(range(begin + 1, begin + 1 + size))
        assert sent(lane) == []
        assert lane.take_receipt(lane.sent, SWIFT_S) == [0.0] * size
    begin = lane.sent
    sent(lane)
    assert lane.take_receipt(begin + 10, 0.0) == [0.0] * 10
    assert sent(lane) == list(range(begin + 65, begin + 75))


def test_a_slow_core_is_told_less_at_a_time() -> None:
    lane = filled(300)
    assert len(sent(lane)) == 32
    for size in (16, 8, 4, 2, 1, 1):
        lane.take_receipt(lane.sent, SWIFT_S + 1)
        assert len(sent(lane)) == size
    lane.take_receipt(lane.sent, 1.0)
    assert len(sent(lane)) == 2
    lane.rewind_in_vain()
    assert len(sent(lane)) == 1
    lane.rewind()
    assert len(sent(lane)) == 32


def test_no_progress_for_30_s_sends_from_the_mark_again() -> None:
    lane = filled(3)
    assert sent(lane, 5.0) == [1, 2, 3]
    lane.take_receipt(1, 6.0)
    assert not lane.is_stuck(6.0 + RESEND_AFTER_S - 0.1)
    assert lane.is_stuck(6.0 + RESEND_AFTER_S)
    lane.rewind()
    assert sent(lane, 40.0) == [2, 3]
    lane.take_receipt(3, 41.0)
    assert not lane.is_stuck(1000.0)


def test_a_mark_that_goes_back_sends_again_but_settles_nobody_twice() -> None:
    lane = filled(5)
    sent(lane)
    lane.take_receipt(1, 0.0)
    sent(lane)
    assert len(lane.take_receipt(5, 1.0)) == 4
    assert lane.take_receipt(2, 2.0) == []
    assert sent(lane) == [3, 4, 5]
    assert lane.take_receipt(5, 3.0) == []
    assert lane.waiting == 0


def test_a_mark_that_cannot_be_is_not_believed() -> None:
    lane = filled(5, keep=1)
    sent(lane)
    lane.take_receipt(4, 1.0)
    sent(lane)
    for impossible in (6, 2, -1):  # beyond what exists, and before what is kept
        assert lane.take_receipt(impossible, 2.0) == []
        assert (lane.through, lane.sent) == (4, 5)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(1, 80)),
            st.tuples(st.just("mark"), st.integers(0, 300)),
            st.tuples(st.just("rewind"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_never_more_than_64_under_way_and_never_a_gap(steps: list[tuple[str, int]]) -> None:
    lane = HubLane(keep=10)
    under_way: set[int] = set()
    for what, number in steps:
        if what == "add":
            for _ in range(number):
                lane.add(RECORD, 0.0)
        elif what == "mark":
            lane.take_receipt(number, 0.0)
        else:
            lane.rewind()
        under_way = {one for one in under_way if lane.through < one <= lane.sent}
        begin = lane.sent
        fresh = sent(lane)
        assert fresh == list(range(begin + 1, begin + 1 + len(fresh)))
        under_way |= set(fresh)
        assert len(under_way) <= WINDOW
        assert 1 <= lane.allowed <= WINDOW
        assert lane.sent == lane.last or lane.sent - lane.through >= lane.allowed


def test_a_clock_without_battery_knows_nothing_until_it_learns() -> None:
    clock = HubClock(AT)
    assert clock.stamp(AT + timedelta(hours=1)).wall == AT + timedelta(hours=1)
    before = clock.stamp(AT + timedelta(hours=1))
    clock.boot(AT + timedelta(hours=2))
    lost = clock.stamp(AT + timedelta(hours=3))
    assert not lost.trusted
    assert lost.wall.year == 2024
    assert lost.monotonic_s == 3600
    assert lost.boot_id != before.boot_id
    clock.learn()
    assert clock.anchored(lost).wall == AT + timedelta(hours=3)
    assert clock.anchored(lost).trusted
    clock.boot(AT + timedelta(hours=5), knows_time=True)
    assert clock.anchored(lost) == lost  # another boot: nobody can say when that was


def test_what_is_no_receipt_is_not_read_as_one() -> None:
    for payload in (b"", b"[]", b"7", b"{}", b'{"v":1,"hub":"h","epoch":"e","lane":"x"}', b"\xff"):
        assert decode_receipt(payload) is None
    good = b'{"v":1,"hub":"h","epoch":"e","lane":"live","through":3}'
    assert decode_receipt(good) == ("h", "e", Lane.LIVE, 3)
    assert decode_receipt(good.replace(b'"v":1', b'"v":2')) is None
    assert decode_receipt(good.replace(b"3}", b'"3"}')) is None
