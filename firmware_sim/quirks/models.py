"""The models we know something of, by model string."""

from collections.abc import Mapping
from types import MappingProxyType

from firmware_sim.profiles.names import Profile
from firmware_sim.quirks.quirk import ClockService, ModelQuirk
from firmware_sim.record_memory import Retention

_APP = "derdilla/blood-pressure-monitor-fl"
_XDRIP = "xDrip BluetoothGlucoseMeter.java"

_CUFFS = (
    ModelQuirk(
        model="BM85",
        maker="Beurer",
        profile=Profile.BLOOD_PRESSURE,
        evidence=f"captured frames in {_APP}, ble_measurement_data_test.dart at 17aba3d; that it"
        " sends everything again: its docs/bluetooth.md",
        retention=Retention.RESEND,
        user=0,
        user_without_flag=True,
        tail_big_endian=True,
        mean_zero=True,
        flag_bits=0x40,
    ),
    ModelQuirk(
        model="BM57",
        maker="Beurer",
        profile=Profile.BLOOD_PRESSURE,
        evidence=f"{_APP}#352: several records, the oldest first; the app took the first one",
        retention=Retention.RESEND,
    ),
    ModelQuirk(
        model="BU550",
        maker="Medisana",
        profile=Profile.BLOOD_PRESSURE,
        evidence=f"{_APP}#352: several records, the oldest first",
        retention=Retention.RESEND,
    ),
    ModelQuirk(
        model="BM48",
        maker="Beurer",
        profile=Profile.BLOOD_PRESSURE,
        evidence=f"{_APP}#566 and docs/bluetooth.md, connect after measurement; that the"
        " window is 30 s is our figure",
        window_s=30.0,
    ),
    ModelQuirk(
        model="BM59",
        maker="Beurer",
        profile=Profile.BLOOD_PRESSURE,
        evidence=f"{_APP} docs/bluetooth.md: returns all measurements each time",
        retention=Retention.RESEND,
    ),
    ModelQuirk(
        model="SBM69",
        maker="Silvercrest",
        profile=Profile.BLOOD_PRESSURE,
        evidence=f"{_APP} docs/bluetooth.md: returns all, then disconnects; passkey on the display:"
        " 1technophile/OpenMQTTGateway#806",
        retention=Retention.RESEND,
        passkey=True,
    ),
    ModelQuirk(
        model="X4 Smart",
        maker="Omron",
        profile=Profile.BLOOD_PRESSURE,
        evidence=f"{_APP} docs/bluetooth.md: the download mode removes all stored measurements",
        retention=Retention.DELETE,
    ),
    ModelQuirk(
        model="HEM-7322T",
        maker="Omron",
        profile=Profile.BLOOD_PRESSURE,
        evidence="READMEs of omblepy and hass-omron: bonds in -P- mode only, keeps one bond,"
        " advertises briefly after a measurement (30 s is our figure); its own record protocol"
        " is not simulated",
        strict_pairing=True,
        single_bond=True,
        window_s=30.0,
    ),
    ModelQuirk(
        model="UA-651BLE",
        maker="A&D Medical",
        profile=Profile.BLOOD_PRESSURE,
        evidence="andengineering/AndroidSampleCode#1: switches off with E10 when services are"
        f" discovered unpaired; {_APP}#724; clock as 0x2A08: obniz/obniz UA651BLE",
        off_on_unpaired_discovery=True,
        retention=Retention.DELETE,
        clock=ClockService.DATE_TIME,
    ),
    ModelQuirk(
        model="boso medicus",
        maker="Bosch + Sohn",
        profile=Profile.BLOOD_PRESSURE,
        evidence=f"frames in {_APP}#80: a failed measurement is NaN in every value, status 0",
    ),
    ModelQuirk(
        model="nRF BPS",
        maker="Nordic",
        profile=Profile.BLOOD_PRESSURE,
        evidence="BloodPressureMeasurementDataCallbackTest.java of Android-BLE-Common-Library: year"
        " 0 in the time stamp; user 255 for unknown as the specification allows",
        never_set=True,
        user=255,
    ),
)

_METERS = (
    ModelQuirk(
        model="DM30b",
        maker="TaiDoc",
        profile=Profile.GLUCOSE,
        evidence=f"{_XDRIP}: number 0 is the newest record and the first sent, no context,"
        " no clock",
        newest_first=True,
        newest_is_zero=True,
        context=False,
        clock=ClockService.NONE,
    ),
    ModelQuirk(
        model="CareSens Dual",
        maker="i-SENS",
        profile=Profile.GLUCOSE,
        evidence="xDrip ContextRxTest.java (ketone as meal 6), GlucoseReadingRx.asKetone (a tenth"
        f" of the mg/dL), {_XDRIP} (a clock service of its own)",
        clock=ClockService.NONE,
        ketone_meal=6,
    ),
    ModelQuirk(
        model="Accu-Chek Guide",
        maker="Roche",
        profile=Profile.GLUCOSE,
        evidence=f"{_XDRIP}: clock as 0x2A08 in the glucose service; passkey on the display:"
        " NightscoutFoundation/xDrip#208",
        clock=ClockService.DATE_TIME,
        passkey=True,
        strict_pairing=True,
    ),
    ModelQuirk(
        model="Contour Next One",
        maker="Ascensia",
        profile=Profile.GLUCOSE,
        evidence="xDrip RecordsCmdTx.getNewerThanSequenceExclusive: records from a number on;"
        " control tests as sample type 10: processGlucoseReadingRx",
    ),
)

MODELS: Mapping[str, ModelQuirk] = MappingProxyType({row.model: row for row in _CUFFS + _METERS})
"""Every row by its model string."""
