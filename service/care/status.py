"""The state of a person as somebody says it: from when, until when, and who said so. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from rules.vocabulary import PersonStatus
from service.care.written import Outcome, Written, refused

LONGEST_PAUSE = timedelta(days=30)
"""Admitted and away are said for at most this long (hazard 11): then somebody looks again."""

LOOK_BACK = timedelta(days=30)
"""How far back the alerts of somebody who has died are looked at (hazard 11)."""

PASSING = frozenset({PersonStatus.ADMITTED, PersonStatus.AWAY})
"""What ends by itself; afterwards holds again what held before."""


class Source(StrEnum):
    """Who knows it."""

    PERSON = "person"
    FAMILY = "family"
    CLINICIAN = "clinician"
    HOSPITAL = "hospital"
    REGISTER = "register"
    IMPORT = "import"


class Finding(StrEnum):
    """What looking back upon a death found."""

    EXPECTED = "expected"
    ANSWERED_IN_TIME = "answered_in_time"
    ANSWERED_LATE = "answered_late"
    NOT_ANSWERED = "not_answered"
    NO_SIGN = "no_sign"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Somebody's word on a person's state; `expires_at` is needed for admitted and away."""

    person_id: UUID
    status: PersonStatus
    starts_at: datetime
    source: Source
    expires_at: datetime | None = None


def checked(said: Said, now: datetime) -> Written | None:
    """Why it cannot be so; None where it can.

    `ends_before_it_begins`, `in_the_past` (it would be over), `too_long` (admitted or away without
    an end, or for more than 30 days), or a death or a move that is to end or lies ahead.
    """
    lasting = said.expires_at - said.starts_at if said.expires_at else None
    if lasting is not None and lasting <= timedelta():
        return refused(Outcome.ENDS_BEFORE_IT_BEGINS, "expires_at")
    if said.expires_at is not None and said.expires_at <= now:
        return refused(Outcome.IN_THE_PAST, "expires_at")
    if said.status in PASSING and (lasting is None or lasting > LONGEST_PAUSE):
        return refused(Outcome.TOO_LONG, "expires_at")
    if said.status not in PASSING and (said.expires_at is not None or said.starts_at > now):
        return refused(Outcome.TOO_LONG, "expires_at" if said.expires_at else "starts_at")
    return None
