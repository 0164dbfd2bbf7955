"""What comes back from the service: facts and observations, as bodies of `core.inbox` rows (D3)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from rules.own_limits import fault_of_limit
from rules.pack import Signature
from rules.vocabulary import AlertId, HubId, Observation, Profile, QuantityName, SubjectRef


class FactError(ValueError):
    """An inbox row cannot be applied; the text names the field."""


class BindingFact(msgspec.Struct, frozen=True, kw_only=True):
    """From `valid_from` on `device` (or one slot of it) is worn by `subject`; ends the former."""

    device: str
    subject: SubjectRef
    valid_from: datetime
    user_slot: int | None = None
    valid_to: datetime | None = None


class HubFact(msgspec.Struct, frozen=True, kw_only=True):
    """A hub, its home and the key that signs its commands (hex, at least 32 bytes)."""

    hub: HubId
    household: str
    area: str
    secret_hex: str


class ClosingFact(msgspec.Struct, frozen=True, kw_only=True):
    """A person closed a case with a coded outcome."""

    case_id: str
    outcome: str
    by: str
    at: datetime


class ToldFact(msgspec.Struct, frozen=True, kw_only=True):
    """At `at` a person learnt of an alert about somebody of this household (empty: of none)."""

    alert_id: AlertId
    household: str
    at: datetime


class PairingFact(msgspec.Struct, frozen=True, kw_only=True):
    """Open, confirm or cancel a pairing window on a hub for somebody.

    `model` is which device it is, as the person said; the hub needs none, the pages ask again.
    """

    hub: HubId
    subject: SubjectRef
    action: Literal["open", "confirm", "cancel"]
    session: str
    until: datetime | None = None
    address: str | None = None
    passkey: str | None = None
    model: str | None = None


class ObservationFact(msgspec.Struct, frozen=True, kw_only=True):
    """An observation born at a person: a symptom, an answer, a typed reading."""

    subject: SubjectRef
    observation: Observation


class AssignFact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody said whose a measurement in quarantine is; it is walked as that person's.

    `keep` binds the device (the user slot of it that measured) to `subject` from the measurement's
    time on, and takes along what that slot has measured since. `by` is an account of the service.
    """

    quarantine_id: int
    subject: SubjectRef
    by: str
    at: datetime
    keep: bool = False


class DismissFact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody said that a measurement in quarantine is nobody's here, or was only a test."""

    quarantine_id: int
    why: Literal["not_ours", "test"]
    by: str
    at: datetime


class OwnerFact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody said whose a reading is that fits another user of its device better."""

    identity: str
    subject: SubjectRef
    by: str
    at: datetime


class AnchorNumber(msgspec.Struct, frozen=True, kw_only=True):
    """The mean that a person took for a reference (canonical unit), and of how many readings."""

    mean: float
    readings: int


class AnchorFact(msgspec.Struct, frozen=True, kw_only=True):
    """A doctor confirmed or moved somebody's anchor: these numbers hold from now on.

    `from_day` is the first day of the week they are the mean of, `reason` why it was moved (empty:
    the first week was confirmed). `by` is an account of the service.
    """

    subject: SubjectRef
    quantities: dict[QuantityName, AnchorNumber]
    from_day: date
    by: str
    at: datetime
    reason: str = ""


class MarkFact(msgspec.Struct, frozen=True, kw_only=True):
    """From `at` on somebody takes another medicine or measures with another device.

    `detail` is a code or a model name, never free text about the person. `by` is an account of the
    service, or `core` where a binding told it.
    """

    subject: SubjectRef
    change: Literal["drug", "device"]
    at: datetime
    by: str
    detail: str = ""


class ClinicFact(msgspec.Struct, frozen=True, kw_only=True):
    """A hub stands in a clinic, by the service's id of it; None: it does not (any more)."""

    hub: HubId
    clinic: str | None


class TurnFact(msgspec.Struct, frozen=True, kw_only=True):
    """From `begins_at` on it is this person's turn at a clinic's hub; None ends the turn."""

    hub: HubId
    subject: SubjectRef | None
    begins_at: datetime


class PackFact(msgspec.Struct, frozen=True, kw_only=True):
    """A pack of rules is proposed, becomes live, is taken back, or is no longer tried.

    Or a single `rule` of a live pack is put to rest (in shadow), or woken.

    `digest` is the SHA-256 of its text; `text` goes with a proposal, `signatures` with what is to
    be live: one over each rule's hash. The service asks for the approvals before it says so; what
    they were given for is the difference from the text of digest `over` (empty: there was none;
    None: it was not noted), which must still hold.
    """

    action: Literal["propose", "roll_out", "roll_back", "withdraw", "rest", "wake"]
    pack: str
    by: str
    at: datetime
    digest: str = ""
    text: str = ""
    rule: str = ""
    signatures: tuple[Signature, ...] = ()
    over: str | None = None


Fact = (
    Profile
    | BindingFact
    | HubFact
    | ClosingFact
    | ToldFact
    | PairingFact
    | ObservationFact
    | AssignFact
    | DismissFact
    | OwnerFact
    | AnchorFact
    | MarkFact
    | ClinicFact
    | TurnFact
    | PackFact
)

_KINDS: dict[str, msgspec.json.Decoder[Fact]] = {
    "profile": msgspec.json.Decoder(Profile),
    "binding": msgspec.json.Decoder(BindingFact),
    "hub": msgspec.json.Decoder(HubFact),
    "closing": msgspec.json.Decoder(ClosingFact),
    "told": msgspec.json.Decoder(ToldFact),
    "pairing": msgspec.json.Decoder(PairingFact),
    "observation": msgspec.json.Decoder(ObservationFact),
    "assign": msgspec.json.Decoder(AssignFact),
    "dismiss": msgspec.json.Decoder(DismissFact),
    "owner": msgspec.json.Decoder(OwnerFact),
    "anchor": msgspec.json.Decoder(AnchorFact),
    "mark": msgspec.json.Decoder(MarkFact),
    "clinic": msgspec.json.Decoder(ClinicFact),
    "turn": msgspec.json.Decoder(TurnFact),
    "pack": msgspec.json.Decoder(PackFact),
}


class _Limits(msgspec.Struct):
    """A profile's limits, as they were written."""

    targets: dict[str, msgspec.Raw] = {}


_LONGEST_TOLD = 40
_LIMITS, _NUMBER = msgspec.json.Decoder(_Limits), msgspec.json.Decoder(Decimal)


def decode_fact(kind: str, body: str | bytes) -> Fact:
    """The fact in an inbox row.

    Raises:
        FactError: an unknown kind, a body that is not one, or a limit that nobody can have; the
            text names the field.
    """
    decoder = _KINDS.get(kind)
    if decoder is None:
        raise FactError(f"kind: {kind!r} is not one of {', '.join(_KINDS)}")
    try:
        if kind == "profile":
            _check_limits(_LIMITS.decode(body).targets)
        return decoder.decode(body)
    except (msgspec.DecodeError, ValueError) as error:
        raise FactError(f"{kind}: {error}") from error


def _check_limits(limits: dict[str, msgspec.Raw]) -> None:
    for name, written in limits.items():
        field = f"targets.{name[:_LONGEST_TOLD]}"
        try:
            value = _NUMBER.decode(written)
        except (msgspec.DecodeError, ValueError):
            told = bytes(written)[:_LONGEST_TOLD].decode(errors="replace")
            raise ValueError(f"{field}: {told} is no number") from None
        if fault := fault_of_limit(name, value):
            raise ValueError(f"{field}: {fault}")
