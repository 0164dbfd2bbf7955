"""`hearthwatch decode 2A35 HEX [--model NAME]`: what a device's frame says, for its makers.

`SFLOAT` and `FLOAT` in place of a characteristic read a bare number, which has no unit. What a
device says about itself (features, clock, battery, record access) is printed as `facts`.

Prints JSON on one line: an object for the record, a list when the packet holds several. Values and
units are those of the wire. A malformed frame prints one line on standard error and exits with 1.
"""

import argparse
import sys
from decimal import Decimal

import msgspec

from device_adapters.adapter import DecodeError, Record
from device_adapters.ble.registry import (
    DECODERS,
    FACTS,
    NUMBERS,
    decode,
    decode_facts,
    decode_number,
)
from device_adapters.plain_text import escaped
from rules.vocabulary import Quantity

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_BASE_UUID_TAIL = "-0000-1000-8000-00805f9b34fb"
_KNOWN = ", ".join(sorted([*DECODERS, *FACTS]) + sorted(NUMBERS))
_SEPARATORS = str.maketrans("", "", " \t\r\n:-_,")

Json = str | int | Decimal | None | list["Json"] | dict[str, "Json"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the characteristic, the octets and the model."""
    parser.add_argument(
        "characteristic",
        type=_characteristic,
        help=f"number or UUID of the characteristic, or a number format: {_KNOWN}",
    )
    parser.add_argument("hex", help="the octets in hexadecimal, separators allowed")
    parser.add_argument("--model", help="model string of the device: applies its known quirks")


def run(args: argparse.Namespace) -> int:
    """Print what the frame says and return 0, or one line why it cannot be read and return 1."""
    characteristic, digits, model = str(args.characteristic), str(args.hex), args.model
    try:
        said = _said(characteristic, digits, model)
    except DecodeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(_ENCODER.encode(said if len(said) > 1 else said[0]).decode() + "\n")
    return 0


def _characteristic(text: str) -> str:
    name = text.lower().removesuffix(_BASE_UUID_TAIL).removeprefix("0x").upper()
    # Only a short number written with 32 bits is cut: an unknown name is to be shown whole.
    short = name.removeprefix("0000")
    return short if short in DECODERS or short in FACTS else escaped(name)


def _said(characteristic: str, digits: str, model: str | None) -> list[dict[str, Json]]:
    if characteristic in NUMBERS:
        number = decode_number(characteristic, _octets(characteristic, digits))
        return [_members(characteristic, {"value": _quantity(number)})]
    if characteristic in FACTS:
        facts = decode_facts(characteristic, _octets(characteristic, digits))
        return [{"characteristic": characteristic, "facts": dict(facts)}]
    if characteristic not in DECODERS:
        raise DecodeError(characteristic, 0, f"no decoder; known: {_KNOWN}")
    records = decode(characteristic, _octets(characteristic, digits), model)
    return [_as_json(record) for record in records]


def _octets(characteristic: str, text: str) -> bytes:
    digits = text.removeprefix("0x").translate(_SEPARATORS)
    for place, digit in enumerate(digits):
        if digit not in "0123456789abcdefABCDEF":
            raise DecodeError(characteristic, place // 2, f"{digit!r} is not a hexadecimal digit")
    if len(digits) % 2:
        raise DecodeError(characteristic, len(digits) // 2, "half an octet: odd number of digits")
    return bytes.fromhex(digits)


def _as_json(record: Record) -> dict[str, Json]:
    quantities: dict[str, Json] = {
        name.value: _quantity(quantity) for name, quantity in record.quantities.items()
    }
    if record.rr_intervals_ms:
        intervals: list[Json] = [_plain(interval) for interval in record.rr_intervals_ms]
        quantities["rr_intervals"] = {"value": intervals, "unit": "ms"}
    details: dict[str, Json] = {
        "device_time": record.device_time.isoformat() if record.device_time else None,
        "sequence": record.sequence,
        "time_offset_min": record.time_offset_min,
        "user_id": record.user_id,
        "flags": [flag.value for flag in record.flags],
    }
    said = _members(record.characteristic, quantities) | details
    if record.context:
        said["context"] = dict(record.context)
    return said


def _members(characteristic: str, quantities: dict[str, Json]) -> dict[str, Json]:
    """The members that every answer has, in their order; a bare number has nothing in the rest."""
    return {
        "characteristic": characteristic,
        "quantities": quantities,
        "device_time": None,
        "sequence": None,
        "time_offset_min": None,
        "user_id": None,
        "flags": [],
    }


def _quantity(quantity: Quantity) -> Json:
    said: dict[str, Json] = {
        "value": None if quantity.value is None else _plain(quantity.value),
        "unit": quantity.unit,
    }
    if quantity.censored is not None:
        said["censored"] = quantity.censored.value
    if quantity.no_value is not None:
        said["no_value"] = quantity.no_value.value
    return said


def _plain(number: Decimal) -> Decimal:
    """`number` without a positive exponent, so that 120 is not printed as 1.2E+2."""
    exponent = number.as_tuple().exponent
    return number.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else number
