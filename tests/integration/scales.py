"""Somebody with heart failure, and the scale on which they weigh themselves."""

from datetime import datetime, timedelta
from decimal import Decimal

from gateway.facts import BindingFact
from rules.vocabulary import (
    DeviceRef,
    HubStamp,
    Observation,
    Origin,
    Profile,
    Quantity,
    QuantityName,
    SubjectRef,
    Vital,
)
from tests.integration.county_bench import HUB, START, ZONE

_SCALE = DeviceRef(manufacturer="Acme", model="SC-1", serial="3")
_WEIGHED = SubjectRef("s-weighed")


def heart_failure() -> tuple[Profile, BindingFact]:
    """Who they are, and that the scale is theirs."""
    profile = Profile(
        subject=_WEIGHED,
        birth_year=1950,
        conditions=frozenset({"heart_failure"}),
        drug_classes=frozenset(),
        household="h-1",
        area="t-1",
    )
    since = START - timedelta(days=400)
    return profile, BindingFact(device=_SCALE.key, subject=_WEIGHED, valid_from=since)


def weight(at: datetime) -> Observation:
    """70 kg at that instant."""
    return Observation(
        device=_SCALE,
        kind=Vital.WEIGHT,
        quantities={QuantityName.WEIGHT: Quantity(value=Decimal(70), unit="kg")},
        received=HubStamp(boot_id="b", monotonic_s=0, wall=at, wall_trusted=True),
        hub=HUB,
        session=f"s{at}",
        origin=Origin.LIVE,
        device_time=at.astimezone(ZONE).replace(tzinfo=None),
        source="2A9D",
    )
