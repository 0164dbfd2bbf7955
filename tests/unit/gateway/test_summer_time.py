"""A device's clock that knows nothing of summer time, read on the other side of the change.

Europe/Berlin: on 2026-03-29 at 01:00 UTC from +01:00 to +02:00, on 2026-10-25 at 01:00 UTC back
(Directive 2000/84/EC: the last Sundays of March and October). The county's own zone has no changes.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from device_adapters.ble.clocks import ClockSet, Correction, looks_with
from device_adapters.ble.origin import CLOCK_RAN_ON, corrected_time
from gateway.intake import Timed, effective_time
from rules.vocabulary import CoincidentClocks, HubStamp, Observation, Origin, TimeConfidence
from tests.unit.gateway.observations import blood_pressure

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 1)  # noqa: DTZ001 - a device's clock
CORRECTED, GOOD = TimeConfidence.CORRECTED, TimeConfidence.GOOD


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fetched(shown: datetime, pair: CoincidentClocks | None, read_at: datetime) -> Observation:
    """A record out of a device's memory, stamped `shown`, read at `read_at`."""
    return replace(
        blood_pressure(1, origin=Origin.BACKLOG),
        device_time=shown,
        clocks=pair,
        received=HubStamp(boot_id="b", monotonic_s=0, wall=read_at, wall_trusted=True),
    )


def dated(made: str, read: str, *, ahead_of_utc: timedelta, zone: tzinfo) -> Timed:
    """A record made and read at these UTC times by a clock that stands at UTC plus that much."""
    made_at, read_at = utc(made), utc(read)
    pair = CoincidentClocks(
        device_time=(read_at + ahead_of_utc).replace(tzinfo=None), hub_time=read_at
    )
    record = fetched((made_at + ahead_of_utc).replace(tzinfo=None), pair, read_at)
    timed = effective_time(record, zone, read_at)
    if timed.confidence is CORRECTED:
        assert timed.effective_at == corrected_time(record, zone=zone), "hub and core agree"
    return timed


@pytest.mark.parametrize(
    ("made", "read", "hours"),
    [
        ("2026-10-24T18:00", "2026-10-25T09:00", 2),  # set in summer, the evening before the change
        ("2026-10-25T08:00", "2026-10-25T09:00", 2),  # set in summer, made after it
        ("2026-10-25T00:30", "2026-10-25T01:30", 2),  # made in the hour that comes twice
        ("2026-08-01T05:00", "2026-12-01T05:00", 2),  # set in summer, read in December
        ("2026-03-28T19:00", "2026-03-29T08:00", 1),  # set in winter, the evening before the change
        ("2026-03-29T07:00", "2026-03-29T08:00", 1),  # set in winter, made after it
        ("2026-03-29T01:30", "2026-03-29T08:00", 1),  # shows 02:30, which was no time of that day
        ("2026-10-24T18:00", "2026-10-25T09:00", 7.5),  # set to another zone altogether
    ],
)
def test_a_clock_that_was_not_changed_is_corrected_across_the_change(
    made: str, read: str, hours: float
) -> None:
    found = dated(made, read, ahead_of_utc=hours * HOUR, zone=BERLIN)
    assert found == Timed(utc(made), CORRECTED)


@pytest.mark.parametrize("hours", [9, 7.5, -2])
def test_where_no_clock_is_ever_changed_the_difference_is_taken_off(hours: float) -> None:
    found = dated("2026-10-24T18:00", "2026-10-25T09:00", ahead_of_utc=hours * HOUR, zone=SHANGHAI)
    assert found == Timed(utc("2026-10-24T18:00"), CORRECTED)


@pytest.mark.parametrize("zone", [BERLIN, SHANGHAI])
def test_a_right_clock_keeps_its_own_time(zone: ZoneInfo) -> None:
    read = utc("2026-12-01T05:00")
    shown = read.astimezone(zone).replace(tzinfo=None)
    pair = CoincidentClocks(device_time=shown - timedelta(minutes=4), hub_time=read)
    summer = utc("2026-08-01T05:00")  # the device, or who set it, knew of summer time then
    record = fetched(summer.astimezone(zone).replace(tzinfo=None), pair, read)
    assert effective_time(record, zone, read) == Timed(summer, GOOD)


def look_at(at: str, ahead_of_utc: timedelta) -> CoincidentClocks:
    """What a clock shows that stands at UTC plus that much, beside the hub's."""
    hub_time = utc(at)
    return CoincidentClocks(
        device_time=(hub_time + ahead_of_utc).replace(tzinfo=None), hub_time=hub_time
    )


WINTER, SUMMER = timedelta(hours=1), timedelta(hours=2)


