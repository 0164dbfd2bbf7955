"""Why a pairing failed, and the one thing to do next, in Chinese and English."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from device_adapters.ble.link import LinkCause
from device_adapters.ble.quirks import Quirk


class Cause(StrEnum):
    """Every failure has exactly one of these names."""

    NO_ADAPTER = "no_adapter"
    ADAPTER_OFF = "adapter_off"
    NO_PERMISSION = "no_permission"
    NOT_IN_PAIRING_MODE = "not_in_pairing_mode"
    WINDOW_MISSED = "window_missed"
    PASSKEY_WANTED = "passkey_wanted"
    PASSKEY_WRONG = "passkey_wrong"
    BOND_REFUSED = "bond_refused"
    BOND_LOST_ON_DEVICE = "bond_lost_on_device"
    BOND_LOST_HERE = "bond_lost_here"
    PAIRED_ELSEWHERE = "paired_elsewhere"
    SLOTS_FULL = "slots_full"
    OUT_OF_RANGE = "out_of_range"
    BATTERY_LOW = "battery_low"
    NOT_SUPPORTED = "not_supported"
    RADIO_FAILED = "radio_failed"
    HUB_CLOCK_WRONG = "hub_clock_wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What happened and the one next step, each as a sentence in both languages."""

    zh: str
    en: str
    next_zh: str
    next_en: str


ADVICE: Mapping[Cause, Advice] = MappingProxyType(
    {
        Cause.NO_ADAPTER: Advice(
            zh="网关没有找到蓝牙适配器。",
            en="The hub has no Bluetooth adapter.",
            next_zh="请插好蓝牙适配器，再点“配对”。",
            next_en="Plug the Bluetooth adapter in, then start pairing again.",
        ),
        Cause.ADAPTER_OFF: Advice(
            zh="网关的蓝牙已关闭。",
            en="Bluetooth is switched off on the hub.",
            next_zh="请打开网关的蓝牙，再点“配对”。",
            next_en="Switch Bluetooth on at the hub, then start pairing again.",
        ),
        Cause.NO_PERMISSION: Advice(
            zh="网关程序没有使用蓝牙的权限。",
            en="The hub's program may not use Bluetooth.",
            next_zh="请联系维护人员，为网关程序开通蓝牙权限。",
            next_en="Ask the operator to allow the hub's program to use Bluetooth.",
        ),
        Cause.NOT_IN_PAIRING_MODE: Advice(
            zh="附近没有发现等待配对的设备。",
            en="No device nearby was waiting to be paired.",
            next_zh="请按住设备的蓝牙键，直到配对标志闪烁，再点“配对”。",
            next_en="Hold the device's Bluetooth button until it blinks, then start pairing again.",
        ),
        Cause.WINDOW_MISSED: Advice(
            zh="找到了设备，但在规定时间内没有确认。",
            en="A device was found, but nobody confirmed it in time.",
            next_zh="请再点“配对”，看到设备后点“是这台”。",
            next_en="Start pairing again and confirm the device when it appears.",
        ),
        Cause.PASSKEY_WANTED: Advice(
            zh="设备要求输入它屏幕上的六位数字。",
            en="The device wants the six digits on its display.",
            next_zh="请输入设备屏幕上显示的六位数字。",
            next_en="Enter the six digits that the device shows.",
        ),
        Cause.PASSKEY_WRONG: Advice(
            zh="输入的数字与设备屏幕上的不一致。",
            en="The digits entered are not those on the device.",
            next_zh="请让设备重新进入配对，再输入新显示的数字。",
            next_en="Put the device into pairing mode again and enter the new digits.",
        ),
        Cause.BOND_REFUSED: Advice(
            zh="设备拒绝了配对，它可能已与手机等其他主机配对。",
            en="The device refused; it may be paired with a phone already.",
            next_zh="请在手机上删除这台设备，再按住蓝牙键重新配对。",
            next_en="Remove the device from the phone, then hold its button and pair again.",
        ),
        Cause.BOND_LOST_ON_DEVICE: Advice(
            zh="设备忘记了与网关的配对。",
            en="The device has forgotten its pairing with the hub.",
            next_zh="请按住设备的蓝牙键，重新配对一次。",
            next_en="Hold the device's Bluetooth button and pair it once more.",
        ),
        Cause.BOND_LOST_HERE: Advice(
            zh="网关丢失了与这台设备的配对，设备不接受新的配对。",
            en="The hub lost its pairing with this device, which accepts no new one now.",
            next_zh="请按住设备的蓝牙键进入配对，再配对一次。",
            next_en="Hold the device's Bluetooth button and pair it once more.",
        ),
        Cause.PAIRED_ELSEWHERE: Advice(
            zh="这台设备只能与一个主机配对，现在它与手机等其他主机配对着。",
            en="This device keeps one partner only, and that is a phone or another box now.",
            next_zh="请在那部手机上删除这台设备，再按住蓝牙键重新配对。",
            next_en="Remove the device from that phone, then hold its button and pair it again.",
        ),
        Cause.SLOTS_FULL: Advice(
            zh="设备的配对名单已满，不接受新的主机。",
            en="The device's list of partners is full; it accepts no new one.",
            next_zh="请按说明书清除设备的蓝牙配对，再重新配对。",
            next_en="Clear the device's Bluetooth partners as its manual says, then pair it again.",
        ),
        Cause.BATTERY_LOW: Advice(
            zh="设备的电池快没电了，连接中断。",
            en="The device's battery is nearly empty, and the connection broke.",
            next_zh="请换上新电池，再配对一次。",
            next_en="Put in new batteries, then pair it once more.",
        ),
        Cause.OUT_OF_RANGE: Advice(
            zh="设备没有回应，可能离网关太远或已关机。",
            en="The device did not answer; it is too far away or switched off.",
            next_zh="请把设备拿到网关一米以内，再试一次。",
            next_en="Bring the device within a metre of the hub and try again.",
        ),
        Cause.NOT_SUPPORTED: Advice(
            zh="这台设备不提供本系统能读取的测量。",
            en="This device offers no measurement that we can read.",
            next_zh="请对照说明书中的支持型号，换用支持的设备。",
            next_en="Use one of the supported models.",
        ),
        Cause.RADIO_FAILED: Advice(
            zh="蓝牙连接多次中断。",
            en="The Bluetooth connection broke several times.",
            next_zh="请把设备放在网关旁边，再试一次。",
            next_en="Put the device beside the hub and try again.",
        ),
        Cause.HUB_CLOCK_WRONG: Advice(
            zh="网关的时钟快了五分钟以上，配对时间一开始就已结束。",
            en="The hub's clock is over five minutes ahead, so the time to pair ended at once.",
            next_zh="请拔下网关的电源再插上，等五分钟，再点“配对”。",
            next_en="Unplug the hub, plug it in, wait five minutes, then start pairing again.",
        ),
    }
)

