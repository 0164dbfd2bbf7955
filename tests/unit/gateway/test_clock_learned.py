"""A hub that learns the time between two readings: what it dated before moves with its clock."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from gateway.packs import load_first_pack
from gateway.red_path import RedPath
from tests.unit.gateway.observations import START
from tests.unit.gateway.test_red_path import reading

ZONE = ZoneInfo("Asia/Shanghai")
STEP_MIN = 3 * 24 * 60
STEP = timedelta(minutes=STEP_MIN)


def test_a_reading_of_before_is_confirmed_by_one_of_after() -> None:
    path = RedPath(zone=ZONE, rules=load_first_pack())
    assert path.consider(reading(1, 0, 185), START) == []
    path.clock_stepped(STEP)
    again = START + STEP + timedelta(minutes=6)
    (alert,) = path.consider(reading(2, STEP_MIN + 6, 187), again)
    assert (alert.rule_id, alert.raised_at) == ("HW-02", again)


def test_a_reading_of_before_that_nobody_repeats_is_said_a_quarter_of_an_hour_later() -> None:
    path = RedPath(zone=ZONE, rules=load_first_pack())
    assert path.consider(reading(1, 0, 185), START) == []
    path.clock_stepped(STEP)
    assert len(path.instructions(START + STEP + timedelta(minutes=14))) == 1
    assert path.alerts() == (), "asked for a second reading so far"
    assert len(path.instructions(START + STEP + timedelta(minutes=16))) == 1
    assert [alert.rule_id for alert in path.alerts()] == ["HW-02"]
