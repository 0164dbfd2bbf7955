"""Where a model departs from the specification: one row a model, data that the code reads.

A row is keyed by the model string of Device Information (0x2A24). Neither a decoder nor a session
asks for a model's name; they ask the row whether, for example, the user byte is always there. Each
row says how we know, and how well (`docs/devices.md` is made from this table).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType


class Evidence(StrEnum):
    """How well a model's behaviour is known, weakest first."""

    SPECIFICATION = "specification"  # the profile, a manual or somebody else's code says so
    CAPTURED_FRAMES = "captured frames"  # octets that such a device sent are replayed in the tests
    SIMULATED_FAULTS = "simulated faults"  # the simulator departs like it, and is read in the tests
    REAL_DEVICE = "real device"  # it was read with this program


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a glucose meter can measure; a number beyond is its LO or HI, whatever it looks like.

    Both ends belong to the range. The two units are stated apart, as on the meter: 1.1 mmol/L is
    19.8 mg/dL, and a meter that shows 1.1 has not shown LO.
    """

    mmol_l: tuple[Decimal, Decimal]
    mg_dl: tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """How one model departs from the specification; the defaults are the specification.

    `user_byte_always`: 2A35 carries the user id although its flag is clear.
    `pulse_and_status_big_endian`: in 2A35 these two fields are big-endian, pressures are not.
    `mean_unsaid`: a mean pressure of 0 in 2A35 stands for none; it is left out.
    `sequence_unreliable`: the number of a glucose record changes when another is added, so it
    neither identifies nor orders; everything is fetched, time and value tell repeats.
    `ketone_meal`: the meal code of a glucose context with which the model marks a ketone test.
    `clock`: the characteristic that shows and sets the clock, None where the model has none of the
    two that a service defines (0x2A2B, 0x2A08).
    `deletes_after_transfer`: what was confirmed is gone from the device: nothing comes twice.
    `resends_everything`: each session brings the whole memory: repeats are no news.
    `off_when_unpaired`: the device switches off when an unpaired host looks at its services.
    `bonds`: how many hosts the device keeps; None where nobody knows.
    `range`: the meter's own limits.
    """

    user_byte_always: bool = False
    pulse_and_status_big_endian: bool = False
    mean_unsaid: bool = False
    sequence_unreliable: bool = False
    ketone_meal: int | None = None
    clock: str | None = "2A2B"
    deletes_after_transfer: bool = False
    resends_everything: bool = False
    off_when_unpaired: bool = False
    bonds: int | None = None
    range: Range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One row: who makes what, how it departs, and how we know."""

    maker: str
    kind: str
    evidence: str
    level: Evidence
    quirk: Quirk = Quirk()


NONE = Quirk()


def _range(mmol_l: str, mg_dl: str) -> Range:
    low, high = mmol_l.split("..")
    lowest, highest = mg_dl.split("..")
    return Range(mmol_l=(Decimal(low), Decimal(high)), mg_dl=(Decimal(lowest), Decimal(highest)))


MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "BM85": Model(
            maker="Beurer",
            kind="blood pressure cuff",
            evidence="four frames in derdilla/blood-pressure-monitor-fl, "
            "ble_measurement_data_test.dart at 17aba3d; that it resends everything is in its "
            "docs/bluetooth.md and was not seen by us",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(
                user_byte_always=True,
                pulse_and_status_big_endian=True,
                mean_unsaid=True,
                resends_everything=True,
            ),
        ),
        "BM57": Model(
            maker="Beurer",
            kind="blood pressure cuff",
            evidence="derdilla/blood-pressure-monitor-fl#352: several records, the oldest first; "
            "an app took the first one for the newest",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(resends_everything=True),
        ),
        "BU550": Model(
            maker="Medisana",
            kind="blood pressure cuff",
            evidence="derdilla/blood-pressure-monitor-fl#352 and bkbilly/medisanabp_ble#1: several "
            "records, the oldest first",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(resends_everything=True),
        ),
        "BM48": Model(
            maker="Beurer",
            kind="blood pressure cuff",
            evidence="derdilla/blood-pressure-monitor-fl#566: heard only for a moment after a "
            "measurement, which is what a session waits for anyway",
            level=Evidence.SIMULATED_FAULTS,
        ),
        "BM59": Model(
            maker="Beurer",
            kind="blood pressure cuff",
            evidence="derdilla/blood-pressure-monitor-fl docs/bluetooth.md: returns all each time",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(resends_everything=True),
        ),
        "boso medicus": Model(
            maker="Bosch + Sohn",
            kind="blood pressure cuff",
            evidence="frames of a good and two failed measurements (NaN with status 0) in "
            "derdilla/blood-pressure-monitor-fl#80; the 0x2A24 text was not published",
            level=Evidence.SIMULATED_FAULTS,
        ),
        "SBM69": Model(
            maker="Silvercrest",
            kind="blood pressure cuff",
            evidence="derdilla/blood-pressure-monitor-fl docs/bluetooth.md: returns all, then "
            "disconnects; passkey on the display: 1technophile/OpenMQTTGateway#806",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(resends_everything=True),
        ),
        "HEM-7322T": Model(
            maker="Omron",
            kind="blood pressure cuff",
            evidence="READMEs of userx14/omblepy and eigger/hass-omron: bonds in -P- mode only and "
            "keeps one bond; its own record protocol is not read, its 0x2A35 is",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(bonds=1),
        ),
        "X4 Smart": Model(
            maker="Omron",
            kind="blood pressure cuff",
            evidence="derdilla/blood-pressure-monitor-fl docs/bluetooth.md: the download mode "
            "removes all stored measurements",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(deletes_after_transfer=True),
        ),
        "UA-651BLE": Model(
            maker="A&D Medical",
            kind="blood pressure cuff",
            evidence="switches off with E10 when services are discovered unpaired: "
            "andengineering/AndroidSampleCode#1; unsent records only, clock as 0x2A08: "
            "obniz/obniz UA651BLE; model text: HL7 Personal Health Device guide",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(clock="2A08", off_when_unpaired=True, deletes_after_transfer=True),
        ),
        "DM30b": Model(
            maker="TaiDoc",
            kind="glucose meter",
            evidence="xDrip BluetoothGlucoseMeter.java (Diamond Mini, firmware 1.2.4): number 0 is "
            "the newest record, no context, no clock; range: the meter's leaflet, from memory",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(
                sequence_unreliable=True,
                clock=None,
                resends_everything=True,
                range=_range("1.1..33.3", "20..600"),
            ),
        ),
        "CareSens Dual": Model(
            maker="i-SENS",
            kind="glucose and ketone meter",
            evidence="context frame of a ketone test in xDrip ContextRxTest.java, mg/dL / 10 in "
            "GlucoseReadingRx.asKetone, own clock service in BluetoothGlucoseMeter.java; range: "
            "the meter's leaflet, from memory",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(ketone_meal=6, clock=None, range=_range("1.1..33.3", "20..600")),
        ),
        "Accu-Chek Guide": Model(
            maker="Roche",
            kind="glucose meter",
            evidence="a frame and what the display showed in innoveit/react-native-ble-manager"
            "#1162; clock as 0x2A08 in the glucose service: xDrip "
            "BluetoothGlucoseMeter.java (Aviva Connect); a list of paired devices, one of them the "
            "default: Roche's manual of 2016 (FCC exhibit 3294131); that there are five, and the "
            "range: the meter's leaflet, from memory",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(clock="2A08", bonds=5, range=_range("0.6..33.3", "10..600")),
        ),
        "Contour Next One": Model(
            maker="Ascensia",
            kind="glucose meter",
            evidence="xDrip RecordsCmdTx.getNewerThanSequenceExclusive: asked from a number on; "
            "control tests as sample type 10; HI above 600 mg/dL: tidepool-org/uploader#123; the "
            "rest of the range: the meter's leaflet, from memory",
            level=Evidence.SIMULATED_FAULTS,
            quirk=Quirk(range=_range("1.1..33.3", "20..600")),
        ),
        "BF720": Model(
            maker="Beurer",
            kind="body composition scale",
            evidence="a weight and its body composition in KristianP26/ble-scale-sync "
            "tests/scales/beurer-bf720.test.ts at 38f1b9b; it speaks only to a host that has its "
            "user's consent code (0x2A9F), which no session of ours sends",
            level=Evidence.CAPTURED_FRAMES,
        ),
        "BF105": Model(
            maker="Beurer",
            kind="body composition scale",
            evidence="a frame of oliexdev/openScale#635 (btsnoop_hci_01.log)",
            level=Evidence.CAPTURED_FRAMES,
        ),
    }
)
"""Every model we know something of, by its model string (0x2A24)."""

_SPEAKS_FOR: Mapping[str, str] = MappingProxyType(
    {"TaiDoc": "DM30b", "i-SENS": "CareSens Dual", "Roche": "Accu-Chek Guide"}
)
"""The start of a manufacturer's name (0x2A29) whose other models behave like the row, as xDrip
tells them apart: these makers put order numbers into the model string. Ranges are not inherited."""


def quirk_of(model: str | None, maker: str = "") -> Quirk:
    """The row of `model`, else what its maker's models share, else the specification itself."""
    if not model and not maker:
        return NONE
    return _quirk_of((model or "").strip(), maker)


@lru_cache(maxsize=64)
def _quirk_of(model: str, maker: str) -> Quirk:
    row = MODELS.get(model)
    if row is not None:
        return row.quirk
    for start, speaker in _SPEAKS_FOR.items():
        if maker.startswith(start):
            return replace(MODELS[speaker].quirk, range=None)
    return NONE
