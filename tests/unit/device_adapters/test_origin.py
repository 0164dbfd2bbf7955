"""Live or backlog: the decision for a whole session, from its records alone."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from device_adapters.ble.origin import classify, corrected_time
from rules.vocabulary import (
    CoincidentClocks,
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    Origin,
    Quantity,
    QuantityName,
    Vital,
)

CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
LOCAL = datetime(2026, 11, 21, 8, 0)  # noqa: DTZ001 - device-local
LIVE, BACKLOG = Origin.LIVE, Origin.BACKLOG


def record(
    device_time: datetime | None,
    *,
    by_request: bool = False,
    clocks: CoincidentClocks | None = None,
    trusted: bool = True,
) -> Observation:
    return Observation(
        device=DeviceRef(manufacturer="A", model="B", serial="C"),
        kind=Vital.BLOOD_PRESSURE,
        quantities={QuantityName.SYSTOLIC: Quantity(value=Decimal(230), unit="mm[Hg]")},
        received=HubStamp(boot_id="b", monotonic_s=0.0, wall=NOW, wall_trusted=trusted),
        hub=HubId("h"),
        session="s",
        device_time=device_time,
        clocks=clocks,
        source="ble:2A18" if by_request else "ble:2A35",
    )


@pytest.mark.parametrize(
    "device_time",
    [None, LOCAL, datetime(2000, 1, 1), LOCAL - timedelta(days=30)],  # noqa: DTZ001
)
@pytest.mark.parametrize("trusted", [True, False])
def test_the_only_indication_of_a_session_is_live_whatever_its_clock_says(
    device_time: datetime | None, *, trusted: bool
) -> None:
    assert classify([record(device_time, trusted=trusted)], zone=CHINA) == [LIVE]


def test_of_several_only_the_newest_and_only_within_five_minutes() -> None:
    old, edge = LOCAL - timedelta(hours=2), LOCAL - timedelta(minutes=5)
    assert classify([record(edge), record(old)], zone=CHINA) == [LIVE, BACKLOG]
    beyond = edge - timedelta(seconds=1)
    assert classify([record(old), record(beyond)], zone=CHINA) == [BACKLOG, BACKLOG]
    assert classify([record(LOCAL), record(LOCAL)], zone=CHINA) == [BACKLOG, LIVE]
    ahead = LOCAL + timedelta(minutes=6)
    assert classify([record(LOCAL), record(ahead)], zone=CHINA) == [BACKLOG, BACKLOG]


def test_undated_records_of_a_larger_session_are_history() -> None:
    assert classify([record(None), record(None)], zone=CHINA) == [BACKLOG, BACKLOG]
    assert classify([record(None), record(LOCAL)], zone=CHINA) == [BACKLOG, LIVE]


def test_a_requested_record_is_live_when_it_is_fresh_and_alone_is_not_enough() -> None:
    fresh, old = record(LOCAL, by_request=True), record(LOCAL - timedelta(days=1), by_request=True)
    assert classify([old, fresh], zone=CHINA) == [BACKLOG, LIVE]
    assert classify([old], zone=CHINA) == [BACKLOG]
    assert classify([record(None, by_request=True)], zone=CHINA) == [BACKLOG]


def test_a_wrong_clock_is_corrected_by_the_coincident_pair() -> None:
    clocks = CoincidentClocks(
        device_time=datetime(2000, 1, 1, 0, 10),  # noqa: DTZ001
        hub_time=NOW,
    )
    measured = datetime(2000, 1, 1, 0, 7)  # noqa: DTZ001
    seen = record(measured, by_request=True, clocks=clocks)
    assert corrected_time(seen, zone=CHINA) == NOW - timedelta(minutes=3)
    assert classify([seen], zone=CHINA) == [LIVE]


def test_a_hub_that_does_not_know_the_time_cannot_call_a_dated_record_fresh() -> None:
    two = [record(LOCAL, trusted=False), record(LOCAL, trusted=False)]
    assert classify(two, zone=CHINA) == [BACKLOG, BACKLOG]
    assert classify([record(LOCAL, by_request=True, trusted=False)], zone=CHINA) == [BACKLOG]


def test_the_ends_of_the_calendar_do_no_harm() -> None:
    edge = datetime(9999, 12, 31, 23, 59)  # noqa: DTZ001
    clocks = CoincidentClocks(device_time=datetime(2000, 1, 1), hub_time=NOW)  # noqa: DTZ001
    for seen in (record(edge, clocks=clocks), record(datetime(1, 1, 1))):  # noqa: DTZ001
        assert classify([seen, record(LOCAL)], zone=CHINA) == [BACKLOG, LIVE]


def test_nothing_is_nothing() -> None:
    assert classify([], zone=CHINA) == []
