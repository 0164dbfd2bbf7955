"""Rows of enrolment as the store hands them out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.credentials.authority import Revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApplication:
    """A hub that wants in; `device_code` is the digest, `request` the PEM of its key."""

    device_code: bytes
    user_code: str
    request: str
    fingerprint: str
    software: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What the administrator sees of it before deciding."""

    user_code: str
    fingerprint: str
    software: str
    address: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An application whose row this transaction holds."""

    state: str
    request: str
    hub: str | None
    expires_at: datetime
    polled_at: datetime | None
    interval_s: int
    decided_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a hub may stand: a household or a clinic, its area, and its name for people."""

    id: str
    area: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a hub stands: in exactly one of a household and a clinic, by id."""

    household: str | None = None
    clinic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewable:
    """The hub that holds a key, and its newest certificate."""

    hub: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledHub:
    """A line of the list; `expires_at` None where no certificate is good."""

    hub: str
    is_clinic: bool
    place: str
    enrolled_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLogin:
    """A device that logs in itself; `claim_until` while its one-time code may still be used."""

    device: str
    created_at: datetime
    claimed_at: datetime | None
    revoked_at: datetime | None
    claim_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessState:
    """How far the broker follows: it acts by change `applied` of `wanted` changes."""

    wanted: int
    applied: int
    applied_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerTruth:
    """What the broker shall act by; `wanted` is the number of this state."""

    wanted: int
    revoked: tuple[Revoked, ...]
    shut_out: tuple[str, ...]
    password_lines: tuple[str, ...]
    sessions_to_end: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Attempts of one client to speak at the broker under another's name, within an hour.

    `claimed` is the beginning of the topic.
    """

    client: str
    claimed: str
    hour: datetime
    times: int
    last_at: datetime
