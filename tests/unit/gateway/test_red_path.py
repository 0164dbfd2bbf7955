import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.commands import CommandBody
from gateway.hub_rules import WornLimits, pack_of, rules_for_hubs
from gateway.packs import load_first_pack
from gateway.red_path import RecordRef, RedPath
from rules.identity import alert_id, observation_identity
from rules.pack import Pack
from rules.vocabulary import Bound, Observation, Origin, Quantity, QuantityName, Stage, Vital
from tests.unit.gateway.observations import START, blood_pressure

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
def first_pack() -> Pack:
    return load_first_pack()


@pytest.fixture
def path(first_pack: Pack) -> RedPath:
    return RedPath(zone=ZONE, rules=first_pack)


def reading(number: int, minutes: float, systolic: int, slot: int | None = 1) -> Observation:
    """A live reading of a cuff whose clock is right, so many minutes after the start."""
    sent = blood_pressure(number, origin=Origin.LIVE, systolic=systolic)
    at = START + timedelta(minutes=minutes)
    return replace(
        sent,
        user_slot=slot,
        device_time=at.astimezone(ZONE).replace(tzinfo=None),
        received=replace(sent.received, wall=at, wall_trusted=False),
    )


def test_230_tells_the_patient_at_once_under_the_cores_alert_id(path: RedPath) -> None:
    high = reading(1, 0, 230)
    (alert,) = path.consider(high, START)
    assert alert.alert_id == alert_id(
        rule_id="HW-02", stage=Stage.IMMEDIATE, trigger=observation_identity(high)
    )
    (instruction,) = path.instructions(START)
    assert "120" in instruction["zh"]
    assert "call 120" in instruction["en"]
    assert path.consider(high, START) == []  # the same record again is no second alert
    path.reach.note_told([alert.alert_id])
    assert path.instructions(START + timedelta(hours=2)) == ()


def test_an_emergency_that_reached_nobody_says_so_and_goes_on_for_a_day(path: RedPath) -> None:
    (alert,) = path.consider(reading(1, 0, 230), START)
    assert alert.record == RecordRef(session="s1", ordinal=1)
    assert path.changes_at(START) == START + timedelta(seconds=60)
    first, rule = path.instructions(START + timedelta(minutes=1))
    assert first["en"].startswith("Nobody has been reached")
    assert rule["zh"] == alert.patient.zh
    assert len(path.instructions(START + timedelta(hours=23))) == 2
    assert path.instructions(START + timedelta(hours=24)) == ()
    path.reach.note_told([alert.alert_id])
    assert [text["zh"] for text in path.instructions(START + timedelta(minutes=10))] == [
        alert.patient.zh
    ]


def test_what_is_recalled_is_as_old_as_it_was(path: RedPath) -> None:
    crisis, emergency = reading(1, 0, 185), reading(2, 120, 230)
    now = START + timedelta(hours=6)
    path.recall([(one, one.received_at) for one in (crisis, emergency)], now)
    unconfirmed, certain = path.alerts()
    # Nobody repeated the first one: that was known 20 minutes later, not six hours later.
    assert unconfirmed.raised_at == START + timedelta(minutes=20)
    assert certain.raised_at == START + timedelta(hours=2)
    first, *rules = path.instructions(now)
    assert first["en"].startswith("Nobody has been reached")
    assert rules
    path.reach.note_told([unconfirmed.alert_id, certain.alert_id])
    assert path.instructions(now) == ()  # over, and a restart does not say it again


def test_an_ordinary_reading_says_nothing(path: RedPath) -> None:
    assert path.consider(reading(1, 0, 138), START) == []
    assert path.instructions(START) == ()


def test_two_crisis_readings_confirm_each_other_on_one_slot_only(path: RedPath) -> None:
    assert path.consider(reading(1, 0, 185, slot=1), START) == []
    later = START + timedelta(minutes=6)
    assert path.consider(reading(2, 6, 186, slot=2), later) == []
    (alert,) = path.consider(reading(3, 6, 187, slot=1), later)
    assert alert.rule_id == "HW-02"


def test_a_crisis_reading_nobody_repeats_is_said_after_15_minutes(path: RedPath) -> None:
    assert path.consider(reading(1, 0, 185), START) == []
    (asked,) = path.instructions(START)
    assert "measure again" in asked["en"], "whoever is there is asked at once, not when it is over"
    assert path.instructions(START + timedelta(minutes=14)) == (asked,)
    assert len(path.instructions(START + timedelta(minutes=16))) == 1
    assert [alert.rule_id for alert in path.alerts()] == ["HW-02"]


