"""Does what the table of faults says to the devices of the simulated homes."""

from datetime import datetime

from firmware_sim.device_mishaps import DEVICE_MISHAPS, Sender
from firmware_sim.faults.kind import FaultKind, Scene, WrongDeviceError
from firmware_sim.faults.table import FAULTS, kinds_for
from firmware_sim.mqtt_line import LineError, MqttLine
from firmware_sim.peripheral import Glucometer
from firmware_sim.profiles.names import Profile
from firmware_sim.publisher import MqttDevice
from service.lab.control import Order, OrderError
from service.lab.neighbourhood import Household, Neighbourhood, collected

NO_FAULT = "none"
"""The order that undoes every fault that lasts."""

_STAYS_THERE = {"stored_later", "refused", "pairing_cause"}
"""Outcomes after which nothing has left the device: waiting for a hub would be in vain."""


async def disturb(around: Neighbourhood, wanted: Order, now: datetime) -> tuple[str, ...]:
    """Let something go wrong with a person's device, or set everything right again.

    Raises:
        OrderError: nobody of that name, no such fault, or it cannot happen to this device.
    """
    who, name = wanted.person or "", wanted.fault or ""
    device = around.device_of(who)
    if device is None:
        raise OrderError(f"nobody is called {who!r}; `hearthwatch sim list` names everybody")
    if isinstance(device, MqttDevice):
        return await _disturb_publisher(around, device, name, now)
    household = next(one for one in around.households.values() if one.device is device)
    if name == NO_FAULT:
        return (recover(household),)
    profile = profile_of(household)
    kind = applicable_kind(name, profile)
    await do_to_household(around, household, kind, now)
    return _told(device.identity.serial, kind, profile)


async def do_to_household(
    around: Neighbourhood, household: Household, kind: FaultKind, now: datetime
) -> None:
    """Do a fault that applies to a home's own device; returns when its hub has taken what came.

    Raises:
        OrderError: it could not be done.
    """
    assert kind.inject is not None
    profile = profile_of(household)
    scene = Scene(
        profile=profile,
        device=household.device,
        radio=household.radio,
        link=household.link,
        at=now,
        stack=around.stack,
    )
    try:
        await kind.inject(scene)
    except WrongDeviceError as error:
        raise OrderError(str(error)) from error
    finally:
        around.remember()
    if kind.expects[profile].partition(":")[0] not in _STAYS_THERE:
        await collected(household.device)


def recover(household: Household) -> str:
    """Undo every fault of a home that lasts; a bond that is lost has to be made again."""
    household.device.recover()
    household.radio.passkey = None
    household.link.bring_back(household.device.identity.address)
    return f"{household.device.identity.serial}: nothing is wrong any more, but for lost bonds"


def profile_of(household: Household) -> Profile:
    """What a home's own device is."""
    meter = isinstance(household.device, Glucometer)
    return Profile.GLUCOSE if meter else Profile.BLOOD_PRESSURE


def applicable_kind(name: str, profile: Profile) -> FaultKind:
    """The row of that name.

    Raises:
        OrderError: there is none, or it cannot happen to such a device; the text says why.
    """
    kind = FAULTS.get(name)
    if kind is None:
        known = ", ".join(one.name for one in kinds_for(profile))
        raise OrderError(f"no fault {name!r}; for this device there are {known}, {NO_FAULT}")
    if profile not in kind.expects:
        reason = kind.absent[profile]
        raise OrderError(f"{name} cannot happen to a {profile.value}: n/a because {reason}")
    return kind


async def _disturb_publisher(
    around: Neighbourhood, device: MqttDevice, name: str, now: datetime
) -> tuple[str, ...]:
    if name == NO_FAULT:
        return (f"{device.identity.serial}: a device that publishes itself keeps no fault",)
    kind = applicable_kind(name, Profile.MQTT_DEVICE)
    try:
        line = await MqttLine.dial(around.login, _unasked)
    except LineError as error:
        raise OrderError(f"the broker does not answer: {error}") from error
    last = device.take_sequence() - 1
    unknown = kind.name == "unregistered-device"
    sender = Sender(
        line=line,
        identity=around.stranger.identity if unknown else device.identity,
        at=now,
        clock=device.clock,
        sequence=last,
        neighbour=around.stranger.identity,
    )
    try:
        await DEVICE_MISHAPS[kind.name](sender)
    except LineError as error:
        raise OrderError(f"the broker refused: {error}") from error
    finally:
        line.close()
    for _ in range(sender.sequence - last - 1):
        device.take_sequence()
    return _told(device.identity.serial, kind, Profile.MQTT_DEVICE)


def _told(serial: str, kind: FaultKind, profile: Profile) -> tuple[str, ...]:
    return (f"{serial}: {kind.says}", f"what should come of it: {kind.expects[profile]}")


def _unasked(_topic: str, _payload: bytes, _retained: bool) -> None:  # noqa: FBT001 - Hear
    return
