"""When nothing of a person could arrive: silence does not run meanwhile (design section 6)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from gateway.county import County
from gateway.store.core_store import CoreStore
from gateway.store.pulse_store import Downtime
from rules.vocabulary import HubId, SubjectRef
from rules.window import Blind

LOOK_BACK = timedelta(days=120)
"""Downtimes that ended longer ago lengthen no silence."""

HUB_REPORTS = timedelta(minutes=3)
"""A hub reports every minute; one that has not for so long is away now."""


async def blind_times(
    subjects: Iterable[SubjectRef], county: County, store: CoreStore, now: datetime
) -> dict[SubjectRef, tuple[Blind, ...]]:
    """The times in which nothing of each of these people could arrive, the present one too.

    The core's and the broker's downtimes are everybody's. A hub's are those of the people of its
    home, where it is the only hub there: where there are two, another could have taken the reading.
    """
    wanted = list(subjects)
    if not wanted:
        return {}
    past = await store.pulses.downtimes(now - LOOK_BACK)
    hubs = {subject: _only_hub(county.profile(subject).household, county) for subject in wanted}
    reports = await store.inbox.last_reports([hub for hub in hubs.values() if hub is not None])
    return {subject: _blind(hub, past, reports, now) for subject, hub in hubs.items()}


def _only_hub(household: str | None, county: County) -> HubId | None:
    if household is None:
        return None
    hubs = [hub for hub, home in county.hubs.items() if home.household == household]
    return hubs[0] if len(hubs) == 1 else None


def _blind(
    hub: HubId | None, past: Iterable[Downtime], reports: Mapping[HubId, datetime], now: datetime
) -> tuple[Blind, ...]:
    found = [
        Blind(began_at=one.began_at, ended_at=one.ended_at)
        for one in past
        if one.hub is None or one.hub == hub
    ]
    reported_at = reports.get(hub) if hub is not None else None
    if reported_at is not None and now - reported_at > HUB_REPORTS:
        found.append(Blind(began_at=reported_at, ended_at=now))
    return tuple(found)
