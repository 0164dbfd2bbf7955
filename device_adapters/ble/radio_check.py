"""A self-test of the Bluetooth adapter: listen for a while, count, and say what it is worth.

The bar is ours. What is heard is what the operating system hands on: BlueZ tells of a device that
goes on advertising when its strength changes, so the rate there is a lower bound.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from device_adapters.ble.link import LinkCause, LinkError, Radio, Seen
from device_adapters.ble.pairing import SUPPORTED
from device_adapters.ble.pairing_causes import ADVICE, Advice, cause_of

GOOD_DBM = -70
"""Every Bluetooth receiver hears this (Core Specification, volume 6 part A, 4.1): nothing is near
the limit of the adapter."""

WEAK_DBM = -85
"""Adapters hear down to some -95 dBm; a hand around the cuff or a wall takes 10 dB of that."""


class Verdict(StrEnum):
    """What the adapter is worth at this place."""

    GOOD = "good"
    WEAK = "weak"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthDevice:
    """A device with a health service; `services` are 16-bit numbers, `rssi` the best one in dBm."""

    address: str
    name: str
    services: tuple[str, ...]
    rssi: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioCheck:
    """What was heard in `seconds`; strengths in dBm of each device's best advertisement.

    `fault` is why nothing could be heard at all, `detail` the system's own words for it.
    """

    seconds: float
    advertisements: int = 0
    devices: int = 0
    strongest_dbm: int | None = None
    weakest_dbm: int | None = None
    health: tuple[HealthDevice, ...] = ()
    fault: LinkCause | None = None
    detail: str = ""

    @property
    def per_s(self) -> float:
        """Advertisements a second."""
        return self.advertisements / self.seconds

    @property
    def decisive_dbm(self) -> int | None:
        """The strength that decides: of the nearest health device, else of the nearest device."""
        return max((one.rssi for one in self.health), default=self.strongest_dbm)

    @property
    def verdict(self) -> Verdict:
        """Good from -70 dBm, weak from -85 dBm, unusable below, in silence and with a fault."""
        decisive = self.decisive_dbm
        if decisive is None or decisive < WEAK_DBM:
            return Verdict.UNUSABLE
        return Verdict.GOOD if decisive >= GOOD_DBM else Verdict.WEAK

    @property
    def advice(self) -> Advice:
        """What that means and the one thing to do next, in Chinese and English."""
        if self.fault is not None:
            return ADVICE[cause_of(self.fault)]
        return _SILENCE if self.decisive_dbm is None else _SENTENCES[self.verdict]


_SILENCE = Advice(
    zh="蓝牙适配器可用，但没有听到任何设备。",
    en="The adapter works, but it heard no device at all.",
    next_zh="请在适配器旁用一台设备测量一次，同时再运行一遍。",
    next_en="Measure with a device beside the adapter while you run this again.",
)
_SENTENCES: Mapping[Verdict, Advice] = MappingProxyType(
    {
        Verdict.GOOD: Advice(
            zh="信号良好。",
            en="The signal is good.",
            next_zh="可以开始配对设备。",
            next_en="Go on and pair your devices.",
        ),
        Verdict.WEAK: Advice(
            zh="信号较弱，测量可能要等一会儿才能传到。",
            en="The signal is weak; readings may arrive late.",
            next_zh="请把网关移到离测量地点更近、没有金属遮挡的位置。",
            next_en="Move the hub nearer to where people measure, away from metal.",
        ),
        Verdict.UNUSABLE: Advice(
            zh="信号太弱，无法可靠读取设备。",
            en="The signal is too weak to read a device reliably.",
            next_zh="请用延长线把蓝牙适配器移到离设备两米以内。",
            next_en="Put the adapter on an extension cable, within two metres of the devices.",
        ),
    }
)


async def check_radio(radio: Radio, seconds: float) -> RadioCheck:
    """Listen for `seconds` (above 0); an adapter that cannot be used is a result, not an error."""
    best: dict[str, Seen] = {}
    count = 0

    def note(seen: Seen) -> None:
        nonlocal count
        count += 1
        known = best.get(seen.address)
        if known is None or _more(seen) > _more(known):
            best[seen.address] = seen

    try:
        async with radio.scan(note):
            await asyncio.sleep(seconds)
    except LinkError as error:
        return RadioCheck(seconds=seconds, fault=error.cause, detail=error.detail)
    strengths = [seen.rssi for seen in best.values()]
    return RadioCheck(
        seconds=seconds,
        advertisements=count,
        devices=len(best),
        strongest_dbm=max(strengths, default=None),
        weakest_dbm=min(strengths, default=None),
        health=_health(best),
    )


def _more(seen: Seen) -> tuple[int, int]:
    """What says more of a device: first which services it has, then how strong it can be."""
    return len(seen.services), seen.rssi


def _health(best: Mapping[str, Seen]) -> tuple[HealthDevice, ...]:
    found = (
        HealthDevice(address=seen.address, name=seen.name, services=seen.services, rssi=seen.rssi)
        for seen in best.values()
        if any(number in SUPPORTED for number in seen.services)
    )
    return tuple(sorted(found, key=lambda one: (-one.rssi, one.address)))
