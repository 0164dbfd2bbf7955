from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.arrivals import Arrival, read_arrival
from gateway.clock import ManualClock
from gateway.intake import Quarantined, effective_time
from gateway.stamps import Stamps
from rules.vocabulary import HubId, Observation, Origin, TimeConfidence
from rules.wire import WIRE_VERSION, Envelope, Lane, encode_envelope, uplink_topic
from tests.unit.gateway.observations import START, blood_pressure

ZONE = ZoneInfo("Asia/Shanghai")


def arrival(observation: Observation, age_s: float | None) -> Arrival:
    message = Envelope(
        v=WIRE_VERSION,
        hub=observation.hub,
        epoch="e",
        lane=Lane.LIVE,
        sequence=1,
        observation=observation,
        age_s=age_s,
    )
    topic = uplink_topic(observation.hub, "e", Lane.LIVE, 1)
    return read_arrival(topic, encode_envelope(message), START)


def after_a_power_cut() -> Observation:
    """A live reading of a cuff without a clock, on a hub that believes to be in 1970."""
    sent = blood_pressure(1, origin=Origin.LIVE, systolic=230)
    received = replace(sent.received, wall=datetime(1970, 1, 1, tzinfo=UTC), wall_trusted=False)
    return replace(sent, device_time=None, sequence=None, received=received)


def content(of: Arrival) -> Observation:
    assert not isinstance(of.content, Quarantined)
    return of.content


def test_a_hub_without_the_time_says_how_long_ago_and_the_core_dates_it() -> None:
    dated = content(arrival(after_a_power_cut(), 90.0))
    assert dated.received.wall == START - timedelta(seconds=90)
    timed = effective_time(dated, ZONE, START)
    assert timed.effective_at == START - timedelta(seconds=90)
    assert timed.confidence is TimeConfidence.ARRIVAL  # it may ring


@pytest.mark.parametrize("age_s", [None, -1.0, 1e9])
def test_an_age_that_is_none_dates_nothing(age_s: float | None) -> None:
    undated = content(arrival(after_a_power_cut(), age_s))
    assert not undated.received.wall_trusted
    assert effective_time(undated, ZONE, START).confidence is TimeConfidence.UNKNOWN


def test_a_hub_that_knows_the_time_is_believed() -> None:
    sent = blood_pressure(1, origin=Origin.LIVE)
    assert content(arrival(sent, None)).received == sent.received


def test_the_age_is_of_this_boot_only() -> None:
    clock = ManualClock(START)
    stamps = Stamps(clock, lambda: False)
    stamp = stamps.now()
    clock.advance(timedelta(minutes=3))
    assert stamps.age_s(stamp) == 180
    assert stamps.age_s(replace(stamp, boot_id="another")) is None


def test_hub_of_the_message_must_be_that_of_the_topic() -> None:
    other = replace(blood_pressure(1), hub=HubId("hub-else"))
    message = Envelope(
        v=WIRE_VERSION, hub=other.hub, epoch="e", lane=Lane.LIVE, sequence=1, observation=other
    )
    spoofed = read_arrival(
        uplink_topic("hub-mine", "e", Lane.LIVE, 1), encode_envelope(message), START
    )
    assert isinstance(spoofed.content, Quarantined)
    assert spoofed.content.field == "hub"