@pytest.mark.parametrize(
    ("looks", "sets", "made_on", "right"),
    [
        ([("2026-09-01T06:00", WINTER)], [], WINTER, True),  # ran on: the pair tells
        ([("2026-09-01T06:00", SUMMER)], [], SUMMER, True),  # somebody put it back since
        ([], [], SUMMER, True),  # nobody has looked: its own time is believed
        ([], [], WINTER, False),  # which is an hour out if it was left alone all summer
        ([("2026-11-01T06:00", WINTER)], [], SUMMER, True),  # a look after the change tells nothing
        ([("2026-09-01T06:00", WINTER + 7 * timedelta(minutes=1))], [], SUMMER, True),
        # We put it forward at that look, and somebody put it back in October.
        ([("2026-06-01T06:00", WINTER)], [("2026-06-01T06:00", WINTER)], SUMMER, True),
    ],
)
def test_a_right_clock_on_the_other_side_of_a_change_is_known_by_a_former_look(
    looks: list[tuple[str, timedelta]],
    sets: list[tuple[str, timedelta]],
    made_on: timedelta,
    right: bool,
) -> None:
    read, made = utc("2026-12-01T05:00"), utc("2026-10-01T05:00")
    correction = Correction(
        now=look_at("2026-12-01T05:00", WINTER),
        sets=tuple(ClockSet(seen=look_at(*one)) for one in sets),
        looks=tuple(look_at(*one) for one in looks),
    )
    shown = (made + made_on).replace(tzinfo=None)
    dating = correction.dating_of(shown, BERLIN)
    words = {CLOCK_RAN_ON: "true"} if dating.ran_on else {}
    record = replace(fetched(shown, dating.pair, read), context=words)
    assert (effective_time(record, BERLIN, read).effective_at == made) is right


def test_looks_are_kept_from_before_and_after_a_change() -> None:
    kept: tuple[CoincidentClocks, ...] = ()
    for day in range(300):
        at = utc("2026-03-01T06:00") + timedelta(days=day)
        kept = looks_with(kept, CoincidentClocks(device_time=START, hub_time=at), BERLIN)
        again = CoincidentClocks(device_time=START, hub_time=at + HOUR)
        assert looks_with(kept, again, BERLIN) == kept, "one a day"
    assert [look.hub_time for look in kept] == [utc("2026-10-24T06:00"), utc("2026-12-25T06:00")]


@pytest.mark.parametrize(
    ("made", "read"),
    [
        ("2026-10-24T18:00", "2026-10-25T01:30"),  # read in the second 02:30
        ("2026-10-25T01:29", "2026-10-25T01:30"),  # made and read in the second
        ("2026-10-25T00:29", "2026-10-25T00:30"),  # made and read in the first
        ("2026-10-25T00:50", "2026-10-25T01:10"),  # 02:50, read at 02:10: only the first was
        ("2026-10-25T01:30", "2026-10-25T09:00"),  # read hours later
    ],
)
def test_a_right_clock_in_the_hour_that_comes_twice(made: str, read: str) -> None:
    made_at, read_at = utc(made), utc(read)

    def on_the_wall(at: datetime) -> datetime:
        return at.astimezone(BERLIN).replace(tzinfo=None, fold=0)  # a device says no more

    pair = CoincidentClocks(device_time=on_the_wall(read_at), hub_time=read_at)
    timed = effective_time(fetched(on_the_wall(made_at), pair, read_at), BERLIN, read_at)
    assert timed == Timed(made_at, GOOD)


def test_a_time_that_the_zone_left_out_is_of_a_clock_not_yet_put_forward() -> None:
    read = utc("2026-03-29T08:00")
    pair = CoincidentClocks(device_time=datetime(2026, 3, 29, 10), hub_time=read)  # noqa: DTZ001
    record = fetched(datetime(2026, 3, 29, 2, 30), pair, read)  # noqa: DTZ001
    assert effective_time(record, BERLIN, read) == Timed(utc("2026-03-29T01:30"), GOOD)


def test_what_a_clock_dated_before_we_put_it_back_is_corrected_in_later_sessions_too() -> None:
    """The transfer broke after the first record: the rest is read by a clock that is right."""
    put_back = utc("2026-10-25T09:00")  # it showed 11:00, and shows 10:00 from then on
    seen = CoincidentClocks(device_time=datetime(2026, 10, 25, 11), hub_time=put_back)  # noqa: DTZ001
    read = utc("2026-10-25T18:00")
    now = CoincidentClocks(device_time=datetime(2026, 10, 25, 19), hub_time=read)  # noqa: DTZ001
    correction = Correction(now=now, sets=(ClockSet(seen=seen),))

    def at(day: int, hour: int) -> Timed:
        shown = datetime(2026, 10, day, hour)  # noqa: DTZ001
        pair = correction.dating_of(shown, BERLIN).pair
        return effective_time(fetched(shown, pair, read), BERLIN, read)

    assert at(24, 20) == Timed(utc("2026-10-24T18:00"), CORRECTED)
    assert at(25, 15) == Timed(utc("2026-10-25T14:00"), GOOD)
