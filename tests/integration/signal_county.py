"""Signals in the small county: findings as fusion hands them over, and a named duty officer."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from service.people import Area, NewAccount, Staff
from service.permissions import Role
from service.release_settings import FLOOR
from service.surveillance.signal_formation import take_findings
from service.surveillance.signal_store import Signals
from service.surveillance.signal_words import Colour, Finding, SourceEvidence, colour_of
from tests.integration.service_county import HASH, ZONE, County, account_id

DAY = date(2026, 8, 31)
_INDICATOR = {
    "home": "fever",
    "clinic": "fever_visits",
    "pharmacy": "antipyretic",
    "school": "absent_ill",
}
TOWNSHIPS = {"t-dong": "东风镇", "t-qing": "青山乡", "t-lin": "临河镇"}


def evidence(
    source: str = "clinic",
    observed: int = 21,
    *,
    expected: float = 8.0,
    upperbound: float = 14.0,
    day: date = DAY,
    indicator: str | None = None,
) -> SourceEvidence:
    return SourceEvidence(
        source=source,
        indicator=indicator or _INDICATOR[source],
        day=day,
        observed=observed,
        expected=expected,
        upperbound=upperbound,
        p=0.0004,
    )


def finding(
    area: str = "township-area",
    sources: Sequence[SourceEvidence] = (),
    *,
    day: date = DAY,
    drill: bool = False,
    arriving_until: datetime | None = None,
) -> Finding:
    sources = sources or (evidence(day=day),)
    crossed = [one for one in sources if one.crossed]
    return Finding(
        area=area,
        day=day,
        colour=colour_of(len({one.source for one in crossed})) if crossed else Colour.BLUE,
        driver=crossed[0].source if crossed else "clinic",
        sources=tuple(sources),
        simes_p=0.0008,
        q=0.01,
        arriving_until=arriving_until,
        drill=drill,
    )


async def form(county: County, *findings: Finding) -> list[UUID]:
    """What the daily pass does once fusion has spoken."""
    async with county.store.pool.acquire() as connection, connection.transaction():
        return await take_findings(connection, findings, county.now, floor=FLOOR)


def signals_of(county: County, floor: int = FLOOR) -> Signals:
    return Signals(county.store.pool, ZONE, floor)


async def seed_officers(county: County) -> None:
    """`cdc` is an officer of the county, `duty` its named duty officer; three more townships."""
    await county.store.register_staff(
        Staff(staff_id="duty", name="罗敏", role=Role.CDC_OFFICER, institution_id="hospital")
    )
    await county.store.register_account(
        NewAccount(
            account_id=account_id("duty"),
            login="duty",
            password_hash=HASH,
            role=Role.CDC_OFFICER,
            staff_id="duty",
        )
    )
    for area, name in TOWNSHIPS.items():
        await county.store.register_area(
            Area(area_id=area, parent_id="county-area", level="township", name=name)
        )
    today = county.now.astimezone(ZONE).date()
    await county.owner.execute(
        "INSERT INTO cdc.duty_officer (area, account_id, first_day, last_day, named_at)"
        " VALUES ('county-area', $1, $2, $3, $4)",
        account_id("duty"),
        today,
        today + timedelta(days=30),
        county.now,
    )
