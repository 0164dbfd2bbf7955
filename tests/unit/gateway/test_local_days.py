"""Local days of many instants: as Python's own, however a zone changes its clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.baseline_columns import EPOCH
from gateway.local_days import LocalDays, hours_of
from gateway.recent import BEGINNING, micros

ZONES = ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
NOW = datetime(2026, 10, 20, tzinfo=UTC)
KNOWN = {name: LocalDays(ZoneInfo(name)) for name in ZONES}
"""Kept over all examples, as a core keeps its own: what one batch taught must hold for the next."""


def instants(most: timedelta) -> st.SearchStrategy[list[datetime]]:
    """Instants of one batch, which lie so far apart at most."""
    return st.tuples(
        st.datetimes(datetime(1970, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - UTC is added
        st.lists(st.timedeltas(timedelta(0), most), max_size=8),
    ).map(lambda told: [told[0].replace(tzinfo=UTC) + one for one in (timedelta(0), *told[1])])


@pytest.mark.parametrize("name", ZONES)
@settings(max_examples=200, deadline=None)
@given(batch=instants(timedelta(days=20)) | instants(timedelta(days=9000)))
def test_days_and_hours_are_those_of_the_zones_clocks(name: str, batch: list[datetime]) -> None:
    at = np.array([micros(one) for one in batch], dtype=np.int64)
    local = [(BEGINNING + int(one) * timedelta(microseconds=1)) for one in at]
    shown = [one.astimezone(ZoneInfo(name)) for one in local]
    days = KNOWN[name].day(at) + EPOCH
    assert days.tolist() == [one.toordinal() for one in shown]
    assert hours_of(KNOWN[name].local(at)).tolist() == [one.hour for one in shown]


@pytest.mark.parametrize("name", ZONES)
def test_batch_after_batch_over_a_change_of_the_clocks(name: str) -> None:
    """As a year of a core goes by: fourteen days back from each, a few hours on at a time."""
    zone, days = ZoneInfo(name), LocalDays(ZoneInfo(name))
    for step in range(0, 8000, 7):
        batch = [NOW + timedelta(hours=step), NOW + timedelta(hours=step) - timedelta(days=14)]
        found = days.day(np.array([micros(one) for one in batch])) + EPOCH
        assert found.tolist() == [one.astimezone(zone).toordinal() for one in batch]


def test_nobodys_readings_have_no_days() -> None:
    assert LocalDays(ZoneInfo("Asia/Shanghai")).day(np.zeros(0, dtype=np.int64)).size == 0
