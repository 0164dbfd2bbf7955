"""Which decoder reads which characteristic: one literal dict; a new device is one more line."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from device_adapters.adapter import DecodeError, Record
from device_adapters.ble.decoders import (
    blood_pressure,
    cgm,
    glucose,
    glucose_context,
    heart_rate,
    pulse_oximeter,
    thermometer,
    weight,
)
from device_adapters.ble.fields import Number, Reader, quantity_of
from device_adapters.ble.quirks import Quirk, quirk_of
from rules.vocabulary import Quantity

Decoder = Callable[[bytes, Quirk], list[Record]]
"""Pure; raises DecodeError and nothing else, whatever the bytes."""

DECODERS: Mapping[str, Decoder] = MappingProxyType(
    {
        "2A18": glucose.decode,
        "2A1C": thermometer.decode,
        "2A34": glucose_context.decode,
        "2A35": blood_pressure.decode,
        "2A36": blood_pressure.decode_intermediate,
        "2A37": heart_rate.decode,
        "2A5E": pulse_oximeter.decode,
        "2A9D": weight.decode,
        "2AA7": cgm.decode,
    }
)

NUMBERS: Mapping[str, Callable[[Reader, str], Number]] = MappingProxyType(
    {"FLOAT": Reader.float32, "SFLOAT": Reader.sfloat}
)
"""The two number formats of the health profiles, for who has a number's octets and no frame."""


def decode(characteristic: str, payload: bytes, model: str | None = None) -> list[Record]:
    """The records in `payload`, read with the quirks of `model`.

    Raises:
        DecodeError: the frame is malformed, or no decoder reads this characteristic.
    """
    decoder = DECODERS.get(characteristic)
    if decoder is None:
        raise DecodeError(characteristic, 0, f"no decoder; known: {', '.join(sorted(DECODERS))}")
    return decoder(payload, quirk_of(model))


def decode_number(form: str, payload: bytes) -> Quantity:
    """The number that `payload` holds in the format `form` of `NUMBERS`; its unit is None.

    Raises:
        DecodeError: too short or too long, beyond 10^12, or no such format.
    """
    read = NUMBERS.get(form)
    if read is None:
        raise DecodeError(form, 0, f"no number format; known: {', '.join(sorted(NUMBERS))}")
    reader = Reader(form, payload)
    quantity = quantity_of(read(reader, "value"), None)
    reader.finish()
    return quantity
