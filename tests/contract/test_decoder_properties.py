"""What holds for every decoder and every octet; numbers come from arithmetic in the test."""

import random
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_adapters.adapter import DecodeError
from device_adapters.ble.fields import (
    MOST_REMEMBERED,
    Quantities,
    date_time,
    encode_date_time,
    float32,
    measurable_float32,
    sfloat,
    stepped,
)
from device_adapters.ble.registry import DECODERS, decode, decode_number
from rules.vocabulary import Bound, NoValue, Quantity
from tests.contract.fuzz import READERS, fuzz

SPECIAL = {
    0x07FF: NoValue.NAN,
    0x0800: NoValue.NRES,
    0x07FE: Bound.ABOVE,
    0x0802: Bound.BELOW,
    0x0801: NoValue.RESERVED,
}


def _exact(raw: int, mantissa_bits: int, exponent_bits: int) -> Fraction:
    """IEEE 11073-20601: mantissa times ten to the exponent, both two's complement."""
    mantissa = raw % (1 << mantissa_bits)
    mantissa -= (mantissa >= 1 << (mantissa_bits - 1)) << mantissa_bits
    exponent = raw >> mantissa_bits
    exponent -= (exponent >= 1 << (exponent_bits - 1)) << exponent_bits
    return mantissa * Fraction(10) ** exponent


@pytest.mark.row("I2")
def test_every_sfloat_is_its_mantissa_times_its_power_of_ten_or_a_special_value() -> None:
    for raw in range(1 << 16):
        said = sfloat(raw)
        if raw in SPECIAL:
            assert said is SPECIAL[raw]
        else:
            assert isinstance(said, Decimal)
            assert Fraction(said) == _exact(raw, 12, 4)


@pytest.mark.row("I2")
@given(raw=st.integers(0, (1 << 32) - 1))
def test_a_float_is_its_mantissa_times_its_power_of_ten(raw: int) -> None:
    said = float32(raw)
    if isinstance(said, Decimal):
        assert Fraction(said) == _exact(raw, 24, 8)
    else:
        assert raw in {0x007FFFFF, 0x00800000, 0x007FFFFE, 0x00800002, 0x00800001}


@pytest.mark.row("I2")
@pytest.mark.parametrize("form", ["SFLOAT", "FLOAT"])
@pytest.mark.parametrize("raw", [0x07FF, 0x0800, 0x0801, 0x07FE, 0x0802])
def test_a_special_value_is_never_a_number(form: str, raw: int) -> None:
    # A FLOAT's special mantissas are an SFLOAT's with twelve more bits.
    wide = (raw >> 8 << 20) | (0xFFF00 if raw & 0x0400 else 0) | (raw & 0xFF)
    octets = raw.to_bytes(2, "little") if form == "SFLOAT" else wide.to_bytes(4, "little")
    said = decode_number(form, octets)
    assert said.value is None
    assert (said.censored or said.no_value) is SPECIAL[raw]


@given(raw=st.integers(0, 0xFFFF), unit=st.sampled_from(["mm[Hg]", "kPa", "/min"]))
def test_a_remembered_quantity_is_the_one_that_would_be_made(raw: int, unit: str) -> None:
    remembered = Quantities(unit)
    first, again = remembered[raw], remembered[raw]
    assert first is again
    assert first.unit == unit
    assert [first.value, first.censored, first.no_value].count(None) == 2
    number = sfloat(raw)
    assert number in (first.value, first.censored, first.no_value)


def test_a_device_that_sends_every_number_costs_no_memory() -> None:
    remembered = Quantities("kg", stepped("0.005"))
    for raw in range(1 << 16):
        assert remembered[raw].value == Decimal(raw) * 5 / 1000
        assert len(remembered) <= MOST_REMEMBERED


def test_a_float_beyond_any_measurement_is_not_remembered() -> None:
    remembered = Quantities("Cel", measurable_float32)
    for _ in range(2):
        with pytest.raises(OverflowError, match="not a measurement"):
            remembered[0x7F000001]
    assert not remembered


@given(at=st.datetimes(datetime(1582, 1, 1)).map(lambda at: at.replace(microsecond=0)))  # noqa: DTZ001
def test_a_date_time_survives_its_octets(at: datetime) -> None:
    octets = encode_date_time(at)
    assert len(octets) == 7
    assert date_time(octets) == at


ONE_LENGTH = sorted(DECODERS.keys() - {"2A37", "2AA7", "2A1C"})


@pytest.mark.parametrize("characteristic", ONE_LENGTH)
def test_flags_announce_one_length_and_no_other_is_read(characteristic: str) -> None:
    chance = random.Random(characteristic)  # noqa: S311 - noise, no secret
    for flags in range(256):
        octets = bytes([flags]) + chance.randbytes(60)
        read = [n for n in range(len(octets)) if _reads(characteristic, octets[:n])]
        assert len(read) == 1, f"flags {flags:02x} read as {read}"


def _reads(characteristic: str, payload: bytes) -> bool:
    try:
        decode(characteristic, payload)
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize("characteristic", READERS)
def test_random_frames_raise_nothing_but_the_decoders_own_error(characteristic: str) -> None:
    seen = fuzz(characteristic, frames=1_500, seed=1)  # `make fuzz` throws 100,000 at each
    assert sum(seen.values()) == 1_500
    assert seen["read"], "the noise never was a frame: it proves nothing"


def test_what_a_record_holds_cannot_be_changed_behind_another() -> None:
    (first,) = decode("2A18", bytes.fromhex("021a00ea070b15071e006fb011"))
    (second,) = decode("2A18", bytes.fromhex("021b00ea070b15081e006fb011"))
    assert first.quantities == second.quantities
    assert first.quantities is not second.quantities
    with pytest.raises((AttributeError, TypeError)):
        first.context["sample_type"] = "other"  # pyright: ignore[reportIndexIssue]
    assert Quantity(value=Decimal("0.00111"), unit="kg/L") in first.quantities.values()
