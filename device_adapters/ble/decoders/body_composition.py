"""Body Composition Measurement 0x2A9C (Body Composition Service 1.0, section 3.2).

Flags u16 (0 imperial, 1 time, 2 user, 3 basal metabolism, 4 muscle percentage, 5 muscle mass,
6 fat free mass, 7 soft lean mass, 8 body water mass, 9 impedance, 10 weight, 11 height, 12 several
packets), body fat u16 0.1 %, [time 7], [user u8, 255 unknown], [basal metabolism u16 kJ],
[muscle u16 0.1 %], [muscle, fat free, soft lean, body water mass u16 in 0.005 kg or 0.01 lb],
[impedance u16 0.1 Ohm], [weight u16], [height u16 in 0.001 m or 0.1 in].
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from device_adapters.adapter import Record
from device_adapters.ble.decoders.weight import IN_INCHES, IN_KG, IN_METRES, IN_POUNDS
from device_adapters.ble.fields import clock_flags, date_time, known_time
from device_adapters.ble.layout import DATE_TIME, Shapes, u8, u16
from device_adapters.ble.quirks import Quirk
from rules.vocabulary import QualityFlag, Quantity, QuantityName, Vital

_IMPERIAL, _TIME, _USER, _WEIGHT, _HEIGHT, _SEVERAL = 0x01, 0x02, 0x04, 0x400, 0x800, 0x1000
_USER_UNKNOWN = 0xFF
_UNSUCCESSFUL = 0xFFFF
# Word, bit and step of what a scale estimates beside the weight; a mass has the unit of the frame.
_ESTIMATES: tuple[tuple[int, str, Decimal | None], ...] = (
    (0x08, "basal_metabolism_kj", Decimal(1)),
    (0x10, "muscle_percent", Decimal("0.1")),
    (0x20, "muscle_mass", None),
    (0x40, "fat_free_mass", None),
    (0x80, "soft_lean_mass", None),
    (0x100, "body_water_mass", None),
    (0x200, "impedance_ohm", Decimal("0.1")),
)
_PERCENT_STEP, _KG_STEP, _POUND_STEP = Decimal("0.1"), Decimal("0.005"), Decimal("0.01")
_READ = Shapes(
    "2A9C",
    (u16("flags"), u16("body fat")),
    (
        (_TIME, DATE_TIME),
        (_USER, u8("user id")),
        *((bit, u16(word.replace("_", " "))) for bit, word, _ in _ESTIMATES),
        (_WEIGHT, u16("weight")),
        (_HEIGHT, u16("height")),
    ),
)

SEVERAL_PACKETS = "several_packets"
"""Word of a frame that is one part of a measurement; `joined` makes one record of two."""


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A9C frame: weight and height as quantities, the estimates as words.

    A body fat of 65535 means that the measurement failed: no estimate, and `sensor_malfunction`.
    """
    del quirk  # no known model departs in this characteristic
    flags, fat, time, user, *estimates, weight, height = _READ.read(payload)
    stamp = None if time is None else date_time(time)
    words = _estimates(estimates, flags, fat)
    imperial = flags & _IMPERIAL
    quantities: dict[QuantityName, Quantity] = {}
    if weight is not None:
        quantities[QuantityName.WEIGHT] = (IN_POUNDS if imperial else IN_KG)[weight]
    if height is not None:
        quantities[QuantityName.HEIGHT] = (IN_INCHES if imperial else IN_METRES)[height]
    failed = (QualityFlag.SENSOR_MALFUNCTION,) if fat == _UNSUCCESSFUL else ()
    return [
        Record(
            characteristic="2A9C",
            kind=Vital.WEIGHT,
            quantities=quantities,
            device_time=known_time(stamp),
            user_id=None if user == _USER_UNKNOWN else user,
            flags=failed + clock_flags(stamp),
            context=words,
        )
    ]


def joined(first: Record, second: Record) -> Record:
    """One record of the two packets of a measurement; time and user come in the first alone."""
    words = {**first.context, **second.context}
    words.pop(SEVERAL_PACKETS, None)
    return Record(
        characteristic=first.characteristic,
        kind=first.kind,
        quantities={**first.quantities, **second.quantities},
        device_time=first.device_time or second.device_time,
        user_id=second.user_id if first.user_id is None else first.user_id,
        flags=tuple(dict.fromkeys(first.flags + second.flags)),
        context=words,
    )


def _estimates(sent: Sequence[int | None], flags: int, fat: int) -> dict[str, str]:
    words = {} if fat == _UNSUCCESSFUL else {"body_fat_percent": _told(fat, _PERCENT_STEP)}
    step, unit = (_POUND_STEP, "lb") if flags & _IMPERIAL else (_KG_STEP, "kg")
    for raw, (_, word, own_step) in zip(sent, _ESTIMATES, strict=True):
        if raw is None:
            continue
        if own_step is None:
            words[f"{word}_{unit}"] = _told(raw, step)
        else:
            words[word] = _told(raw, own_step)
    if flags & _SEVERAL:
        words[SEVERAL_PACKETS] = "true"
    return words


@lru_cache(maxsize=4096)
def _told(raw: int, step: Decimal) -> str:
    return str(raw * step)
