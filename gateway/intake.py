"""Is it bound, is it a measurement, when was it? Values in, `Admitted` or `Quarantined` out.

Pure: the batch hands in what it knows (bindings, the hub's home, the county's zone). A clock fault
alone never quarantines a value, and no human-implausibility does (design law 3, hazard 0.6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum

from rules import codes
from rules.identity import is_undated_unnumbered, observation_identity
from rules.vocabulary import (
    Bound,
    Observation,
    Origin,
    QualityFlag,
    QuantityName,
    SubjectRef,
    TimeConfidence,
)
from rules.window import DISTURBING_FLAGS, Point, Value

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a device clock may be from the hub's and still be called good (design law 3)."""

FUTURE_TOLERANCE = timedelta(minutes=10)
"""A reading cannot be later than its arrival; this much is clock error."""

OLDEST_BELIEVABLE = timedelta(days=366)
"""A device time further back is a clock that was reset (2000-01-01, a firmware's build year):
home memories hold weeks, and a whole year in one live record is less likely than a flat battery."""

IMPLAUSIBLE = "implausible"
COMPONENTS_DISAGREE = "components_disagree"

_NOT_VALID = DISTURBING_FLAGS | {QualityFlag.CONTROL_SOLUTION.value}


class Reason(StrEnum):
    """Why a record was kept aside."""

    NOT_OURS = "not_ours"  # the message is not an envelope of ours
    MALFORMED_FRAME = "malformed_frame"  # a hub could not decode what a device sent
    UNKNOWN_HUB = "unknown_hub"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_USER = "unknown_user"  # the device is shared and did not say who
    UNIT_MISSING = "unit_missing"
    UNIT_UNKNOWN = "unit_unknown"
    NO_VALUE = "no_value"  # NaN, NRes: a failed measurement, or a component left out
    FAILED = "failed"  # judging or storing it failed: a fault of ours, kept with its bytes
    NOT_MEASURABLE = "not_measurable"  # 2047 mmHg: no device of the kind measures that


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Who wears a device (or one user slot of it; None = every slot), from and to when."""

    device: str
    user_slot: int | None
    subject: SubjectRef
    valid_from: datetime
    valid_to: datetime | None = None

    def covers(self, slot: int | None, at: datetime) -> bool:
        """Whether the binding holds for that slot at that instant."""
        in_time = self.valid_from <= at and (self.valid_to is None or at < self.valid_to)
        return in_time and (self.user_slot is None or self.user_slot == slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An observation with its person and its time; `point` is how rules see it."""

    observation: Observation
    subject: SubjectRef
    claimed_at: datetime
    point: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """Kept aside with a reason one can read; `point` is set where only the person is unknown."""

    reason: Reason
    field: str
    detail: str
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Timed:
    """When it was measured, how sure that is."""

    effective_at: datetime
    confidence: TimeConfidence


def admit(
    observation: Observation, bindings: Sequence[Binding], zone: tzinfo
) -> Admitted | Quarantined:
    """Judge one observation; never raises for anything a device can send.

    `bindings` are those of its device. The order of the checks is the order in which a reader
    wants to hear of a fault: is it a measurement, in which unit, whose.
    """
    values = _canonical_values(observation)
    if isinstance(values, Quarantined):
        return values
    timed = effective_time(observation, zone)
    point = _point(observation, values, timed)
    subject = _subject(observation, bindings, timed.effective_at)
    if isinstance(subject, Quarantined):
        return Quarantined(
            reason=subject.reason, field=subject.field, detail=subject.detail, point=point
        )
    return Admitted(
        observation=observation,
        subject=subject,
        claimed_at=claimed_time(observation, zone),
        point=point,
    )


def attributed(observation: Observation, subject: SubjectRef, zone: tzinfo) -> Admitted:
    """An observation born at a person (a symptom, an answer): its subject is certain."""
    values = _canonical_values(observation)
    point = _point(
        observation,
        {} if isinstance(values, Quarantined) else values,
        effective_time(observation, zone),
    )
    return Admitted(
        observation=observation,
        subject=subject,
        claimed_at=claimed_time(observation, zone),
        point=point,
    )


def claimed_time(observation: Observation, zone: tzinfo) -> datetime:
    """The partition column: device time as sent read in the county's zone, else the arrival."""
    if observation.device_time is None:
        return observation.received_at
    return observation.device_time.replace(tzinfo=zone)


def effective_time(observation: Observation, zone: tzinfo) -> Timed:
    """When the measurement was made, and how far to trust that (design section 5 and law 3).

    A device clock seen together with the hub's in the same session corrects the reading. Without
    such a pair a device time is believed unless it is absent, in the future, or over a year old.
    A live record whose device time is unusable, or off by more than the tolerance with no pair to
    say why, takes its arrival and may ring: the measurement itself opened the session, so a clock
    that says otherwise is the likelier fault. Any other undated record is history.
    """
    arrival = observation.received_at
    if observation.origin is Origin.PERSON:
        return Timed(arrival, TimeConfidence.GOOD)
    corrected = _corrected(observation, zone)
    live = observation.origin is Origin.LIVE and observation.received.wall_trusted
    alone = live and observation.clocks is None
    if corrected is not None and _is_usable(corrected.effective_at, arrival, alone=alone):
        return Timed(min(corrected.effective_at, arrival), corrected.confidence)
    if live:
        return Timed(arrival, TimeConfidence.ARRIVAL)
    return Timed(arrival, TimeConfidence.UNKNOWN)


