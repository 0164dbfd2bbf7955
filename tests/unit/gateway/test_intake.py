"""Intake: whose, when, in which unit, and was it a measurement at all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from device_adapters.ble.origin import DOUBTFUL_CLOCK
from gateway.intake import (
    COMPONENT_UNUSABLE,
    COMPONENTS_DISAGREE,
    IMPLAUSIBLE,
    UNIT_UNSAID,
    Admitted,
    Binding,
    Quarantined,
    Reason,
    admit,
    claimed_time,
    effective_time,
)
from rules.vocabulary import (
    Bound,
    CoincidentClocks,
    DeviceRef,
    HubId,
    HubStamp,
    NoValue,
    Observation,
    Origin,
    QualityFlag,
    Quantity,
    QuantityName,
    SubjectRef,
    TimeConfidence,
    Vital,
)

ZONE = ZoneInfo("Asia/Shanghai")
ARRIVAL = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)  # 08:30 in the county
LOCAL = datetime(2026, 11, 21, 8, 30)  # noqa: DTZ001 - a device's clock has no zone
CUFF = DeviceRef(manufacturer="Acme", model="BP-1", serial="1")
WANG = SubjectRef("s-wang")
BOUND = (
    Binding(device=CUFF.key, user_slot=None, subject=WANG, valid_from=ARRIVAL - timedelta(days=9)),
)


def mmhg(value: str) -> Quantity:
    return Quantity(value=Decimal(value), unit="mm[Hg]")


def reading(  # noqa: PLR0913 - one argument a thing that varies
    *,
    systolic: Quantity | None = None,
    diastolic: Quantity | None = None,
    device_time: datetime | None = LOCAL,
    origin: Origin = Origin.LIVE,
    clocks: CoincidentClocks | None = None,
    trusted: bool = True,
    user_slot: int | None = None,
    flags: tuple[QualityFlag, ...] = (),
) -> Observation:
    return Observation(
        device=CUFF,
        kind=Vital.BLOOD_PRESSURE,
        quantities={
            QuantityName.SYSTOLIC: systolic or mmhg("138"),
            QuantityName.DIASTOLIC: diastolic or mmhg("88"),
        },
        received=HubStamp(boot_id="b", monotonic_s=1, wall=ARRIVAL, wall_trusted=trusted),
        hub=HubId("hub-1"),
        session="s1",
        origin=origin,
        device_time=device_time,
        clocks=clocks,
        user_slot=user_slot,
        flags=flags,
    )


def glucose(value: str | None, unit: str | None, **special: object) -> Observation:
    quantity = Quantity(
        value=Decimal(value) if value else None,
        unit=unit,
        censored=special.get("censored"),  # type: ignore[arg-type]
        no_value=special.get("no_value"),  # type: ignore[arg-type]
    )
    return Observation(
        device=CUFF,
        kind=Vital.GLUCOSE,
        quantities={QuantityName.GLUCOSE: quantity},
        received=HubStamp(boot_id="b", monotonic_s=1, wall=ARRIVAL, wall_trusted=True),
        hub=HubId("hub-1"),
        session="s1",
        origin=Origin.LIVE,
        device_time=LOCAL,
    )


def admitted(observation: Observation) -> Admitted:
    verdict = admit(observation, BOUND, ZONE, ARRIVAL)
    assert isinstance(verdict, Admitted)
    return verdict


def aside(observation: Observation, bindings: tuple[Binding, ...] = BOUND) -> Quarantined:
    verdict = admit(observation, bindings, ZONE, ARRIVAL)
    assert isinstance(verdict, Quarantined)
    return verdict


def test_a_bound_reading_with_a_good_clock_is_admitted_at_its_own_time() -> None:
    verdict = admitted(reading())
    assert verdict.subject == WANG
    assert verdict.point.confidence is TimeConfidence.GOOD
    assert verdict.point.effective_at == ARRIVAL
    assert verdict.claimed_at == ARRIVAL
    assert verdict.point.valid


UNUSABLE = [
    datetime(2000, 1, 1),  # noqa: DTZ001 - a device's clock
    datetime(2031, 5, 1),  # noqa: DTZ001
    datetime(2026, 11, 21, 8, 41),  # noqa: DTZ001 - eleven minutes ahead
]


@pytest.mark.parametrize("device_time", UNUSABLE)
def test_a_reading_whose_clock_is_unusable_is_undated_and_a_live_one_rings_by_its_arrival(
    device_time: datetime,
) -> None:
    """However it came the same is stored; as what it is heard is a fact of the receipt."""
    alone = admitted(reading(device_time=device_time)).point
    bundled = admitted(reading(device_time=device_time, origin=Origin.BACKLOG)).point
    for point in (alone, bundled):
        assert (point.effective_at, point.confidence) == (ARRIVAL, TimeConfidence.UNKNOWN)
    assert (alone.rings_by_arrival, bundled.rings_by_arrival) == (True, False)
    heard = alone.as_heard()
    assert (heard.effective_at, heard.confidence) == (ARRIVAL, TimeConfidence.ARRIVAL)
    assert bundled.as_heard().confidence is TimeConfidence.UNKNOWN


def test_a_live_reading_with_neither_time_nor_number_takes_its_arrival() -> None:
    """No second receipt could be known to be of the same record: it has no other identity."""
    timed = effective_time(reading(device_time=None), ZONE, ARRIVAL)
    assert (timed.effective_at, timed.confidence) == (ARRIVAL, TimeConfidence.ARRIVAL)
    numbered = replace(reading(device_time=None), sequence=7)
    timed = effective_time(numbered, ZONE, ARRIVAL)
    assert (timed.confidence, timed.rings_by_arrival) == (TimeConfidence.UNKNOWN, True)


def test_a_time_that_the_device_has_shown_twice_dates_nothing() -> None:
    doubtful = replace(reading(), context={DOUBTFUL_CLOCK: "true"})
    assert effective_time(reading(), ZONE, ARRIVAL).confidence is TimeConfidence.GOOD
    assert effective_time(doubtful, ZONE, ARRIVAL).confidence is TimeConfidence.UNKNOWN


@pytest.mark.parametrize("off", [timedelta(minutes=6), timedelta(hours=8), timedelta(days=8)])
def test_a_usable_clock_is_kept_however_the_record_came_and_a_live_one_rings_by_its_arrival(
    off: timedelta,
) -> None:
    alone = admitted(reading(device_time=LOCAL - off)).point
    bundled = admitted(reading(device_time=LOCAL - off, origin=Origin.BACKLOG)).point
    receipt = ("origin", "rings_by_arrival")
    assert replace(alone, **{name: getattr(bundled, name) for name in receipt}) == bundled
    assert (alone.effective_at, alone.confidence) == (ARRIVAL - off, TimeConfidence.GOOD)
    heard = alone.as_heard()
    assert (heard.effective_at, heard.confidence) == (ARRIVAL, TimeConfidence.ARRIVAL)
    assert bundled.as_heard() == bundled


def test_a_live_record_that_a_pair_of_clocks_calls_old_does_not_ring_by_its_arrival() -> None:
    clocks = CoincidentClocks(device_time=LOCAL, hub_time=ARRIVAL)
    old = admitted(reading(device_time=LOCAL - timedelta(days=3), clocks=clocks)).point
    assert old.as_heard().effective_at == ARRIVAL - timedelta(days=3)


@pytest.mark.parametrize("origin", [Origin.LIVE, Origin.BACKLOG])
def test_a_clock_some_minutes_ahead_is_kept_and_judged_no_later_than_its_arrival(
    origin: Origin,
) -> None:
    ahead = admitted(reading(device_time=LOCAL + timedelta(minutes=9), origin=origin)).point
    assert (ahead.effective_at, ahead.confidence) == (
        ARRIVAL + timedelta(minutes=9),
        TimeConfidence.GOOD,
    )
    assert ahead.as_heard().effective_at == ARRIVAL


def test_a_live_reading_is_that_of_who_wears_the_device_when_it_arrives() -> None:
    handed_over = ARRIVAL - timedelta(hours=1)
    new = SubjectRef("s-li")
    bindings = (
        replace(BOUND[0], valid_to=handed_over),
        Binding(device=CUFF.key, user_slot=None, subject=new, valid_from=handed_over),
    )
    slow = reading(device_time=LOCAL - timedelta(hours=8))
    verdict = admit(slow, bindings, ZONE, ARRIVAL)
    assert isinstance(verdict, Admitted)
    assert verdict.subject == new


def test_a_backlog_record_of_the_year_2000_is_undated_history() -> None:
    old = reading(device_time=datetime(2000, 1, 1), origin=Origin.BACKLOG)  # noqa: DTZ001
    timed = effective_time(old, ZONE, ARRIVAL)
    assert timed.confidence is TimeConfidence.UNKNOWN
    assert isinstance(admit(old, BOUND, ZONE, ARRIVAL), Admitted)  # a clock fault never quarantines


def test_a_hub_that_has_not_learned_the_time_cannot_lend_it() -> None:
    timed = effective_time(reading(device_time=None, trusted=False), ZONE, ARRIVAL)
    assert timed.confidence is TimeConfidence.UNKNOWN


def test_two_clocks_seen_together_correct_a_backlog() -> None:
    clocks = CoincidentClocks(
        device_time=datetime(2000, 1, 3, 8, 30),  # noqa: DTZ001
        hub_time=ARRIVAL,
    )
    old = reading(
        device_time=datetime(2000, 1, 2, 8, 30),  # noqa: DTZ001
        origin=Origin.BACKLOG,
        clocks=clocks,
    )
    timed = effective_time(old, ZONE, ARRIVAL)
    assert timed.effective_at == ARRIVAL - timedelta(days=1)
    assert timed.confidence is TimeConfidence.CORRECTED


def test_a_live_record_some_minutes_old_keeps_its_time_where_both_clocks_agree() -> None:
    clocks = CoincidentClocks(device_time=LOCAL, hub_time=ARRIVAL)
    timed = effective_time(
        reading(device_time=LOCAL - timedelta(minutes=9), clocks=clocks), ZONE, ARRIVAL
    )
    assert timed.effective_at == ARRIVAL - timedelta(minutes=9)
    assert timed.confidence is TimeConfidence.GOOD


def test_the_partition_column_is_the_time_as_sent_and_never_corrected() -> None:
    old = reading(device_time=datetime(2000, 1, 1, 8))  # noqa: DTZ001
    assert claimed_time(old, ZONE) == datetime(2000, 1, 1, 0, tzinfo=UTC)


def test_the_identity_does_not_move_with_person_or_correction() -> None:
    other = (Binding(device=CUFF.key, user_slot=None, subject=SubjectRef("x"), valid_from=ARRIVAL),)
    moved = admit(reading(), other, ZONE, ARRIVAL)
    assert isinstance(moved, Admitted)
    assert moved.point.identity == admitted(reading()).point.identity


@pytest.mark.row("P13")
def test_2047_is_no_measurement() -> None:
    verdict = aside(reading(systolic=mmhg("2047")))
    assert (verdict.reason, verdict.field) == (Reason.NOT_MEASURABLE, "quantities.systolic")
    assert "2047 mm[Hg]" in verdict.detail


@pytest.mark.row("P13")
def test_a_failed_measurement_is_no_value_with_a_reason() -> None:
    nothing = Quantity(no_value=NoValue.NAN, unit="mm[Hg]")
    verdict = aside(reading(systolic=nothing, diastolic=nothing))
    assert verdict.reason is Reason.NO_VALUE
    assert verdict.detail == "the device sent NaN"


def test_half_a_pressure_still_says_what_it_says() -> None:
    """A cuff over its range: systolic beyond, diastolic not found."""
    nothing = Quantity(no_value=NoValue.NAN, unit="mm[Hg]")
    over = Quantity(censored=Bound.ABOVE, unit="mm[Hg]")
    verdict = admitted(reading(systolic=over, diastolic=nothing))
    assert verdict.point.values[QuantityName.SYSTOLIC].censored is Bound.ABOVE
    assert QuantityName.DIASTOLIC not in verdict.point.values
    assert COMPONENT_UNUSABLE in verdict.point.flags


@pytest.mark.parametrize(
    "pulse",
    [
        Quantity(value=Decimal(2047), unit="/min"),
        Quantity(value=Decimal(70), unit="bpm"),
        Quantity(value=Decimal(70), unit=None),
    ],
)
def test_a_bad_pulse_does_not_silence_the_pressure(pulse: Quantity) -> None:
    whole = reading(systolic=mmhg("230"), diastolic=mmhg("130"))
    with_pulse = replace(whole, quantities={**whole.quantities, QuantityName.PULSE: pulse})
    verdict = admitted(with_pulse)
    assert QuantityName.PULSE not in verdict.point.values
    assert verdict.point.values[QuantityName.SYSTOLIC].value == 230
    assert verdict.point.valid


def test_lo_needs_no_unit_to_be_below_everything() -> None:
    verdict = admitted(glucose(None, None, censored=Bound.BELOW))
    assert verdict.point.values[QuantityName.GLUCOSE].censored is Bound.BELOW
    assert UNIT_UNSAID in verdict.point.flags


@pytest.mark.parametrize("absurd", [datetime.min, datetime.max])  # noqa: DTZ901
def test_an_absurd_clock_never_quarantines_a_value(absurd: datetime) -> None:
    verdict = admitted(reading(device_time=absurd))
    assert verdict.point.as_heard().confidence is TimeConfidence.ARRIVAL
    assert verdict.point.effective_at == ARRIVAL


def test_a_hub_that_is_behind_does_not_make_a_right_device_clock_wrong() -> None:
    behind = reading(trusted=False)
    late = replace(behind, received=replace(behind.received, wall=ARRIVAL - timedelta(days=1)))
    timed = effective_time(late, ZONE, ARRIVAL)
    assert timed.effective_at == ARRIVAL
    assert timed.confidence is TimeConfidence.GOOD


def test_a_hub_nobody_registered_speaks_for_nobody() -> None:
    verdict = admit(reading(), BOUND, ZONE, ARRIVAL, hub_known=False)
    assert isinstance(verdict, Quarantined)
    assert verdict.reason is Reason.UNKNOWN_HUB
    assert verdict.point is not None


@pytest.mark.parametrize(("unit", "reason"), [(None, "unit_missing"), ("mmHg", "unit_unknown")])
def test_a_unit_is_never_guessed(unit: str | None, reason: str) -> None:
    verdict = aside(glucose("25", unit))
    assert verdict.reason == reason
    assert verdict.field == "quantities.glucose.unit"


def test_lo_is_a_value_below_everything() -> None:
    verdict = admitted(glucose(None, "mmol/L", censored=Bound.BELOW))
    assert verdict.point.values[QuantityName.GLUCOSE].censored is Bound.BELOW


def test_the_same_blood_in_both_units_is_the_same_value() -> None:
    metric = admitted(glucose("5.0", "mmol/L")).point.values[QuantityName.GLUCOSE].value
    mass = admitted(glucose("90.078", "mg/dL")).point.values[QuantityName.GLUCOSE].value
    assert metric is not None
    assert mass is not None
    assert abs(metric - mass) < Decimal("1e-20")


def test_an_odd_but_measurable_value_is_stored_and_marked() -> None:
    # 38 mmHg systolic in shock: no implausibility rule may discard it (hazard 0.6)
    verdict = admitted(reading(systolic=mmhg("38"), diastolic=mmhg("20")))
    assert IMPLAUSIBLE in verdict.point.flags
    assert verdict.point.valid


def test_components_the_wrong_way_round_are_marked() -> None:
    verdict = admitted(reading(systolic=mmhg("80"), diastolic=mmhg("120")))
    assert COMPONENTS_DISAGREE in verdict.point.flags


def test_a_moving_arm_cannot_confirm() -> None:
    assert not admitted(reading(flags=(QualityFlag.BODY_MOVEMENT,))).point.valid


def test_an_unknown_device_is_kept_with_its_point() -> None:
    verdict = aside(reading(), ())
    assert verdict.reason is Reason.UNKNOWN_DEVICE
    assert verdict.point is not None
    assert verdict.point.values[QuantityName.SYSTOLIC].value == 138


@pytest.mark.row("P8")
def test_a_slot_nobody_wears_is_nobodys() -> None:
    slots = (
        Binding(device=CUFF.key, user_slot=1, subject=WANG, valid_from=ARRIVAL - timedelta(1)),
    )
    assert isinstance(admit(reading(user_slot=1), slots, ZONE, ARRIVAL), Admitted)
    assert aside(reading(user_slot=2), slots).reason is Reason.UNKNOWN_USER
    assert aside(reading(user_slot=None), slots).reason is Reason.UNKNOWN_USER


@pytest.mark.row("P8")
def test_who_was_named_for_a_slot_is_meant_before_who_has_the_whole_cuff() -> None:
    day = timedelta(days=1)
    both = (
        Binding(device=CUFF.key, user_slot=None, subject=WANG, valid_from=ARRIVAL - day),
        Binding(device=CUFF.key, user_slot=2, subject=SubjectRef("s-li"), valid_from=ARRIVAL - day),
    )
    for slot, subject in ((1, WANG), (2, "s-li"), (None, WANG)):
        verdict = admit(reading(user_slot=slot), both, ZONE, ARRIVAL)
        assert isinstance(verdict, Admitted)
        assert verdict.subject == subject


def test_a_former_wearer_does_not_get_todays_reading() -> None:
    handed_over = (
        Binding(
            device=CUFF.key,
            user_slot=None,
            subject=WANG,
            valid_from=ARRIVAL - timedelta(days=9),
            valid_to=ARRIVAL - timedelta(days=1),
        ),
        Binding(
            device=CUFF.key,
            user_slot=None,
            subject=SubjectRef("s-li"),
            valid_from=ARRIVAL - timedelta(days=1),
        ),
    )
    verdict = admit(reading(), handed_over, ZONE, ARRIVAL)
    assert isinstance(verdict, Admitted)
    assert verdict.subject == "s-li"
