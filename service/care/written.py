"""What became of something that was to be written down: one named outcome each."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """`added`, `changed` and `unchanged` are good; every other one says why nothing was written."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    UNKNOWN_PERSON = "unknown_person"
    UNKNOWN_STAFF = "unknown_staff"
    UNKNOWN_INSTITUTION = "unknown_institution"
    UNKNOWN_TEAM = "unknown_team"
    UNKNOWN_AREA = "unknown_area"
    UNKNOWN_HOUSEHOLD = "unknown_household"
    UNKNOWN_PARENT = "unknown_parent"
    UNKNOWN_ROW = "unknown_row"
    NOT_A_CLINICIAN = "not_a_clinician"
    ENDS_BEFORE_IT_BEGINS = "ends_before_it_begins"
    OVERLAPS = "overlaps"
    ANOTHER_PERSONS = "another_persons"
    DECEASED = "deceased"
    ALREADY_MERGED = "already_merged"
    HAS_DUPLICATES = "has_duplicates"
    SAME_PERSON = "same_person"
    NOT_MERGED = "not_merged"
    SYNTHETIC = "synthetic"
    OWN_DEPUTY = "own_deputy"
    DEPUTY_ON_LEAVE = "deputy_on_leave"
    TOO_LONG = "too_long"
    IN_THE_PAST = "in_the_past"
    CIRCULAR = "circular"
    NOT_YOURS = "not_yours"
    UNREADABLE = "unreadable"


GOOD = frozenset({Outcome.ADDED, Outcome.CHANGED, Outcome.UNCHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The outcome, and the id or field that it is about (never a name)."""

    outcome: Outcome
    about: str = ""

    @property
    def good(self) -> bool:
        """Whether what was asked for holds now."""
        return self.outcome in GOOD


def refused(outcome: Outcome, about: str = "") -> Written:
    """Nothing was written, because of `outcome`."""
    return Written(outcome=outcome, about=about)
