"""What the store returns: frozen records, the words of `rules.vocabulary` where they exist."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from rules.vocabulary import AlertKind, Family, Priority
from service.alerts.lifecycle import Answer, Ended, LifeState, Outcome
from service.permissions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who is signed in; staff have `staff_id`, patients `person_id` and `subject`, never both."""

    account_id: UUID
    login: str
    role: Role
    staff_id: str | None = None
    person_id: UUID | None = None
    institution_id: str | None = None
    area: str | None = None
    language: str = "zh"
    name: str = ""
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account and its argon2id hash."""

    account: Account
    password_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard:
    """Who it is about, as a clinician needs it; `person_id` None = somebody in this home."""

    person_id: UUID | None
    subject: str
    name: str | None
    birth_year: int | None
    sex: str | None
    phone: str | None
    household: str | None
    address: str | None
    area: str | None
    area_name: str | None
    status: str | None
    conditions: tuple[str, ...] | None
    drug_classes: tuple[str, ...] | None
    pregnant: str | None
    targets: Mapping[str, float]
    family_doctor: str | None
    village_doctor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistItem:
    """One line of a doctor's worklist, most severe and longest waiting first."""

    alert_id: UUID
    subject: str
    person_name: str | None
    birth_year: int | None
    household: str | None
    kind: AlertKind
    priority: Priority
    family: Family
    rule_id: str
    stage: str
    dated: bool
    raised_at: datetime
    effective_at: datetime
    state: LifeState
    round: int
    next_due_at: datetime | None
    next_check_at: datetime | None
    acknowledged_by: str | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened to an alert; `actor` is a name, or `system`."""

    at: datetime
    actor: str
    what: str
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """Who was told, when, by which channel, why, what moved it, with which result (row A9)."""

    delivery_id: UUID
    alert_id: UUID
    tier: int
    step: int
    account_id: UUID | None
    recipient: str | None
    role: Role | None
    channel: str
    state: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    detail: str
    because: str | None = None
    hold: str | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientMessage:
    """What the patient was told, in both languages, never changed afterwards.

    `is_open` is whether somebody still looks after what it is about. One of kind `prompted` asks
    for no clinician: in the place of an alert's id stands its own.
    """

    at: datetime
    alert_id: UUID
    kind: str
    text_zh: str
    text_en: str
    is_open: bool = True

    @property
    def is_prompt(self) -> bool:
        """Whether a rule said it at home of its own accord."""
        return self.kind == "prompted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCard:
    """Everything the why-card shows; `evidence` is the alert's own immutable JSON text.

    `taken_back`: by what came later the rule would not have asked for anybody.
    """

    alert_id: UUID
    case_id: UUID
    person: PersonCard
    kind: AlertKind
    priority: Priority
    family: Family
    rule_id: str
    rule_version: int
    rule_hash: str
    stage: str
    dated: bool
    undampable: bool
    synthetic: bool
    raised_at: datetime
    effective_at: datetime
    evidence: str
    state: LifeState
    tier: int
    step: int
    round: int
    next_due_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    answer: Answer | None
    next_check_at: datetime | None
    outcome: Outcome | Ended | None
    closed_at: datetime | None
    deliveries: tuple[DeliveryRecord, ...]
    messages: tuple[PatientMessage, ...]
    taken_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """One stored reading in canonical units: mmHg, beats a minute, mmol/L.

    `number` is what a kind without a column of its own measured, in the unit of `rules.codes`: kg,
    Cel, %, breaths a minute; None for the kinds that have one and where the device had no number.
    `beyond` names the quantities that the device could only place outside its range (`below` for
    LO, `above` for HI); their numbers are None, and they are values, not gaps (hazard 0.2).
    """

    identity: str
    effective_at: datetime
    kind: str
    systolic: float | None
    diastolic: float | None
    pulse: float | None
    glucose: float | None
    valid: bool
    time_confidence: str
    flags: tuple[str, ...]
    beyond: Mapping[str, str] = field(default_factory=dict[str, str])
    number: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesMark:
    """A change of medicine or device (`drug`, `device`) in somebody's series."""

    change: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A person's readings in a span, oldest first, with the doctor's limits for this person."""

    subject: str
    since: datetime
    until: datetime
    points: tuple[SeriesPoint, ...]
    targets: Mapping[str, float]
    marks: tuple[SeriesMark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientOverview:
    """A patient's own first page."""

    person: PersonCard
    last: tuple[SeriesPoint, ...]
    messages: tuple[PatientMessage, ...]
    open_alerts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingState:
    """Where a pairing stands; `status` is the hub's own JSON text, None while unheard.

    `model` is what the person said it is, None for another device.
    """

    hub: str | None
    requested: bool
    session: str | None
    until: datetime | None
    reported_at: datetime | None
    status: str | None
    devices: tuple[str, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineItem:
    """Bad data that was kept, with the reason one can read."""

    quarantine_id: int
    recorded_at: datetime
    hub: str
    lane: str
    sequence: int
    reason: str
    field: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account as the administrator sees it."""

    account_id: UUID
    login: str
    role: Role
    name: str
    institution: str | None
    disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRow:
    """One hub and what it last said of itself.

    `command_version` is the core's command in force (None: none yet), `acknowledged_version` the
    one that the hub follows.
    """

    hub: str
    household: str
    area: str
    reported_at: datetime | None
    status: str | None
    command_version: int | None
    acknowledged_version: int | None