def test_a_crisis_reading_that_is_told_again_is_waited_for_once(path: RedPath) -> None:
    path.consider(reading(1, 0, 185), START)
    later = START + timedelta(minutes=14)
    again = reading(1, 0, 185)
    again = replace(again, origin=Origin.BACKLOG, received=replace(again.received, wall=later))
    path.consider(again, later)
    path.instructions(START + timedelta(minutes=16))
    assert [alert.rule_id for alert in path.alerts()] == ["HW-02"]


def test_half_a_confirmed_pair_is_no_missing_confirmation_hours_later(path: RedPath) -> None:
    for number, minutes in enumerate((0, 6, 119, 125, 179, 181, 185, 186, 187)):
        at = START + timedelta(minutes=minutes)
        path.consider(reading(number, minutes, 185 if minutes <= 6 else 120), at)
        path.instructions(at)
    assert [alert.rule_id for alert in path.alerts()] == ["HW-02"]


def test_a_lower_second_reading_ends_the_asking(path: RedPath) -> None:
    path.consider(reading(1, 0, 185), START)
    path.consider(reading(2, 6, 130), START + timedelta(minutes=6))
    assert path.instructions(START + timedelta(minutes=6)) == ()


def test_lo_rings_even_from_a_meter_without_a_clock(path: RedPath) -> None:
    low = replace(
        reading(1, 0, 100),
        kind=Vital.GLUCOSE,
        quantities={
            QuantityName.GLUCOSE: Quantity(censored=Bound.BELOW, unit="mmol/L"),
        },
        device_time=None,
        origin=Origin.LIVE,
    )
    (alert,) = path.consider(low, START)
    assert alert.rule_id == "HW-05"


def test_an_undecided_record_with_a_reset_clock_rings_once_it_is_live(path: RedPath) -> None:
    reset = replace(
        reading(1, 0, 230), origin=Origin.BACKLOG, device_time=START.replace(year=2000, tzinfo=None)
    )
    assert path.consider(reset, START) == []
    (alert,) = path.consider(replace(reset, origin=Origin.LIVE), START)
    assert alert.rule_id == "HW-02"


def test_kilopascal_is_judged_like_millimetres(path: RedPath) -> None:
    sent = reading(1, 0, 100)
    kpa = replace(
        sent,
        quantities={
            QuantityName.SYSTOLIC: Quantity(value=Decimal("30.7"), unit="kPa"),  # 230.3 mmHg
            QuantityName.DIASTOLIC: Quantity(value=Decimal("11.7"), unit="kPa"),
        },
    )
    assert len(path.consider(kpa, START)) == 1


def test_a_backlog_of_a_thousand_costs_nothing_and_rings_nothing(path: RedPath) -> None:
    began = time.perf_counter()
    for number in range(1000):
        old = replace(reading(number, -300 - number, 230), origin=Origin.BACKLOG)
        assert path.consider(old, START) == []
    # Judging them all against each other took minutes.
    assert time.perf_counter() - began < 2


def test_a_doctors_limit_for_the_wearer_goes_before_the_packs(first_pack: Pack) -> None:
    sent = rules_for_hubs(first_pack)
    over = "mean_over_target('systolic', '30m') >= 10.0"
    personal = tuple(
        text.replace("ge('systolic', 220) || ge('diastolic', 130)", over) for text in sent.rules
    )
    assert personal != sent.rules
    pack = pack_of(msgspec.structs.replace(sent, rules=personal), first_pack)
    device = reading(1, 0, 145).device.key

    def rings(systolic: int, *limits: WornLimits) -> bool:
        path = RedPath(zone=ZONE, rules=pack)
        body = CommandBody(limits=limits)
        path.keep_to(msgspec.json.decode(msgspec.json.encode(body), type=CommandBody).limits)
        return bool(path.consider(reading(1, 0, systolic, slot=1), START))

    def limit(slot: int | None, systolic: int, key: str = device) -> WornLimits:
        return WornLimits(device=key, user_slot=slot, limits={"systolic": Decimal(systolic)})

    assert (rings(149), rings(150)) == (False, True)  # ten over the pack's 140
    assert (rings(129, limit(None, 120)), rings(130, limit(None, 120))) == (False, True)
    assert not rings(150, limit(None, 120), limit(1, 145))  # named for the very slot
    assert rings(150, limit(2, 160), limit(None, 160, "Other/X/1"))  # somebody else's
