"""The table of everything that can go wrong: every kind, and which profiles it can happen to."""

from collections.abc import Mapping
from types import MappingProxyType

from firmware_sim.faults import (
    on_context,
    on_frames,
    on_link,
    on_messages,
    on_pairing,
    on_person,
    on_time,
    on_transfer,
    on_values,
)
from firmware_sim.faults.kind import FaultKind
from firmware_sim.profiles.names import Profile

_ROWS: tuple[FaultKind, ...] = (
    *on_pairing.KINDS,
    *on_link.KINDS,
    *on_transfer.KINDS,
    *on_frames.KINDS,
    *on_values.KINDS,
    *on_context.KINDS,
    *on_time.KINDS,
    *on_person.KINDS,
    *on_messages.KINDS,
)

FAULTS: Mapping[str, FaultKind] = MappingProxyType({kind.name: kind for kind in _ROWS})
"""Every kind by its name, in the order of the page."""

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "stored": "it becomes an observation like any other",
        "stored_once": "however often it comes, there is one observation",
        "stored_later": "nothing yet; it stays on the device and a later session brings it",
        "stored_flagged": "an observation with the quality flag named behind the colon",
        "censored": "an observation that lies beyond a limit: rules see it as low or high",
        "no_value": "kept with its octets and counted, but no number is filed",
        "quarantined": "kept aside with the reason named behind the colon, and the stream goes on",
        "refused": "never accepted; nothing of it reaches a person's record",
        "pairing_cause": "the hub's page names this cause and one next step",
        "inbox_unknown_user": "an observation without a person, in the inbox that asks whose it is",
        "arrival_time": "a live record takes the time of its arrival, older ones are history",
        "undated": "kept as history without a date; it never rings as if it were new",
        "time_corrected": "the device's time is corrected by the clock read in the same session",
        "gap_reported": "what arrived is stored, and the missing numbers are reported",
    }
)
"""The outcomes that a row may expect, before the colon."""


def applicable() -> list[tuple[FaultKind, Profile]]:
    """Every pair that can happen, in the order of the table."""
    return [(kind, profile) for kind in _ROWS for profile in Profile if profile in kind.expects]


def kinds_for(profile: Profile) -> list[FaultKind]:
    """What can be done to a device of this profile, in the order of the table."""
    return [kind for kind in _ROWS if profile in kind.expects]
