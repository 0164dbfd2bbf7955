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
from device_adapters.ble.quirks import Quirk, quirk_of

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


def decode(characteristic: str, payload: bytes, model: str | None = None) -> list[Record]:
    """The records in `payload`, read with the quirks of `model`.

    Raises:
        DecodeError: the frame is malformed, or no decoder reads this characteristic.
    """
    decoder = DECODERS.get(characteristic)
    if decoder is None:
        raise DecodeError(characteristic, 0, f"no decoder; known: {', '.join(sorted(DECODERS))}")
    return decoder(payload, quirk_of(model))
