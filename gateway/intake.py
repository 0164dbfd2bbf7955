"""Is it bound, is it a measurement, when was it? Values in, `Admitted` or `Quarantined` out.

Pure: the batch hands in what it knows (bindings, the hub's home, the county's zone). A clock fault
alone never quarantines a value, and no human-implausibility does (design law 3, hazard 0.6).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum

from device_adapters.ble.origin import CLOCK_RAN_ON, DOUBTFUL_CLOCK, corrected_time
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
COMPONENT_UNUSABLE = "component_unusable"
UNIT_UNSAID = "unit_unsaid"
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
        return self.is_in_force(at) and (self.user_slot is None or self.user_slot == slot)

    def is_in_force(self, at: datetime) -> bool:
        """Whether somebody wears the device, or a slot of it, at that instant."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An observation with its person and its time; `point` is how rules see it.

    `claims_arrival`: `claimed_at` is the arrival, so that the first one seen must be kept to.
    """

    observation: Observation
    subject: SubjectRef
    claimed_at: datetime
    claims_arrival: bool
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
    """When it was measured, how sure that is, and whether rules look at the arrival instead."""

    effective_at: datetime
    confidence: TimeConfidence
    rings_by_arrival: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What can be told of an observation before one asks whose it is (see `Admitted`)."""

    claimed_at: datetime
    claims_arrival: bool
    point: Point


def measure(observation: Observation, zone: tzinfo, now: datetime) -> Measured | Quarantined:
    """Is it a measurement, in which unit, when was it; never raises for what a device can send.

    `now` matters only where the hub had not learned the time.
    """
    values = _canonical_values(observation)
    if isinstance(values, Quarantined):
        return values
    said = _instant(observation.device_time, zone)
    return Measured(
        claimed_at=observation.received_at if said is None else said,
        claims_arrival=said is None,
        point=_point(observation, values, _timed(observation, said, zone, now)),
    )


def admit(
    observation: Observation,
    bindings: Sequence[Binding],
    zone: tzinfo,
    now: datetime,
    *,
    hub_known: bool = True,
    measured: Measured | Quarantined | None = None,
) -> Admitted | Quarantined:
    """Judge one observation; never raises for anything a device can send.

    `bindings` are those of its device, `now` is the core's instant, `measured` what `measure` has
    given for it already. The order of the checks is the order in which a reader wants to hear of a
    fault: is it a measurement, in which unit, whose.
    """
    measured = measure(observation, zone, now) if measured is None else measured
    if isinstance(measured, Quarantined):
        return measured
    point = measured.point
    if not hub_known:
        detail = f"{observation.hub} is not a hub of this county"
        return Quarantined(reason=Reason.UNKNOWN_HUB, field="hub", detail=detail, point=point)
    # Worn by whom is asked of the time that rules look at: a cuff whose clock is days behind was
    # perhaps somebody else's then.
    subject = _subject(observation, bindings, point.as_heard().effective_at)
    if isinstance(subject, Quarantined):
        return Quarantined(
            reason=subject.reason, field=subject.field, detail=subject.detail, point=point
        )
    return Admitted(
        observation=observation,
        subject=subject,
        claimed_at=measured.claimed_at,
        claims_arrival=measured.claims_arrival,
        point=point,
    )


def attributed(
    observation: Observation, subject: SubjectRef, zone: tzinfo, now: datetime
) -> Admitted:
    """An observation born at a person (a symptom, an answer): its subject is certain."""
    values = _canonical_values(observation)
    point = _point(
        observation,
        {} if isinstance(values, Quarantined) else values,
        effective_time(observation, zone, now),
    )
    return Admitted(
        observation=observation,
        subject=subject,
        claimed_at=claimed_time(observation, zone),
        claims_arrival=_instant(observation.device_time, zone) is None,
        point=point,
    )


