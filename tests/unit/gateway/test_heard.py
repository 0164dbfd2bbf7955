"""A hub that does not know the time: what it judges by its arrival, and what it recalls."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.heard import in_order
from gateway.packs import load_first_pack
from gateway.red_path import RedPath
from rules.vocabulary import CoincidentClocks, Observation, Origin
from tests.unit.gateway.observations import START, blood_pressure

ZONE = ZoneInfo("Asia/Shanghai")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WRONG = [datetime(1970, 1, 1, 0, 1, tzinfo=UTC), START - 5 * HOUR]


@pytest.fixture
def path() -> RedPath:
    return RedPath(zone=ZONE, rules=load_first_pack())


def stored(
    number: int, measured: datetime, wall: datetime, systolic: int = 235, session: str = "s1"
) -> Observation:
    """A dated record that is no live one, received by a hub whose clock shows `wall`."""
    sent = blood_pressure(number, systolic=systolic, diastolic=90, session=session)
    local = measured.astimezone(ZONE).replace(tzinfo=None)
    received = replace(sent.received, wall=wall, wall_trusted=False)
    return replace(sent, device_time=local, received=received, source="ble:2A35")


@pytest.mark.row("P11")
@pytest.mark.parametrize("wall", WRONG)
def test_of_a_session_the_newest_new_record_rings_by_its_arrival(
    path: RedPath, wall: datetime
) -> None:
    session = [stored(n, START - (2 - n) * DAY, wall, 235) for n in range(3)]
    assert [a for one in session for a in path.consider(one, wall)] == []  # not decided yet
    (alert,) = path.consider_session(session, wall)
    assert (alert.rule_id, alert.record.ordinal) == ("HW-02", 2)
    assert path.instructions(wall + timedelta(minutes=2))


BATTERY = datetime(1999, 12, 31, 16, 3, tzinfo=UTC)  # 00:03 on the first of January 2000
LAST_WEEK = [START - day * DAY for day in (7, 6, 5)]
SINCE = [BATTERY, BATTERY + 9 * HOUR]


@pytest.mark.row("P11")
@pytest.mark.parametrize("wall", WRONG)
@pytest.mark.parametrize(
    ("times", "newest"),
    [
        ([*LAST_WEEK, BATTERY], {3}),
        ([*LAST_WEEK, *SINCE], {4}),
        ([*reversed(SINCE), *reversed(LAST_WEEK)], {0}),
        ([*reversed(LAST_WEEK), BATTERY], {0}),  # made before somebody set it for the first time
        ([BATTERY, *LAST_WEEK], {3}),
        ([LAST_WEEK[1], LAST_WEEK[2], LAST_WEEK[0]], {1}),  # in no order, and no year is missing
        ([LAST_WEEK[0], BATTERY], {0, 1}),  # either was made last
    ],
)
def test_a_clock_that_was_reset_in_the_middle_of_a_memory_hides_no_newest_record(
    path: RedPath, wall: datetime, times: list[datetime], newest: set[int]
) -> None:
    session = [stored(n, at, wall, 231 + n) for n, at in enumerate(times)]
    raised = path.consider_session(session, wall)
    assert {alert.record.ordinal for alert in raised if alert.rule_id == "HW-02"} == newest


@pytest.mark.parametrize("wall", WRONG)
@pytest.mark.parametrize("dated", [True, False])
def test_of_numbered_records_the_number_tells_the_newest(
    path: RedPath, wall: datetime, *, dated: bool
) -> None:
    """65534, 65535, 0 over the end of the numbers; the clock was reset before the last one."""
    session = [
        replace(stored(n, at, wall, 231 + n), sequence=(65534 + n) % 65536)
        for n, at in enumerate([*LAST_WEEK[:2], BATTERY])
    ]
    if not dated:
        session = [replace(one, device_time=None) for one in session]
    (alert,) = path.consider_session(session, wall)
    assert alert.record.ordinal == 2


@pytest.mark.parametrize("wall", WRONG)
def test_a_memory_whose_newest_record_was_heard_before_or_harmless_rings_nothing(
    path: RedPath, wall: datetime
) -> None:
    before = [stored(n, START - (5 - n) * DAY, wall, session="s0") for n in range(3)]
    for one in before:
        path.heard.note(one)
    again = [replace(one, session="s1") for one in before]
    assert path.consider_session(again, wall) == []
    harmless = stored(9, START, wall, systolic=130)
    assert path.consider_session([*again, harmless], wall) == []


def test_where_both_clocks_were_seen_or_the_hub_has_the_time_the_arrival_decides_nothing(
    path: RedPath,
) -> None:
    wall = WRONG[0]
    old = stored(1, START - 3 * HOUR, wall)
    seen = CoincidentClocks(device_time=START.astimezone(ZONE).replace(tzinfo=None), hub_time=wall)
    assert path.consider_session([replace(old, clocks=seen)], wall) == []
    known = replace(old, received=replace(old.received, wall=START, wall_trusted=True))
    assert path.consider_session([known], START) == []


def published(number: int, measured: datetime, wall: datetime) -> Observation:
    return replace(stored(number, measured, wall, session="mqtt-1"), source="mqtt:reading")


@pytest.mark.row("P11")
@pytest.mark.parametrize("wall", WRONG)
def test_what_was_published_last_rings_once_its_device_pauses(
    path: RedPath, wall: datetime
) -> None:
    second = timedelta(seconds=1)
    for n in range(4):
        one = published(n, START - (3 - n) * DAY, wall)
        assert path.consider_published([one], wall + n * second) == []
        assert path.instructions(wall + n * second) == ()
    assert path.changes_at(wall + 3 * second) == wall + 8 * second
    assert path.instructions(wall + 7 * second) == ()
    assert path.instructions(wall + 8 * second)
    assert [alert.record.ordinal for alert in path.alerts()] == [3]


def test_what_the_broker_had_kept_rings_by_no_arrival(path: RedPath) -> None:
    wall = WRONG[0]
    kept = replace(published(1, START, wall), session="retained-0123")
    path.consider_published([kept], wall)
    assert path.instructions(wall + timedelta(minutes=1)) == ()


@pytest.mark.parametrize("source", ["ble:2A35", "mqtt:reading"])
def test_what_rang_by_its_arrival_rings_on_after_a_restart(source: str) -> None:
    wall = WRONG[0]
    past = [replace(stored(n, START - (2 - n) * DAY, wall), source=source) for n in range(3)]
    again = RedPath(zone=ZONE, rules=load_first_pack())
    again.recall([(one, wall) for one in past], wall + timedelta(minutes=3))
    assert [alert.record.ordinal for alert in again.alerts()] == [2]
    assert len(again.instructions(wall + timedelta(minutes=3))) == 2  # and nobody was reached


def rung(number: int, at: datetime) -> Observation:
    sent = stored(number, at, at)
    return replace(sent, origin=Origin.LIVE, received=replace(sent.received, wall_trusted=True))


def test_on_a_clock_that_a_power_cut_set_back_the_stamps_tell_how_old_an_emergency_is(
    path: RedPath,
) -> None:
    now, newest = datetime(2023, 1, 1, tzinfo=UTC), START - HOUR
    emergency = rung(1, START - 4 * HOUR)
    path.recall_behind([(emergency, emergency.received_at)], newest, now)
    (alert,) = path.alerts()
    assert now - alert.raised_at == 3 * HOUR  # at least
    assert path.instructions(now)[0]["en"].startswith("Nobody has been reached")
    path.clock_stepped(timedelta(hours=1))  # not yet the time
    path.clock_stepped(START - now - timedelta(hours=1))
    (alert,) = path.alerts()
    assert alert.raised_at == emergency.received_at


def test_told_emergencies_are_not_said_again_on_a_clock_that_is_behind(path: RedPath) -> None:
    now, emergency = datetime(2023, 1, 1, tzinfo=UTC), rung(1, START)
    (alert,) = RedPath(zone=ZONE, rules=load_first_pack()).consider(emergency, START)
    path.reach.note_told([alert.alert_id])
    path.recall_behind([(emergency, START)], START, now)
    assert path.instructions(now) == ()
    assert path.instructions(now + timedelta(minutes=10)) == ()


def test_a_stamp_of_a_hub_without_the_time_is_no_earlier_than_the_last_that_had_it() -> None:
    first, second = rung(1, START), stored(2, START, WRONG[0])
    third = replace(second, received=replace(second.received, wall=START + HOUR))
    assert [one.received_at for one in in_order([second, first, second, third])] == [
        WRONG[0],
        START,
        START,
        START + HOUR,
    ]
