"""Links that break, stay silent or never come about, and batteries that end."""

from firmware_sim.faults.groups import BLE, GLUCOSE, HUB, MQTT, NO_RADIO
from firmware_sim.faults.kind import FaultKind, Injection, Layer, Scene, every
from firmware_sim.glucose_sensor import GlucoseSensor

_MOMENT_S = 0.005
_SLOW_S = 0.04
_LOW_PERCENT = 5.0
_SEVERAL = 3

_NO_BATTERY = {
    MQTT: "its document has no battery level",
    HUB: "it runs on mains",
}


async def measure_several(scene: Scene, count: int = _SEVERAL) -> None:
    """Several unremarkable records, a minute apart, each in a packet of its own."""
    if isinstance(scene.device, GlucoseSensor):
        scene.device.packs = False
    for minute in range(count):
        await scene.device.measure_typical(scene.minutes_later(minute))


def _interfering(count: int, **settings: float) -> Injection:
    async def inject(scene: Scene) -> None:
        for name, value in settings.items():
            setattr(scene.device.interference, name, value)
        await measure_several(scene, count)

    return inject


async def _drop_in_the_middle(scene: Scene) -> None:
    scene.device.drop_after = 1
    await measure_several(scene)


async def _close_the_window(scene: Scene) -> None:
    scene.device.window_s = _MOMENT_S
    await scene.device.measure_typical(scene.at)


async def _carry_away(scene: Scene) -> None:
    await scene.device.drop()
    scene.link.carry_away(scene.device.identity.address)
    await scene.device.measure_typical(scene.at)


async def _change_address(scene: Scene) -> None:
    await scene.device.change_address(other_address(scene.device.identity.address))
    await scene.device.measure_typical(scene.at)


async def _run_low(scene: Scene) -> None:
    scene.device.battery.fall_to(_LOW_PERCENT)
    await scene.device.measure_typical(scene.at)


def other_address(address: str) -> str:
    """A static random address that differs in its last octet."""
    return f"{address[:-2]}{int(address[-2:], 16) ^ 0x80:02X}"


KINDS = (
    FaultKind(
        name="drop-before-first",
        says="the link breaks before the first record went out",
        layer=Layer.LINK,
        injected="the device hangs up instead of its first announcement, once",
        expects=every(BLE, "stored"),
        absent=NO_RADIO,
        inject=_interfering(1, hang_up_first=True),
    ),
    FaultKind(
        name="drop-mid-transfer",
        says="the link breaks between two records",
        layer=Layer.LINK,
        injected="the device hangs up after one of three records, once",
        expects=every(BLE, "stored_once"),
        absent=NO_RADIO,
        inject=_drop_in_the_middle,
    ),
    FaultKind(
        name="slow-link",
        says="every record takes its time",
        layer=Layer.LINK,
        injected=f"{_SLOW_S * 1000:.0f} ms before every announcement of three records",
        expects=every(BLE, "stored"),
        absent=NO_RADIO,
        inject=_interfering(_SEVERAL, delay_s=_SLOW_S),
    ),
    FaultKind(
        name="silent-device",
        says="it connects, accepts the subscription, and says nothing",
        layer=Layer.LINK,
        injected="announcements stay inside the device until it hangs up",
        expects=every(BLE, "stored_later"),
        absent=NO_RADIO,
        inject=_interfering(1, mute=True),
    ),
    FaultKind(
        name="window-missed",
        says="it advertises for a moment after the measurement and was not reached",
        layer=Layer.LINK,
        injected=f"advertising ends {_MOMENT_S * 1000:.0f} ms after the measurement",
        expects=every(BLE, "stored_later"),
        absent=NO_RADIO,
        inject=_close_the_window,
    ),
    FaultKind(
        name="out-of-range",
        says="the device is carried out of reach",
        layer=Layer.LINK,
        injected="the link carries nothing from or to its address",
        expects=every(BLE, "stored_later"),
        absent=NO_RADIO,
        inject=_carry_away,
    ),
    FaultKind(
        name="address-changed",
        says="it comes back under another radio address, with the same name plate",
        layer=Layer.LINK,
        injected="a new static random address, as after a change of batteries or an unresolved RPA",
        # Under another address it is a stranger, whatever name it advertises: nobody connects to it
        # until a person pairs it again; then its name plate makes it the same device.
        expects=every(BLE, "stored_later"),
        absent=NO_RADIO,
        inject=_change_address,
    ),
    FaultKind(
        name="battery-low",
        says="the battery is nearly empty",
        layer=Layer.POWER,
        injected=f"the level falls to {_LOW_PERCENT:.0f} % before a measurement",
        expects=every(BLE, "stored") | {GLUCOSE: "stored_flagged:battery_low"},
        absent=_NO_BATTERY,
        inject=_run_low,
    ),
    FaultKind(
        name="battery-dead-in-transfer",
        says="the battery ends between two records, and the device is silent from then on",
        layer=Layer.POWER,
        injected="the level falls to 0 after one of three records",
        expects=every(BLE, "stored_later"),
        absent=_NO_BATTERY,
        inject=_interfering(_SEVERAL, dies_after=1),
    ),
)
