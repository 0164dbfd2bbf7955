"""Which pair of clock readings belongs to which record; what a glucose sensor is told."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_adapters.adapter import DecodeError, Record
from device_adapters.ble.cgm_session import CgmSession
from device_adapters.ble.clocks import ClockSet, Correction, Dated, SeenClock
from device_adapters.ble.current_time import CLOCKS, CURRENT_TIME
from device_adapters.ble.decoders import cgm
from rules.vocabulary import CoincidentClocks, HubStamp, Vital

pytestmark = pytest.mark.row("P11")

CHINA = ZoneInfo("Asia/Shanghai")
SET_AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 21, 12, 0)  # noqa: DTZ001 - SET_AT on a right clock
HOUR = timedelta(hours=1)


def pair(device_time: datetime, hub_time: datetime) -> CoincidentClocks:
    return CoincidentClocks(device_time=device_time, hub_time=hub_time)


AN_HOUR_LATER = pair(NOON + HOUR, SET_AT + HOUR)


def chosen(was_ahead: timedelta, device_time: datetime | None) -> str:
    before = pair(NOON + was_ahead, SET_AT)
    correction = Correction(now=AN_HOUR_LATER, sets=(ClockSet(seen=before),))
    found = correction.dating_of(device_time, CHINA).pair
    return {before: "before", AN_HOUR_LATER: "now"}[found] if found else "doubtful"


@pytest.mark.parametrize(
    ("was_ahead", "shown", "expected"),
    [
        (-8 * HOUR, NOON - 9 * HOUR, "before"),
        (-8 * HOUR, NOON - 8 * HOUR, "before"),
        (-8 * HOUR, NOON, "now"),
        (-8 * HOUR, NOON - HOUR, "now"),  # no clock of this device has shown that
        (8 * HOUR, NOON - HOUR, "before"),
        (8 * HOUR, NOON + 7 * HOUR, "before"),  # later than the present
        (8 * HOUR, NOON + HOUR / 2, "doubtful"),  # shown twice
        (8 * HOUR, NOON + HOUR * 0.95, "now"),  # shown twice, and a moment ago
        (-2 * HOUR / 60, NOON - HOUR / 60, "now"),  # two minutes, which are not corrected
        (8 * HOUR, NOON + 9 * HOUR, "now"),  # in nobody's past; intake will not believe it
    ],
)
def test_a_record_is_corrected_by_the_clock_it_was_made_by(
    was_ahead: timedelta, shown: datetime, expected: str
) -> None:
    assert chosen(was_ahead, shown) == expected


def test_a_record_without_a_date_or_a_clock_never_set_takes_the_present_pair() -> None:
    assert chosen(-HOUR, None) == "now"
    assert Correction(now=AN_HOUR_LATER).dating_of(NOON, CHINA).pair == AN_HOUR_LATER
    assert Correction(now=None).dating_of(NOON, CHINA).pair is None


def test_of_a_time_shown_twice_the_records_told_before_the_clock_was_put_back_are_known() -> None:
    """Five hours ahead; all in its memory was told before the clock was put back."""
    before = pair(NOON + 5 * HOUR, SET_AT)
    later = pair(NOON + 4 * HOUR, SET_AT + 4 * HOUR)
    correction = Correction(now=later, sets=(ClockSet(seen=before, told=frozenset({b"old"})),))
    twice = NOON + 3 * HOUR
    assert correction.dating_of(twice, CHINA, b"old").pair == before
    assert correction.dating_of(twice, CHINA, b"new") == Dated(pair=None, doubtful=True)
    made_earlier = later.device_time - timedelta(minutes=5, seconds=1)
    assert correction.dating_of(made_earlier, CHINA, b"new").doubtful
    made_just_now = later.device_time - timedelta(minutes=5)
    assert correction.dating_of(made_just_now, CHINA, b"new").pair == later
    assert correction.dating_of(made_just_now, CHINA, b"old").pair == before


@pytest.mark.parametrize(("seconds", "far"), [(300, False), (301, True), (-86_400, False)])
def test_a_clock_more_than_five_minutes_ahead_is_put_back_last(seconds: int, far: bool) -> None:
    stamp = HubStamp(boot_id="b", monotonic_s=0, wall=SET_AT, wall_trusted=True)
    shown = NOON + timedelta(seconds=seconds)
    assert (
        SeenClock(clock=CLOCKS[CURRENT_TIME], shown=shown, stamp=stamp).is_far_ahead(CHINA) is far
    )


@pytest.mark.parametrize("ahead_s", [300, 301])
def test_stretches_up_to_five_minutes_apart_are_one(ahead_s: int) -> None:
    """Put back by that much: of a time shown twice the earlier and the later are as good as one."""
    before = pair(NOON + timedelta(seconds=ahead_s), SET_AT)
    correction = Correction(now=AN_HOUR_LATER, sets=(ClockSet(seen=before),))
    twice = correction.dating_of(NOON + timedelta(seconds=200), CHINA)
    assert twice.doubtful == (ahead_s > 300)


@pytest.mark.parametrize(("minute", "word"), [(120, None), (121, "true")])
def test_a_record_of_after_the_sensors_hours_says_so(minute: int, word: str | None) -> None:
    session = CgmSession(began=NOON, run_time_h=2)
    dated = session.dated(
        Record(
            characteristic="2AA7",
            kind=Vital.GLUCOSE_CGM,
            quantities={},
            time_offset_min=minute,
        )
    )
    assert dated.context.get("beyond_run_time") == word
    assert dated.device_time == NOON + timedelta(minutes=minute)


def test_each_time_the_clock_was_set_has_records_of_its_own() -> None:
    first = pair(NOON - 30 * HOUR, SET_AT - 24 * HOUR)  # six hours behind
    second = pair(NOON - 2 * HOUR, SET_AT)  # two by then
    correction = Correction(now=AN_HOUR_LATER, sets=(ClockSet(seen=first), ClockSet(seen=second)))
    assert correction.dating_of(NOON - 31 * HOUR, CHINA).pair == first
    assert correction.dating_of(NOON - 3 * HOUR, CHINA).pair == second
    assert correction.dating_of(NOON, CHINA).pair == AN_HOUR_LATER


def test_a_clock_that_lost_its_time_was_right_until_then() -> None:
    """Set right, then a new battery: it begins in the year 2000 once more."""
    start = datetime(2000, 1, 1)  # noqa: DTZ001 - a device's clock
    first = pair(start + 8 * HOUR, SET_AT)
    now = pair(start + 5 * HOUR, SET_AT + 48 * HOUR)
    correction = Correction(now=now, sets=(ClockSet(seen=first),))
    between = correction.dating_of(NOON + HOUR, CHINA)
    assert between.pair == pair(NOON, SET_AT)
    assert not between.doubtful
    assert correction.dating_of(start + 5 * HOUR, CHINA).pair == now  # a moment ago
    assert correction.dating_of(start + 7 * HOUR, CHINA).pair == first
    shown_twice = correction.dating_of(start + 3 * HOUR, CHINA)
    assert (shown_twice.pair, shown_twice.doubtful) == (None, True)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (CHINA, "ea070b150c0000" + "2000"),  # +8 h = 32 quarters
        (ZoneInfo("Europe/Berlin"), "ea070b15050000" + "0400"),
        (ZoneInfo("Asia/Kathmandu"), "ea070b15092d00" + "1700"),  # +5:45
        (timezone(timedelta(minutes=7)), "ea070b15040700" + "80ff"),  # no quarter: unknown
    ],
)
def test_a_sensor_is_told_the_time_with_its_zone(zone: ZoneInfo, expected: str) -> None:
    octets = cgm.encode_session_start(SET_AT.astimezone(zone), with_crc=False)
    assert octets.hex() == expected
    summer = datetime(2026, 7, 1, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert cgm.encode_session_start(summer, with_crc=False)[7:].hex() == "0404"
    closed = cgm.encode_session_start(SET_AT.astimezone(zone), with_crc=True)
    assert cgm.has_crc(closed)
    assert closed[:-2] == octets
    told = cgm.session_began(closed)
    assert told == SET_AT.astimezone(zone).replace(tzinfo=None)


def test_what_a_sensor_says_of_its_session_is_read_or_refused() -> None:
    assert cgm.session_began(bytes(7) + b"\x80\xff") is None
    assert cgm.minutes_running(bytes.fromhex("3c00000000")) == 60
    assert cgm.minutes_running(bytes.fromhex("3c00010000")) is None  # stopped: its clock stands
    assert cgm.run_time_h(bytes.fromhex("5001")) == 336
    assert cgm.run_time(bytes.fromhex("5001")) == {"run_time_h": "336"}
    for read, octets in (
        (cgm.session_began, "ea070b150c00"),
        (cgm.minutes_running, "3c000000"),
        (cgm.run_time_h, "50"),
        (cgm.run_time_h, "5001ffff"),
    ):
        with pytest.raises(DecodeError):
            read(bytes.fromhex(octets))


FIRST, LAST = datetime.min, datetime.max  # noqa: DTZ901 - a device's clock
SHOWN = st.sampled_from([FIRST, LAST, NOON]) | st.datetimes()
ZONES = st.sampled_from([CHINA, ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns")])


@given(now=SHOWN, before=st.lists(SHOWN, max_size=2), made=SHOWN, zone=ZONES)
def test_no_time_on_a_clock_is_too_far_off_to_be_dated(
    now: datetime, before: list[datetime], made: datetime, zone: ZoneInfo
) -> None:
    seen = [pair(shown, SET_AT - HOUR * (len(before) - at)) for at, shown in enumerate(before)]
    present = pair(now, SET_AT)
    correction = Correction(
        now=present, sets=tuple(ClockSet(seen=one) for one in seen), looks=(present,)
    )
    dated = correction.dating_of(made, zone)
    assert dated.doubtful == (dated.pair is None)
    assert not dated.ran_on  # no look from before a change


def test_a_right_clock_and_a_record_of_the_calendars_last_hours() -> None:
    """Read west of Greenwich, it is an instant of the year 10000."""
    zone = ZoneInfo("America/St_Johns")
    right = pair(SET_AT.astimezone(zone).replace(tzinfo=None), SET_AT)
    assert Correction(now=right).dating_of(LAST, zone) == Dated(pair=right)