def _corrected(observation: Observation, zone: tzinfo) -> Timed | None:
    if observation.device_time is None:
        return None
    said = observation.device_time.replace(tzinfo=zone)
    clocks = observation.clocks
    if clocks is None:
        return Timed(said, TimeConfidence.GOOD)
    error = clocks.hub_time - clocks.device_time.replace(tzinfo=zone)
    if abs(error) <= CLOCK_TOLERANCE:
        return Timed(said, TimeConfidence.GOOD)
    return Timed(said + error, TimeConfidence.CORRECTED)


def _is_usable(at: datetime, arrival: datetime, *, alone: bool) -> bool:
    """Whether a (corrected) device time may stand; `alone`: live, with no pair to vouch for it."""
    if alone:
        return abs(arrival - at) <= CLOCK_TOLERANCE
    return arrival - OLDEST_BELIEVABLE <= at <= arrival + FUTURE_TOLERANCE


def _canonical_values(
    observation: Observation,
) -> dict[QuantityName, Value] | Quarantined:
    values: dict[QuantityName, Value] = {}
    fault: Quarantined | None = None
    main = codes.MAIN_QUANTITIES[observation.kind]
    for name, quantity in observation.quantities.items():
        value = _canonical_value(observation, name)
        if isinstance(value, Value):
            values[name] = value
        elif quantity.no_value is None or name in main:
            fault = fault or value
    missing = [name for name in main if name not in observation.quantities]
    if missing and fault is None:
        fault = _aside(Reason.NO_VALUE, missing[0], "the record carries no such number")
    return values if fault is None else fault


def _canonical_value(observation: Observation, name: QuantityName) -> Value | Quarantined:
    quantity = observation.quantities[name]
    if quantity.no_value is not None:
        return _aside(Reason.NO_VALUE, name, f"the device sent {quantity.no_value.value}")
    if quantity.unit is None:
        return _aside(Reason.UNIT_MISSING, f"{name}.unit", "the device named no unit")
    try:
        value = codes.to_canonical(name, quantity.value or Decimal(0), quantity.unit)
    except codes.UnitError as error:
        return _aside(Reason.UNIT_UNKNOWN, f"{name}.unit", str(error))
    if quantity.censored is not None:
        return Value(value=None, censored=quantity.censored)
    if not codes.is_measurable(name, value):
        shown = f"{quantity.value} {quantity.unit}"
        return _aside(Reason.NOT_MEASURABLE, name, f"{shown} is outside what a device can measure")
    return Value(value=value, censored=None)


def _aside(reason: Reason, field: str, detail: str) -> Quarantined:
    return Quarantined(reason=reason, field=f"quantities.{field}", detail=detail)


def _subject(
    observation: Observation, bindings: Sequence[Binding], at: datetime
) -> SubjectRef | Quarantined:
    covering = [binding for binding in bindings if binding.covers(observation.user_slot, at)]
    subjects = {binding.subject for binding in covering}
    if len(subjects) == 1:
        return subjects.pop()
    if not bindings:
        detail = f"nobody is bound to {observation.device.key}"
        return Quarantined(reason=Reason.UNKNOWN_DEVICE, field="device", detail=detail)
    detail = f"user slot {observation.user_slot} of {observation.device.key} belongs to nobody then"
    return Quarantined(reason=Reason.UNKNOWN_USER, field="user_slot", detail=detail)


def _point(observation: Observation, values: Mapping[QuantityName, Value], timed: Timed) -> Point:
    flags = [flag.value for flag in observation.flags] + _doubts(values)
    return Point(
        identity=observation_identity(observation),
        kind=observation.kind,
        device=observation.device.key,
        effective_at=timed.effective_at,
        received_at=observation.received_at,
        confidence=timed.confidence,
        origin=observation.origin,
        values=values,
        flags=tuple(flags),
        context=dict(observation.context),
        valid=_NOT_VALID.isdisjoint(flags),
        possible_repeat=is_undated_unnumbered(observation),
    )


def _doubts(values: Mapping[QuantityName, Value]) -> list[str]:
    """Flags of ours: stored and shown, but a dangerous side still counts."""
    doubts: list[str] = []
    for name, value in values.items():
        # Many cuffs send a mean of 0 for "not calculated"; no rule looks at it.
        looked_at = name is not QuantityName.MEAN
        if looked_at and value.value is not None and not codes.is_possible(name, value.value):
            doubts.append(IMPLAUSIBLE)
            break
    systolic, diastolic = values.get(QuantityName.SYSTOLIC), values.get(QuantityName.DIASTOLIC)
    if systolic and diastolic and _low_side(systolic) <= _low_side(diastolic):
        doubts.append(COMPONENTS_DISAGREE)
    return doubts


def _low_side(value: Value) -> Decimal:
    if value.value is not None:
        return value.value
    return Decimal("Infinity") if value.censored is Bound.ABOVE else Decimal("-Infinity")
