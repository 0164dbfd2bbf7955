"""How a day with each fault goes on: what the hub does at first, and what a person does then."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from device_adapters.ble.pairing_causes import ADVICE, Cause
from device_adapters.ble.session import SessionReason
from firmware_sim.faults.table import FAULTS
from firmware_sim.glucose_sensor import GlucoseSensor
from firmware_sim.profiles.names import Profile
from firmware_sim.push_device import PushDevice
from firmware_sim.record_memory import SEQUENCES
from tests.integration.adapter_faults.bench import AT, PATIENCE_S, SHORT_PATIENCE_S, Bench

Course = Callable[[Bench, str], Awaitable[None]]

_ASKED = (Profile.GLUCOSE, Profile.CGM)


async def _ordinary(here: Bench, name: str) -> None:
    """It happens, the hub listens, and all that the device has to tell is told."""
    await here.do(FAULTS[name])
    here.listen()
    await here.told()


async def _after_a_session(here: Bench, name: str) -> None:
    """As ever; but the hub has read the device before and knows its newest number."""
    if read_before(name, here.profile):
        if name == "sequence-wrap":
            here.device.memory.next_sequence = SEQUENCES - 3
        if isinstance(here.device, GlucoseSensor):
            here.device.start_session(AT - timedelta(minutes=5))
        await here.device.measure_typical(AT - timedelta(minutes=5))
        here.listen()
        await here.told()
        here.hub.known.clear()
    await _ordinary(here, name)


async def _again_with_one_more(here: Bench, name: str) -> None:
    await _ordinary(here, name)
    await here.measure(9)
    await here.told()


async def _later(here: Bench, name: str, heal: Callable[[], object]) -> None:
    """One attempt brings nothing or not all; once healed, the device is read to its end."""
    await here.do(FAULTS[name])
    here.listen()
    await here.attempt()
    assert here.device.unsent
    healing = heal()
    if isinstance(healing, Awaitable):
        await healing
    await here.told()


async def _silent(here: Bench, name: str) -> None:
    def speak() -> None:
        here.device.interference.mute = False
        here.device.patience_s = PATIENCE_S

    here.device.patience_s = SHORT_PATIENCE_S
    await _later(here, name, speak)


async def _racp_refuses(here: Bench, name: str) -> None:
    await _later(here, name, here.device.interference.refusals.clear)


async def _racp_breaks_off(here: Bench, name: str) -> None:
    await _later(here, name, lambda: None)


async def _racp_says_nothing(here: Bench, name: str) -> None:
    def answer() -> None:
        here.device.interference.unanswered = False
        here.device.patience_s = PATIENCE_S

    here.device.patience_s = SHORT_PATIENCE_S
    await _later(here, name, answer)


async def _battery_ends(here: Bench, name: str) -> None:
    await _later(here, name, here.device.change_battery)


async def _window_closed(here: Bench, name: str) -> None:
    await here.do(FAULTS[name])
    while here.device.advertising:
        await _a_moment()
    here.listen()
    await _a_moment()
    assert here.hub.summaries == []
    here.device.window_s = None
    await here.measure(1)
    await here.told()


async def _away(here: Bench, name: str) -> None:
    await here.do(FAULTS[name])
    here.listen()
    await _a_moment()
    assert here.hub.summaries == []
    here.scene.link.bring_back(here.device.identity.address)
    await here.told()


async def _stranger(here: Bench, name: str) -> None:
    """Nobody knows the new address: nothing is read until it is paired."""
    address = here.device.identity.address
    here.hub.known.add(address)
    await here.do(FAULTS[name])
    await _a_moment()
    assert here.hub.summaries == []
    assert await here.pair() == here.ref
    here.listen()
    await here.told()


async def _twin(here: Bench, name: str) -> None:
    here.listen()
    await here.do(FAULTS[name])
    await _a_moment()
    assert not here.hub.central.open_sessions


async def _bond_lost(here: Bench, name: str) -> None:
    """The hub finds out by itself, names the cause, and a new pairing heals it."""
    await here.do(FAULTS[name])
    here.listen()
    summary = await here.ended()
    assert summary.reason is SessionReason.BOND_LOST
    _, _, cause = FAULTS[name].expects[here.profile].partition(":")
    assert here.trouble() == Cause(cause)
    assert here.device.identity.address in here.hub.central.bond_lost
    await here.device.pairing_mode()
    assert await here.pair() == here.ref
    await here.told()


async def _pairing_fails(here: Bench, name: str) -> None:
    """A person pairs, is told the cause and one next step, and after it succeeds."""
    await here.do(FAULTS[name])
    device = here.device
    typed = here.virtual.passkey
    cause = await here.pair(passkey=typed)
    assert isinstance(cause, Cause)
    assert cause is Cause(FAULTS[name].expects[here.profile].partition(":")[2])
    assert ADVICE[cause].next_zh
    assert ADVICE[cause].next_en
    await HEALS.get(name, _agree)(device)
    await device.pairing_mode()
    assert await here.pair(passkey=device.passkey) == here.ref
    await here.measure(1)
    here.listen()
    await here.told()


async def _agree(device: PushDevice) -> None:
    device.refuses_pairing = False


async def _clear_partners(device: PushDevice) -> None:
    assert device.free_slots == 0
    await device.forget_bonds()


async def _change_program(device: PushDevice) -> None:
    await device.change_program(own_protocol=False)


HEALS: Mapping[str, Callable[[PushDevice], Awaitable[None]]] = {
    "slots-full": _clear_partners,
    "own-protocol": _change_program,
}
"""What a person does to the device, as the next step says; nothing, or agreeing, otherwise."""


async def _a_moment() -> None:
    await asyncio.sleep(0.05)


COURSES: Mapping[str, Course] = {
    "bond-lost-on-device": _bond_lost,
    "bond-lost-on-central": _bond_lost,
    "paired-elsewhere": _bond_lost,
    "not-in-pairing-mode": _pairing_fails,
    "pairing-refused": _pairing_fails,
    "slots-full": _pairing_fails,
    "own-protocol": _pairing_fails,
    "passkey-wrong": _pairing_fails,
    "passkey-wanted": _pairing_fails,
    "spoofed-identity": _twin,
    "silent-device": _silent,
    "window-missed": _window_closed,
    "out-of-range": _away,
    "address-changed": _stranger,
    "battery-dead-in-transfer": _battery_ends,
    "deletes-after-transfer": _again_with_one_more,
    "resends-everything": _again_with_one_more,
    "memory-full": _after_a_session,
    "racp-no-records": _racp_refuses,
    "racp-not-completed": _racp_breaks_off,
    "racp-unanswered": _racp_says_nothing,
    "racp-operator-unsupported": _after_a_session,
    "sequence-wrap": _after_a_session,
    "sequence-reset": _after_a_session,
    "sequence-gap": _after_a_session,
}
"""Whatever is not ordinary."""


def read_before(name: str, profile: Profile) -> bool:
    """Whether the hub has one record of the device before the fault happens."""
    return profile in _ASKED and COURSES.get(name) is _after_a_session


async def live_through(here: Bench, name: str) -> None:
    """Everything that happens of a fault, from its beginning until nothing is left to be told."""
    await COURSES.get(name, _ordinary)(here, name)
