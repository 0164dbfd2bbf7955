"""The page `docs/devices.md`: every model with its evidence, every characteristic that is read.

Made from the table of models, the shipped captures and the registry; a test refuses a page that is
older than they are.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from device_adapters.ble.captures import shipped_captures
from device_adapters.ble.characteristics import (
    BATTERY,
    CGM_RUN_TIME,
    CGM_START,
    CGM_STATUS,
    FIRMWARE,
    GLUCOSE_CONTEXT,
    MANUFACTURER,
    MODEL,
    READABLE,
    SERIAL,
)
from device_adapters.ble.current_time import CLOCKS, CURRENT_TIME
from device_adapters.ble.decoders.device_information import TEXTS
from device_adapters.ble.quirks import MODELS, Evidence, Quirk, Range
from device_adapters.ble.racp import RECORD_ACCESS
from device_adapters.ble.registry import DECODERS, FACTS

NAMES: Mapping[str, str] = {
    "2A08": "Date Time",
    "2A18": "Glucose Measurement",
    "2A19": "Battery Level",
    "2A1C": "Temperature Measurement",
    "2A23": "System ID",
    "2A2A": "Regulatory Certification Data List",
    "2A2B": "Current Time",
    "2A34": "Glucose Measurement Context",
    "2A35": "Blood Pressure Measurement",
    "2A36": "Intermediate Cuff Pressure",
    "2A37": "Heart Rate Measurement",
    "2A49": "Blood Pressure Feature",
    "2A50": "PnP ID",
    "2A51": "Glucose Feature",
    "2A52": "Record Access Control Point",
    "2A5E": "PLX Spot-Check Measurement",
    "2A5F": "PLX Continuous Measurement",
    "2A60": "PLX Features",
    "2A9B": "Body Composition Feature",
    "2A9C": "Body Composition Measurement",
    "2A9D": "Weight Measurement",
    "2A9E": "Weight Scale Feature",
    "2AA7": "CGM Measurement",
    "2AA8": "CGM Feature",
    "2AA9": "CGM Status",
    "2AAA": "CGM Session Start Time",
    "2AAB": "CGM Session Run Time",
    **{number: f"Device Information: {word.replace('_', ' ')}" for number, word in TEXTS.items()},
}

_IN_A_SESSION = frozenset(
    {
        *READABLE,
        BATTERY,
        CGM_RUN_TIME,
        CGM_START,
        CGM_STATUS,
        *CLOCKS,
        FIRMWARE,
        GLUCOSE_CONTEXT,
        MANUFACTURER,
        MODEL,
        RECORD_ACCESS,
        SERIAL,
    }
)
_HEAD = """\
# Devices

Made by `hearthwatch devices table`; edit `device_adapters/ble/quirks.py` and the files in
`device_adapters/ble/captured_frames/`, then make it again.
How to add a model: [adding_a_device.md](adding_a_device.md).

Any device that keeps to a Bluetooth SIG profile below is read without a row. A row says where a
model departs from it, and how well that is known:

| evidence | means |
|---|---|
| specification | the profile, a manual or somebody else's code says so |
| captured frames | octets that such a device sent are replayed in the tests |
| simulated faults | the simulator departs like it, and a session of ours reads it in the tests |
| real device | it was read with this program |

The highest of them stands in the table; "frames" counts octets of the device itself. A model that
is simulated without any is as true as its last column.
"""


def devices_page() -> str:
    """The whole page as Markdown."""
    return "\n".join([_HEAD, *_models(), "", *_characteristics(), ""])


def quirk_words(quirk: Quirk) -> str:
    """How a model departs, in words; empty for one that does not."""
    return "; ".join(_words(quirk))


def _words(quirk: Quirk) -> Iterator[str]:
    for name, words in _SWITCHES.items():
        if getattr(quirk, name):
            yield words
    if quirk.ketone_meal is not None:
        yield f"meal {quirk.ketone_meal} marks a ketone test"
    if quirk.clock is None:
        yield "no clock that a service defines"
    elif quirk.clock != CURRENT_TIME:
        yield f"clock is 0x{quirk.clock}"
    if quirk.bonds is not None:
        yield "keeps one bond" if quirk.bonds == 1 else f"keeps {quirk.bonds} bonds"
    if quirk.range is not None:
        yield _range(quirk.range)


_SWITCHES: Mapping[str, str] = {
    "user_byte_always": "user id without its flag",
    "pulse_and_status_big_endian": "pulse and status big-endian",
    "mean_unsaid": "a mean of 0 is none",
    "sequence_unreliable": "record numbers move",
    "deletes_after_transfer": "deletes what it has sent",
    "resends_everything": "sends everything each time",
    "off_when_unpaired": "switches off for an unpaired host",
}


def _range(limits: Range) -> str:
    (low, high), (lowest, highest) = limits.mmol_l, limits.mg_dl
    return f"LO and HI beyond {low}-{high} mmol/L, {lowest}-{highest} mg/dL"


def _models() -> Iterator[str]:
    captures = shipped_captures()
    yield "## Models\n"
    yield "| model | maker | what | departs | evidence | frames | how we know |"
    yield "|---|---|---|---|---|---|---|"
    for name, model in sorted(MODELS.items(), key=lambda item: (item[1].maker, item[0])):
        frames = len(captures[name].frames) if name in captures else 0
        cells = (
            name,
            model.maker,
            model.kind,
            quirk_words(model.quirk) or "no",
            model.level.value,
            str(frames or "-"),
            model.evidence,
        )
        yield f"| {' | '.join(cells)} |"


def _characteristics() -> Iterator[str]:
    captured = Counter(
        frame.characteristic for capture in shipped_captures().values() for frame in capture.frames
    )
    yield "## Characteristics\n"
    yield (
        "Read in a session: what a hub asks of a paired device. The others are read by `hearthwatch"
        " decode`\nand `hearthwatch devices check` (streams would hold a link for ever;"
        " of a heart rate a sample is taken).\n"
    )
    yield "| number | name | in a session | evidence | frames |"
    yield "|---|---|---|---|---|"
    tables: tuple[Mapping[str, Callable[..., object]], ...] = (DECODERS, FACTS)
    for number in sorted(number for table in tables for number in table):
        asked = "yes" if number in _IN_A_SESSION else "no"
        frames = captured[number]
        level = Evidence.CAPTURED_FRAMES if frames else Evidence.SPECIFICATION
        yield f"| {number} | {NAMES[number]} | {asked} | {level.value} | {frames or '-'} |"