def claimed_time(observation: Observation, zone: tzinfo) -> datetime:
    """The partition column: device time as sent read in the county's zone, else the arrival.

    A time that no instant of the calendar answers to (year 1 east of Greenwich, some programs'
    word for "none") is as good as absent.
    """
    said = _instant(observation.device_time, zone)
    return observation.received_at if said is None else said


def effective_time(observation: Observation, zone: tzinfo, now: datetime) -> Timed:
    """When the measurement was made, and how far to trust that (design section 5 and law 3).

    A device clock seen together with the hub's in the same session corrects the reading: as much
    time lies between the two as the device's clock says, which knows nothing of summer time. A
    clock that is right then keeps its own time, read in the zone, unless a former look at it shows
    that it ran on through the change in between. Without such a pair a device
    time is believed unless it is absent, in the future, or over a year old: the same for a record
    that comes alone and for one of many, so that no split of a memory over sessions changes what
    is stored (law 2, decision D12).

    A record without a usable time is undated, however it came: its arrival is an upper bound, which
    no baseline learns. Live it *rings by its arrival*. Only a record with neither time nor number,
    which no second receipt could be known to repeat, takes its arrival for its time when it is
    live. A live record whose usable time is off by more than the tolerance, with no pair to say
    why, keeps that time and rings by its arrival as well: the measurement itself opened the
    session, so a wrong clock is the likelier fault. So does one that says it was made after it
    arrived.

    A hub that has not learned the time cannot vouch for an arrival: then a device time is measured
    against the core's `now`, and what is undated stays history.
    """
    return _timed(observation, _instant(observation.device_time, zone), zone, now)


def _timed(observation: Observation, said: datetime | None, zone: tzinfo, now: datetime) -> Timed:
    arrival = observation.received_at if observation.received.wall_trusted else now
    if observation.origin is Origin.PERSON:
        return Timed(arrival, TimeConfidence.GOOD)
    corrected = _corrected(observation, said, zone)
    live = observation.origin is Origin.LIVE and observation.received.wall_trusted
    if corrected is None or not _is_usable(corrected.effective_at, arrival):
        if live and is_undated_unnumbered(observation):
            return Timed(arrival, TimeConfidence.ARRIVAL)
        return Timed(arrival, TimeConfidence.UNKNOWN, rings_by_arrival=live)
    unvouched = live and observation.clocks is None
    by_arrival = unvouched and abs(arrival - corrected.effective_at) > CLOCK_TOLERANCE
    early = observation.received.wall_trusted and corrected.effective_at > arrival
    return replace(corrected, rings_by_arrival=True) if by_arrival or early else corrected


def _corrected(observation: Observation, said: datetime | None, zone: tzinfo) -> Timed | None:
    clocks = observation.clocks
    if DOUBTFUL_CLOCK in observation.context:
        return None
    if said is None or clocks is None or not observation.received.wall_trusted:
        return None if said is None else Timed(said, TimeConfidence.GOOD)
    by_pair = corrected_time(observation, zone=zone)
    looks = _instants(clocks.device_time, zone)
    if by_pair is None or not looks:
        return None
    is_off = min(abs(clocks.hub_time - look) for look in looks) > CLOCK_TOLERANCE
    if is_off or CLOCK_RAN_ON in observation.context:
        return Timed(by_pair.astimezone(UTC), TimeConfidence.CORRECTED)
    # Read from a right clock in the hour that is shown twice: which of both the pair tells.
    read_by = clocks.hub_time + CLOCK_TOLERANCE
    twice = [at for at in _instants(observation.device_time, zone) if at <= read_by] or [said]
    return Timed(min(twice, key=lambda at: abs(by_pair - at)), TimeConfidence.GOOD)


