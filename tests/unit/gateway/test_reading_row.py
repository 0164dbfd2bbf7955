"""A row gives back, digit for digit, the observation that came and the point that rules saw."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake import Admitted, attributed
from gateway.store.reading_row import observation_of, point_of, row_of
from rules.identity import observation_identity
from rules.vocabulary import (
    Bound,
    CoincidentClocks,
    DeviceRef,
    HubId,
    HubStamp,
    NoValue,
    Observation,
    Origin,
    QualityFlag,
    Quantity,
    QuantityName,
    SubjectRef,
    Vital,
)

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 1, tzinfo=UTC)
WANG = SubjectRef("s-wang")
COLUMNS = (
    *("claimed_at", "identity", "subject", "device", "user_slot", "kind", "effective_at"),
    *("time_confidence", "received_at", "origin", "valid", "possible_repeat", "rings_by_arrival"),
    *("systolic", "diastolic", "pulse", "glucose", "number", "beyond", "flags", "hub", "detail"),
)


def stored(item: Admitted) -> asyncpg.Record:
    """What the driver hands back: the identity as a UUID, everything else as it was given."""
    row: dict[str, object] = dict(
        zip(COLUMNS, row_of(item, item.claimed_at), strict=True)  # the query's own order
    )
    row["identity"] = UUID(str(row["identity"]))
    return cast("asyncpg.Record", row)


def observation(**changed: object) -> Observation:
    plain = Observation(
        device=DeviceRef(manufacturer="OMRON", model="HEM-7361T", serial="20230412"),
        kind=Vital.BLOOD_PRESSURE,
        quantities={
            QuantityName.SYSTOLIC: Quantity(value=Decimal(128), unit="mm[Hg]"),
            QuantityName.DIASTOLIC: Quantity(value=Decimal(81), unit="mm[Hg]"),
        },
        received=HubStamp(boot_id="b", monotonic_s=1.5, wall=START, wall_trusted=True),
        hub=HubId("hub-1"),
        session="0af7651916cd43dd8448eb211c80319c",
    )
    return replace(plain, **changed)  # pyright: ignore[reportArgumentType]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
awkward = st.sampled_from(["A" * 32, "-" * 36, "{" + "a" * 30 + "}", "0" * 36])
names = st.one_of(texts, st.uuids().map(str), st.uuids().map(lambda u: u.hex), awkward)
local = st.datetimes()
instants = st.datetimes(timezones=st.just(UTC))
decimals = st.decimals(-99999, 99999, places=3).map(Decimal.normalize) | st.decimals(
    0, 999, places=2
)
units = st.one_of(st.none(), st.sampled_from(["mm[Hg]", "kPa", "mg/dL", "mmol/L", "[stone]", ""]))
quantities = st.one_of(
    st.builds(Quantity, value=decimals, unit=units),
    st.builds(Quantity, unit=units, censored=st.sampled_from(Bound)),
    st.builds(Quantity, unit=units, no_value=st.sampled_from(NoValue)),
)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    return observation(
        device=draw(st.builds(DeviceRef, manufacturer=texts, model=texts, serial=texts)),
        kind=draw(st.sampled_from(Vital)),
        quantities=draw(st.dictionaries(st.sampled_from(QuantityName), quantities)),
        received=draw(
            st.builds(
                HubStamp,
                boot_id=names,
                monotonic_s=st.floats(0, 1e9),
                wall=instants,
                wall_trusted=st.booleans(),
            )
        ),
        session=draw(names),
        ordinal=draw(st.integers(0, 10**6)),
        origin=draw(st.sampled_from(Origin)),
        user_slot=draw(st.none() | st.integers(0, 255)),
        device_time=draw(st.none() | local),
        sequence=draw(st.none() | st.integers(0, 2**32)),
        clocks=draw(st.none() | st.builds(CoincidentClocks, device_time=local, hub_time=instants)),
        flags=tuple(draw(st.lists(st.sampled_from(QualityFlag), unique=True))),
        context=draw(st.dictionaries(texts, texts, max_size=3)),
        source=draw(texts),
        raw=draw(st.binary(max_size=40)),
    )


@given(observations())
def test_whatever_comes_is_given_back(sent: Observation) -> None:
    item = attributed(sent, WANG, ZONE, START + timedelta(days=400))
    row = stored(item)
    assert point_of(row) == item.point
    assert repr(point_of(row).values) == repr(dict(item.point.values))  # 7.80 is not 7.8
    again = observation_of(row)
    assert again == sent
    assert repr(again.quantities) == repr(dict(sent.quantities))
    assert observation_identity(again) == item.point.identity


@pytest.mark.parametrize(
    ("kind", "quantity", "expected"),
    [
        (Vital.TEMPERATURE, {QuantityName.TEMPERATURE: ("98.6", "[degF]")}, 37.0),
        (Vital.SPO2, {QuantityName.SPO2: ("93", "%"), QuantityName.PULSE: ("60", "/min")}, 93.0),
        (Vital.GLUCOSE, {QuantityName.GLUCOSE: ("7.80", "mmol/L")}, None),
        (Vital.SYMPTOM, {}, None),
    ],
)
def test_a_kind_without_a_column_has_its_main_number(
    kind: Vital, quantity: Mapping[QuantityName, tuple[str, str]], expected: float | None
) -> None:
    said = {n: Quantity(value=Decimal(v), unit=u) for n, (v, u) in quantity.items()}
    row = stored(attributed(observation(kind=kind, quantities=said), WANG, ZONE, START))
    assert row["number"] == expected
    assert row["glucose"] == (7.8 if kind is Vital.GLUCOSE else None)


def test_the_side_of_a_low_reading_stands_in_its_column() -> None:
    low = {QuantityName.GLUCOSE: Quantity(unit=None, censored=Bound.BELOW)}
    row = stored(attributed(observation(kind=Vital.GLUCOSE, quantities=low), WANG, ZONE, START))
    assert (row["glucose"], row["beyond"]) == (None, '{"glucose":"below"}')


def test_a_blood_pressure_over_bluetooth_packs_into_150_bytes() -> None:
    """With four numbers, both clocks, a boot and a frame of 19 bytes; as JSON it takes 800."""
    four = {
        QuantityName.SYSTOLIC: Quantity(value=Decimal(128), unit="mm[Hg]"),
        QuantityName.DIASTOLIC: Quantity(value=Decimal(81), unit="mm[Hg]"),
        QuantityName.MEAN: Quantity(value=Decimal(97), unit="mm[Hg]"),
        QuantityName.PULSE: Quantity(value=Decimal(66), unit="/min"),
    }
    at = START.astimezone(ZONE).replace(tzinfo=None)
    boot = "3afd0945-0398-4c7a-8fbe-03a914c945c7"
    sent = observation(
        quantities=four,
        received=HubStamp(boot_id=boot, monotonic_s=1.5, wall=START, wall_trusted=True),
        device_time=at,
        clocks=CoincidentClocks(device_time=at, hub_time=START),
        source="ble:2A35",
        raw=bytes(19),
    )
    packed = stored(attributed(sent, WANG, ZONE, START))["detail"]
    assert len(packed) <= 150
