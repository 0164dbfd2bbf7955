"""Small complete observations for the gateway's tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rules.vocabulary import (
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    Origin,
    Quantity,
    QuantityName,
    Vital,
)

START = datetime(2026, 9, 22, 7, 30, tzinfo=UTC)
CUFF = DeviceRef(manufacturer="Acme", model="BP1", serial="S1")


def blood_pressure(
    number: int,
    *,
    session: str = "s1",
    origin: Origin = Origin.BACKLOG,
    systolic: int = 138,
    diastolic: int = 88,
) -> Observation:
    """A reading that differs from every other `number`."""
    return Observation(
        device=CUFF,
        kind=Vital.BLOOD_PRESSURE,
        quantities={
            QuantityName.SYSTOLIC: Quantity(value=Decimal(systolic), unit="mm[Hg]"),
            QuantityName.DIASTOLIC: Quantity(value=Decimal(diastolic), unit="mm[Hg]"),
        },
        received=HubStamp(boot_id="b", monotonic_s=float(number), wall=START, wall_trusted=True),
        hub=HubId("hub-1"),
        session=session,
        ordinal=number,
        origin=origin,
        device_time=(START + timedelta(minutes=number)).replace(tzinfo=None),
        source="2A35",
    )
