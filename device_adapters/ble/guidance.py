"""What a person does so that a model can be paired: the button to hold and the mode it shows.

One row a model, keyed as in `quirks.MODELS`; who has another device gets the general sentence. Each
row says where it comes from. What is from memory of a leaflet has to be read again beside a device.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from device_adapters.ble.quirks import MODELS, NONE, Quirk


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What to do, as one sentence in both languages, and how we know."""

    zh: str
    en: str
    evidence: str


ANY_DEVICE = Guide(
    zh="请按住设备的蓝牙键，直到蓝牙标志闪烁，并把设备放在网关旁边。",
    en="Hold the device's Bluetooth button until its sign blinks, and keep it beside the box.",
    evidence="what the models below have in common",
)

GUIDES: Mapping[str, Guide] = MappingProxyType(
    {
        "HEM-7322T": Guide(
            zh="请按住血压计的蓝牙键，直到屏幕上闪烁“-P-”。",
            en="Hold the cuff's Bluetooth button until -P- blinks on its display.",
            evidence="READMEs of userx14/omblepy and eigger/hass-omron: it bonds in -P- mode only",
        ),
        "UA-651BLE": Guide(
            zh="请按住血压计的开始键，直到屏幕显示“Pr”，然后松开。",
            en="Hold the cuff's START button until its display shows Pr, then let go.",
            evidence="the cuff's leaflet, from memory",
        ),
        "SBM69": Guide(
            zh="请按住血压计的蓝牙键，直到蓝牙标志闪烁；屏幕会显示六位数字，请输入它。",
            en="Hold the cuff's Bluetooth button until it blinks; it shows six digits to enter.",
            evidence="passkey on the display: 1technophile/OpenMQTTGateway#806; the button: the"
            " cuff's leaflet, from memory",
        ),
        "Accu-Chek Guide": Guide(
            zh="请在血糖仪的菜单中选择“无线”，再选“配对”，然后输入仪器上显示的六位数字。",
            en="In the meter's menu choose Wireless, then Pairing; enter the six digits it shows.",
            evidence="the meter's leaflet, from memory",
        ),
        "Contour Next One": Guide(
            zh="请在血糖仪关机时按住“OK”键，直到蓝色指示灯闪烁。",
            en="With the meter off, hold its OK button until the blue light flashes.",
            evidence="the meter's leaflet, from memory",
        ),
    }
)
"""Models whose way into pairing mode is known."""


def choices() -> tuple[tuple[str, str], ...]:
    """Model and its name with the maker, by maker: what a person can choose from."""
    named = ((model, f"{MODELS[model].maker} {model}") for model in GUIDES)
    return tuple(sorted(named, key=lambda item: item[1]))


def guide_of(model: str | None) -> Guide:
    """The sentence for `model`; the general one for any other device."""
    return GUIDES.get(model or "", ANY_DEVICE)


def quirk_of_choice(model: str | None) -> Quirk:
    """The row of the model that a person says it is."""
    row = MODELS.get(model or "")
    return NONE if row is None else row.quirk
