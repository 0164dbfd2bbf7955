"""Measurements of unknown people as the core keeps them, and the hubs they came over."""

from datetime import timedelta
from decimal import Decimal

import msgspec

from rules.vocabulary import Origin, QuantityName, TimeConfidence, Vital
from rules.window import Point, Value
from tests.integration.service_county import County

HOME_CUFF = "Acme/BP-2/7"
CLINIC_CUFF = "Acme/BP-9/clinic"

_KEEP = """
INSERT INTO core.quarantine (recorded_at, hub, epoch, lane, sequence, reason, field, detail,
                             payload, subject, effective_at, point, user_slot)
SELECT $1, $2, 'e', 'live', coalesce(max(sequence), 0) + 1, $3, 'user_slot', '', '', $4, $1, $5, $6
FROM core.quarantine
RETURNING quarantine_id
"""


async def know_hubs(county: County) -> None:
    """Home 1 has a hub, and so has clinic A."""
    await county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret, clinic) VALUES"
        " ('hub-home', 'home-1', 'village-area-a', '', NULL),"
        " ('hub-clinic', 'clinic-a', 'village-area-a', '', 'clinic-a')"
        " ON CONFLICT DO NOTHING"
    )


async def at_home(
    county: County,
    systolic: int,
    diastolic: int,
    *,
    slot: int | None,
    minutes_ago: float = 5,
    identity: str | None = None,
) -> int:
    """An unknown user of home 1's cuff measured; the id under which it is kept."""
    given = (systolic, diastolic, slot)
    return await _keep(county, given, "hub-home", HOME_CUFF, minutes_ago, identity)


async def at_clinic(
    county: County, systolic: int, diastolic: int, *, minutes_ago: float = 5
) -> int:
    """Somebody measured at clinic A while it was nobody's turn."""
    given = (systolic, diastolic, None)
    return await _keep(county, given, "hub-clinic", CLINIC_CUFF, minutes_ago, None)


async def _keep(
    county: County,
    given: tuple[int, int, int | None],
    hub: str,
    device: str,
    minutes_ago: float,
    identity: str | None,
) -> int:
    systolic, diastolic, slot = given
    at = county.now - timedelta(minutes=minutes_ago)
    next_id = 1 + await county.owner.fetchval(
        "SELECT coalesce(max(quarantine_id), 0) FROM core.quarantine"
    )
    home = "home-1" if hub == "hub-home" else "clinic-a"
    point = Point(
        identity=identity or f"home-{next_id}",
        kind=Vital.BLOOD_PRESSURE,
        device=device,
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values={
            QuantityName.SYSTOLIC: Value(value=Decimal(systolic)),
            QuantityName.DIASTOLIC: Value(value=Decimal(diastolic)),
        },
    )
    body = msgspec.json.Encoder(decimal_format="number").encode(point).decode()
    reason = "unknown_user" if slot is not None else "unknown_device"
    row = (at, hub, reason, f"home:{home}", body, slot)
    return await county.owner.fetchval(_KEEP, *row)
