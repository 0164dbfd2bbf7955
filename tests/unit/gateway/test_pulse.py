"""What the core counts of itself."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gateway.pulse import DELAYS, PULSE_VERSION, Meter, Tally, decode_pulse
from rules.wire import Lane

START = datetime(2026, 9, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_value_on_a_bound_counts_below_it_and_nothing_is_lost_above_the_last() -> None:
    tally = Tally((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 99.0):
        tally.add(value)
    found = tally.histogram()
    assert found.counts == (2, 2, 1)
    assert found.total == pytest.approx(104.0)


@pytest.mark.row("O2")
def test_a_batch_counts_by_lane_and_by_its_oldest_reading() -> None:
    meter = Meter(START)
    oldest = {Lane.LIVE: START, Lane.BACKLOG: START - timedelta(hours=2)}
    meter.batch(oldest, {Lane.LIVE: 3, Lane.BACKLOG: 40}, START + 2 * SECOND)
    meter.took(0.02, 43, at_s=100.0)
    meter.outcome(41, ["unit_missing", "unit_missing"], [1.5])
    pulse = meter.pulse(people=7, waiting=1, at_s=101.0)
    assert pulse.readings == {"live": 3, "backlog": 40}
    assert pulse.lag_s == {"live": 2.0, "backlog": 7202.0}
    assert pulse.quarantined == {"unit_missing": 2}
    assert (pulse.kept, pulse.alerts, pulse.batches) == (41, 1, 1)
    assert pulse.readings_per_s == pytest.approx(43 / 60, abs=1e-3)
    assert sum(pulse.delays["live"].counts) == 1
    assert pulse.delays["live"].counts[DELAYS.index(2.0)] == 1
    later = meter.pulse(people=7, waiting=0, at_s=161.0)
    assert later.readings_per_s == 0.0


def test_a_report_survives_the_store_and_another_versions_is_not_believed() -> None:
    pulse = Meter(START).pulse(people=1, waiting=0, at_s=0.0)
    body = msgspec.json.encode(pulse)
    assert decode_pulse(body) == pulse
    other = msgspec.structs.replace(pulse, v=PULSE_VERSION + 1)
    assert decode_pulse(msgspec.json.encode(other)) is None
    assert decode_pulse(b"{}") is None
