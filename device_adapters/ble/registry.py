"""Which decoder reads which characteristic: two literal dicts; a new one is one more line.

`DECODERS` read measurements and give Records. `FACTS` read what a device says about itself (its
features, clock, battery, names, answers of its record memory) and give words.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from device_adapters.adapter import DecodeError, Record
from device_adapters.ble import current_time, racp
from device_adapters.ble.decoders import (
    battery,
    blood_pressure,
    body_composition,
    cgm,
    device_information,
    features,
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
        "2A5F": pulse_oximeter.decode_continuous,
        "2A9C": body_composition.decode,
        "2A9D": weight.decode,
        "2AA7": cgm.decode,
    }
)

FACTS: Mapping[str, Callable[[bytes], Mapping[str, str]]] = MappingProxyType(
    {
        "2A08": current_time.date_time_facts,
        "2A19": battery.facts,
        "2A23": device_information.system_id,
        "2A2A": device_information.certification,
        "2A2B": current_time.current_time_facts,
        "2A49": features.blood_pressure,
        "2A50": device_information.pnp_id,
        "2A51": features.glucose,
        "2A52": racp.facts,
        "2A60": features.pulse_oximeter,
        "2A9B": features.body_composition,
        "2A9E": features.weight_scale,
        "2AA8": features.cgm,
        "2AA9": cgm.status,
        "2AAA": cgm.session_start,
        "2AAB": cgm.run_time,
        **{number: device_information.text(number) for number in device_information.TEXTS},
    }
)
"""Pure; raises DecodeError and nothing else, whatever the bytes."""

NUMBERS: Mapping[str, Callable[[Reader, str], Number]] = MappingProxyType(
    {"FLOAT": Reader.float32, "SFLOAT": Reader.sfloat}
)
"""The two number formats of the health profiles, for who has a number's octets and no frame."""


def decode(
    characteristic: str, payload: bytes, model: str | None = None, maker: str = ""
) -> list[Record]:
    """The records in `payload`, read with the quirks of `model`, else of its `maker`'s models.

    Raises:
        DecodeError: the frame is malformed, or no decoder reads this characteristic.
    """
    decoder = DECODERS.get(characteristic)
    if decoder is None:
        raise DecodeError(characteristic, 0, f"no decoder; known: {', '.join(sorted(DECODERS))}")
    return decoder(payload, quirk_of(model, maker))


def decode_facts(characteristic: str, payload: bytes) -> Mapping[str, str]:
    """What the device says about itself in `payload`, in words.

    Raises:
        DecodeError: the value is malformed, or none of `FACTS` reads this characteristic.
    """
    read = FACTS.get(characteristic)
    if read is None:
        raise DecodeError(characteristic, 0, f"no facts; known: {', '.join(sorted(FACTS))}")
    return read(payload)


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
