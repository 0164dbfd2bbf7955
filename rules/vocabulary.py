"""The words of Hearthwatch: what a device said, what a rule decides, who is asked for.

Nouns only. Rule packs are written in these words, every package shares them, and nothing here
stores, sends, reads a clock or keeps a registry. Terms follow FHIR (Observation, `effective_at`),
LOINC and UCUM (codes), and ISA-18.2 / IEC 60601-1-8 (alert classes and priorities).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NewType

SubjectRef = NewType("SubjectRef", str)
"""Opaque id of a person (or, as `home:<household>`, of somebody in a home). Never a name."""

HubId = NewType("HubId", str)
"""Id of a hub: letters, digits and `-`, at most 64 characters; it is also its broker user name."""

AlertId = NewType("AlertId", str)
"""UUID text derived from rule, stage and triggering observation: the same everywhere (law 7)."""


class Vital(StrEnum):
    """What kind of observation it is; the value is its LOINC code."""

    BLOOD_PRESSURE = "85354-9"
    PULSE = "8867-4"
    GLUCOSE = "14743-9"
    GLUCOSE_PLASMA = "14749-6"
    GLUCOSE_CGM = "105272-9"
    SPO2 = "2708-6"
    TEMPERATURE = "8310-5"
    WEIGHT = "29463-7"
    RESPIRATORY_RATE = "9279-1"
    KETONE = "53060-9"
    SYMPTOM = "75325-1"


class QuantityName(StrEnum):
    """One measured number inside an observation."""

    SYSTOLIC = "systolic"
    DIASTOLIC = "diastolic"
    MEAN = "mean"
    PULSE = "pulse"
    GLUCOSE = "glucose"
    SPO2 = "spo2"
    TEMPERATURE = "temperature"
    WEIGHT = "weight"
    BMI = "bmi"
    HEIGHT = "height"
    HEART_RATE = "heart_rate"
    ENERGY_EXPENDED = "energy_expended"
    RESPIRATORY_RATE = "respiratory_rate"
    KETONE = "ketone"


class Bound(StrEnum):
    """Which side of its range a censored quantity lies beyond (LO / HI, SFLOAT -INF / +INF)."""

    BELOW = "below"
    ABOVE = "above"


class NoValue(StrEnum):
    """Why a device sent no number (IEEE 11073-20601 special values)."""

    NAN = "NaN"
    NRES = "NRes"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number as the device sent it.

    Exactly one of `value`, `censored`, `no_value` says something. `value` is exact (mantissa times
    a power of ten, trailing zeros kept: a device's `2.0` is not `2`). `unit` is the UCUM code of
    the unit on the wire and None when the device named none: a unit is never guessed (law 12).
    """

    value: Decimal | None = None
    unit: str | None
    censored: Bound | None = None
    no_value: NoValue | None = None


class Origin(StrEnum):
    """How a record reached us; only `LIVE` may take its arrival as its time (law 3)."""

    LIVE = "live"  # one indication in a session which the measurement itself opened
    BACKLOG = "backlog"  # read from a memory, or one of several in a session
    PERSON = "person"  # typed, tapped or spoken by a person: symptom, answer, typed reading


class TimeConfidence(StrEnum):
    """How far `effective_at` may be trusted."""

    GOOD = "good"  # the device's clock agreed with the hub's
    CORRECTED = "corrected"  # device time shifted by a coincident pair of clock readings
    ARRIVAL = "arrival"  # a live record without usable device time: the hub's clock, error <= 5 min
    UNKNOWN = "unknown"  # history without a date; `effective_at` is only an upper bound


class QualityFlag(StrEnum):
    """What the device itself said about the quality of a measurement."""

    BODY_MOVEMENT = "body_movement"
    CUFF_TOO_LOOSE = "cuff_too_loose"
    IRREGULAR_PULSE = "irregular_pulse"
    PULSE_RATE_ABOVE = "pulse_rate_above"
    PULSE_RATE_BELOW = "pulse_rate_below"
    IMPROPER_POSITION = "improper_position"
    BATTERY_LOW = "battery_low"
    SENSOR_MALFUNCTION = "sensor_malfunction"
    SAMPLE_INSUFFICIENT = "sample_insufficient"
    STRIP_INSERTION_ERROR = "strip_insertion_error"
    STRIP_TYPE_INCORRECT = "strip_type_incorrect"
    RESULT_TOO_HIGH = "result_too_high"
    RESULT_TOO_LOW = "result_too_low"
    TEMPERATURE_TOO_HIGH = "temperature_too_high"
    TEMPERATURE_TOO_LOW = "temperature_too_low"
    READ_INTERRUPTED = "read_interrupted"
    DEVICE_FAULT = "device_fault"
    TIME_FAULT = "time_fault"
    CONTROL_SOLUTION = "control_solution"
    CLOCK_NOT_SET = "clock_not_set"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRef:
    """A device by its type label: manufacturer, model, serial number. Never its radio address."""

    manufacturer: str
    model: str
    serial: str

    @property
    def key(self) -> str:
        """`manufacturer/model/serial`, the text other tables refer to."""
        return f"{self.manufacturer}/{self.model}/{self.serial}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStamp:
    """When the hub noticed: a Raspberry Pi has no clock after a power cut, so four facts.

    `monotonic_s` counts seconds since the boot named by `boot_id`; `wall` is aware UTC and worth
    something only when `wall_trusted` (the hub had learned the time).
    """

    boot_id: str
    monotonic_s: float
    wall: datetime
    wall_trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoincidentClocks:
    """One look at both clocks in the same session: the device's local time and the hub's UTC."""

    device_time: datetime
    hub_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One measurement as an adapter hands it on: what was sent, and when it was noticed.

    A blood pressure is one observation with the components systolic, diastolic, mean and pulse.
    It names no person: `gateway.intake` binds the device to a subject. `device_time` is naive,
    in the device's own local time exactly as sent (base time plus time offset), None when absent
    or when the device marked it unknown. `session` and `ordinal` name the hub's radio session and
    the place in it. `raw` is the frame or payload.
    """

    device: DeviceRef
    kind: Vital
    quantities: Mapping[QuantityName, Quantity]
    received: HubStamp
    hub: HubId
    session: str
    ordinal: int = 0
    origin: Origin = Origin.BACKLOG
    user_slot: int | None = None
    device_time: datetime | None = None
    sequence: int | None = None
    clocks: CoincidentClocks | None = None
    flags: tuple[QualityFlag, ...] = ()
    context: Mapping[str, str] = field(default_factory=dict[str, str])
    source: str = ""
    raw: bytes = b""

    @property
    def received_at(self) -> datetime:
        """The hub's wall clock at reception, aware UTC."""
        return self.received.wall