def _instant(local: datetime | None, zone: tzinfo) -> datetime | None:
    """The UTC instant at which the zone's clocks show `local`; None where there is none."""
    if local is None:
        return None
    try:
        return local.replace(tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _instants(local: datetime | None, zone: tzinfo) -> list[datetime]:
    """Both instants at which the zone's clocks show `local` where they are put back, else one."""
    if local is None:
        return []
    first, second = (_instant(local.replace(fold=fold), zone) for fold in (0, 1))
    if first is None or second is None or second <= first:
        return [] if first is None else [first]
    return [first, second]


def _is_usable(at: datetime, arrival: datetime) -> bool:
    """Whether a (corrected) device time may stand."""
    return -OLDEST_BELIEVABLE <= at - arrival <= FUTURE_TOLERANCE


def _canonical_values(
    observation: Observation,
) -> dict[QuantityName, Value] | Quarantined:
    """What can be used of a record; a fault of a main quantity sets the whole record aside.

    A side component (pulse, mean) that cannot be used is left out and must not silence the rest.
    A main quantity without a value (230/NaN, a cuff over its range) leaves the other one standing.
    """
    values: dict[QuantityName, Value] = {}
    main = codes.MAIN_QUANTITIES[observation.kind]
    absent: Quarantined | None = None
    for name in observation.quantities:
        value = _canonical_value(observation, name)
        if isinstance(value, Value):
            values[name] = value
        elif name in main and value.reason is not Reason.NO_VALUE:
            return value
        elif name in main:
            absent = absent or value
    if not main or any(name in values for name in main):
        return values
    missing = [name for name in main if name not in observation.quantities]
    if absent is None and missing:
        return _aside(Reason.NO_VALUE, missing[0], "the record carries no such number")
    return absent or values


def _canonical_value(observation: Observation, name: QuantityName) -> Value | Quarantined:
    quantity = observation.quantities[name]
    if quantity.no_value is not None:
        return _aside(Reason.NO_VALUE, name, f"the device sent {quantity.no_value.value}")
    if quantity.censored is not None:
        # Beyond the device's range is beyond every limit, in whichever unit: nothing is guessed.
        return Value(value=None, censored=quantity.censored)
    if quantity.unit is None:
        return _aside(Reason.UNIT_MISSING, f"{name}.unit", "the device named no unit")
    try:
        value = codes.to_canonical(name, quantity.value or Decimal(0), quantity.unit)
    except codes.UnitError as error:
        return _aside(Reason.UNIT_UNKNOWN, f"{name}.unit", str(error))
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
    # Who was named for this very slot is meant before whoever has the whole device.
    exact = [binding for binding in covering if binding.user_slot is not None]
    subjects = {binding.subject for binding in exact or covering}
    if len(subjects) == 1:
        return subjects.pop()
    if not bindings:
        detail = f"nobody is bound to {observation.device.key}"
        return Quarantined(reason=Reason.UNKNOWN_DEVICE, field="device", detail=detail)
    detail = f"user slot {observation.user_slot} of {observation.device.key} belongs to nobody then"
    return Quarantined(reason=Reason.UNKNOWN_USER, field="user_slot", detail=detail)


def _point(observation: Observation, values: Mapping[QuantityName, Value], timed: Timed) -> Point:
    flags = [flag.value for flag in observation.flags] + _doubts(observation, values)
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
        valid=is_valid(flags),
        possible_repeat=is_undated_unnumbered(observation),
        rings_by_arrival=timed.rings_by_arrival,
    )


def is_valid(flags: Iterable[str]) -> bool:
    """Whether a point with these flags confirms and teaches, unless it is doubted whose it is."""
    return _NOT_VALID.isdisjoint(flags)


def _doubts(observation: Observation, values: Mapping[QuantityName, Value]) -> list[str]:
    """Flags of ours: stored and shown, but a dangerous side still counts."""
    doubts: list[str] = []
    if any(name not in values for name in observation.quantities):
        doubts.append(COMPONENT_UNUSABLE)
    if any(observation.quantities[name].unit is None for name in values):
        doubts.append(UNIT_UNSAID)
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
