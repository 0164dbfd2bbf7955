"""`hearthwatch devices radio`: is this machine's Bluetooth adapter good enough where it stands?

Exit status: 0 good or weak, 1 unusable (with the cause's name and one next step).
"""

import asyncio
import sys
from collections.abc import Iterator

import msgspec

from device_adapters.ble.link import Radio
from device_adapters.ble.pairing import SUPPORTED
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.radio_check import GOOD_DBM, WEAK_DBM, RadioCheck, Verdict, check_radio
from device_adapters.plain_text import escaped


def listen(seconds: float, *, as_json: bool, radio: Radio | None = None) -> int:
    """Listen for `seconds`, print what was heard; `radio` replaces the machine's own."""
    check = asyncio.run(check_radio(radio or BleakRadio(), seconds))
    sys.stdout.write(json_text(check) if as_json else table(check))
    return 1 if check.verdict is Verdict.UNUSABLE else 0


def json_text(check: RadioCheck) -> str:
    """One JSON object: verdict, thresholds_dbm, next_step, and the figures of the check."""
    advice = check.advice
    said = {
        "verdict": check.verdict.value,
        "fault": None if check.fault is None else check.fault.value,
        "seconds": check.seconds,
        "advertisements": check.advertisements,
        "advertisements_per_s": round(check.per_s, 2),
        "devices": check.devices,
        "strongest_dbm": check.strongest_dbm,
        "weakest_dbm": check.weakest_dbm,
        "health_devices": check.health,
        "thresholds_dbm": {"good": GOOD_DBM, "weak": WEAK_DBM},
        "says": {"zh": advice.zh, "en": advice.en},
        "next_step": {"zh": advice.next_zh, "en": advice.next_en},
    }
    return msgspec.json.encode(said).decode() + "\n"


def table(check: RadioCheck) -> str:
    """The same for a person at a terminal."""
    return "\n".join([*_lines(check), ""])


def _lines(check: RadioCheck) -> Iterator[str]:
    if check.fault is not None:
        yield f"adapter          {check.fault.value}: {escaped(check.detail)}"
    else:
        yield "adapter          found, on, and we may use it"
        yield (
            f"heard            {check.advertisements} advertisements of {check.devices} devices"
            f" in {check.seconds:g} s ({check.per_s:.1f}/s)"
        )
    if check.strongest_dbm is not None:
        yield f"strength         {check.weakest_dbm} to {check.strongest_dbm} dBm"
    for one in check.health:
        kinds = ", ".join(SUPPORTED[n].name.lower() for n in one.services if n in SUPPORTED)
        yield f"health device    {one.rssi} dBm  {one.address}  {escaped(one.name)}  ({kinds})"
    advice = check.advice
    yield (
        f"verdict          {check.verdict.value}"
        f" (good from {GOOD_DBM} dBm, weak from {WEAK_DBM} dBm, unusable below)"
    )
    yield f"                 {advice.zh}{advice.next_zh}"
    yield f"                 {advice.en} {advice.next_en}"