_OF_LINK: Mapping[LinkCause, Cause] = MappingProxyType(
    {
        LinkCause.NO_ADAPTER: Cause.NO_ADAPTER,
        LinkCause.ADAPTER_OFF: Cause.ADAPTER_OFF,
        LinkCause.NO_PERMISSION: Cause.NO_PERMISSION,
        LinkCause.NO_ANSWER: Cause.OUT_OF_RANGE,
        LinkCause.PASSKEY_WRONG: Cause.PASSKEY_WRONG,
        LinkCause.BOND_REFUSED: Cause.BOND_REFUSED,
        LinkCause.BOND_LOST_ON_DEVICE: Cause.BOND_LOST_ON_DEVICE,
        LinkCause.DROPPED: Cause.RADIO_FAILED,
        LinkCause.NOT_SUPPORTED: Cause.NOT_SUPPORTED,
    }
)


def cause_of(link: LinkCause, *, known: bool = False, passkey_given: bool = False) -> Cause:
    """The name of a failure on the link.

    A bonded device that asks for authentication again wants a passkey, or a better one. A device
    that we knew and that refuses to bond still has its side of the bond: ours is lost.
    """
    if link is LinkCause.NOT_AUTHENTICATED:
        return Cause.PASSKEY_WRONG if passkey_given else Cause.PASSKEY_WANTED
    if link is LinkCause.BOND_REFUSED and known:
        return Cause.BOND_LOST_HERE
    return _OF_LINK.get(link, Cause.RADIO_FAILED)


LOW_BATTERY_PERCENT = 10
"""At or below this level a broken link is the battery's (ours: what a cuff's pump still takes)."""

_BROKEN = frozenset({LinkCause.LOST, LinkCause.NO_ANSWER, LinkCause.DROPPED, LinkCause.FAILED})
_GONE_THERE = frozenset({LinkCause.BOND_LOST_ON_DEVICE, LinkCause.DROPPED})


def is_battery(link: LinkCause, percent: int | None) -> bool:
    """Whether a link broke because the device's battery, last seen at `percent`, is empty."""
    return link in _BROKEN and is_low(percent)


def is_low(percent: int | None) -> bool:
    """Whether a level, last seen, is too low to rely on; an unknown one is not."""
    return percent is not None and percent <= LOW_BATTERY_PERCENT


def cause_of_loss(link: LinkCause, quirk: Quirk) -> Cause:
    """Why a device that was paired with us lets us in no longer.

    A device that keeps a single bond and has lost ours was paired with somebody else. BlueZ reports
    a lost key as links that end at once (`DROPPED`).
    """
    if link in _GONE_THERE:
        return Cause.PAIRED_ELSEWHERE if quirk.bonds == 1 else Cause.BOND_LOST_ON_DEVICE
    return Cause.BOND_LOST_HERE


def as_model(cause: Cause, quirk: Quirk) -> Cause:
    """The cause in the light of the model that it is, or is said to be: a refusal has a reason.

    A device that keeps several bonds and refuses while it waits to be paired has no slot left.
    """
    if cause is not Cause.BOND_REFUSED or quirk.bonds is None:
        return cause
    return Cause.PAIRED_ELSEWHERE if quirk.bonds == 1 else Cause.SLOTS_FULL
