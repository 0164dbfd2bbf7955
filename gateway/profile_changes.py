"""Who people are from an instant on, for a past that is lived again (`rehearsal.py`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from rules.vocabulary import Profile, SubjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChange:
    """Who a person is from `at` (aware) on."""

    at: datetime
    profile: Profile


Changes = Mapping[SubjectRef, Sequence[ProfileChange]]
"""Each person's changes in order of time."""

NO_CHANGES: Changes = MappingProxyType({})