class Sex(StrEnum):
    """Administrative sex, as in FHIR."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"


class PersonStatus(StrEnum):
    """Whether somebody can be reached and treated at home today."""

    ALIVE = "alive"
    ADMITTED = "admitted"
    AWAY = "away"
    MOVED = "moved"
    DECEASED = "deceased"
    PALLIATIVE = "palliative"


class Ternary(StrEnum):
    """Yes, no, or nobody has told us; rules never read unknown as no."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What rules may know of a subject: no name, phone or address (law 9).

    `conditions` and `drug_classes` are code sets (`hypertension`, `diabetes_2`; `insulin`,
    `sulfonylurea`...), None where nobody has recorded them: unknown is not empty.
    `pregnant` is YES until 42 days after a birth too.
    `targets` holds a doctor's limits for this person by name (`rules/own_limits.py`), for example
    `{"systolic": 140}`, in the canonical unit of their quantity.
    """

    subject: SubjectRef
    birth_year: int | None = None
    sex: Sex = Sex.UNKNOWN
    conditions: frozenset[str] | None = None
    drug_classes: frozenset[str] | None = None
    pregnant: Ternary = Ternary.UNKNOWN
    household: str | None = None
    area: str | None = None
    status: PersonStatus = PersonStatus.ALIVE
    targets: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    person_certain: bool = True
    synthetic: bool = False


class Priority(IntEnum):
    """How soon a person must look; a higher number is more urgent (IEC 60601-1-8 idea)."""

    ROUTINE = 1
    SOON = 2
    URGENT = 3
    EMERGENCY = 4

    @property
    def word(self) -> str:
        """Lower-case name, as packs, wire and database write it."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> "Priority":
        """The priority named `word`; raises KeyError for a word that is none."""
        return cls[word.upper()]


class AlertKind(StrEnum):
    """Whether the person or the equipment needs somebody (IEC 60601-1-8)."""

    PHYSIOLOGICAL = "physiological"
    TECHNICAL = "technical"


class Family(StrEnum):
    """A signal family; a person has at most one open case in each."""

    BLOOD_PRESSURE = "blood_pressure"
    GLUCOSE = "glucose"
    CARDIAC = "cardiac"
    RESPIRATORY = "respiratory"
    WEIGHT = "weight"
    TEMPERATURE = "temperature"
    ADHERENCE = "adherence"
    TREATMENT = "treatment"  # a regimen that wants looking at, once the danger is over
    DATA_QUALITY = "data_quality"


class Stage(StrEnum):
    """Which limb of a rule fired."""

    IMMEDIATE = "immediate"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    CONDITION = "condition"
    ABSENCE = "absence"


class CaseState(StrEnum):
    """Life of a case: it ends by its clear condition or a coded closing, never by silence.

    `WITHDRAWN`: by what was told later it would not have been opened, or its readings belong to
    another case of the family.
    """

    OPEN = "open"
    CLEARED = "cleared"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An open episode of one family for one subject.

    `rule_id`, `limb` and `facts` are those of the decision that speaks for it: of the highest
    priority, a confirmed one before an unconfirmed, then the earliest (`decided_at`, on the point
    `decided_on`). A personal shift clears against the reference that fired. `began_at` is the
    earliest reading it rests on, `ended_at` the reading or the closing that ended it, `opened_at`
    when the core first had it.
    """

    case_id: str
    subject: SubjectRef
    family: Family
    rule_id: str
    priority: Priority
    state: CaseState
    opened_at: datetime
    last_point_at: datetime
    last_rang_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    limb: str = ""
    facts: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    began_at: datetime
    decided_at: datetime
    decided_on: str
    is_confirmed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule asks for a person; never edited once raised (law 6).

    `evidence` is the canonical JSON text of everything the decision used: readings, profile,
    baseline numbers, rule text, what nearly fired. `dated` is True when the trigger is older than
    the rule's `max_age` or undated: a same-day task, not a ring.
    """

    alert_id: AlertId
    case_id: str
    subject: SubjectRef
    kind: AlertKind
    priority: Priority
    family: Family
    rule_id: str
    rule_version: int
    rule_hash: str
    stage: Stage
    raised_at: datetime
    effective_at: datetime
    dated: bool = False
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A detector noticed something about one subject; it asks for nobody by itself."""

    subject: SubjectRef
    family: Family
    detector: str
    score: float
    effective_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningSignal:
    """A series of counts left its expected range (CDC); counts only, never people."""

    area: str
    indicator: str
    day: date
    observed: int
    expected: float
    threshold: float
    detector: str
