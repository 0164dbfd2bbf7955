"""Carries out a tester's orders on the simulated devices."""

from datetime import datetime

from firmware_sim.device_clock import DeviceClock
from firmware_sim.faults.mqtt import Fault
from firmware_sim.peripheral import BloodPressureCuff, Glucometer, Limit
from firmware_sim.publisher import MqttDevice
from service.lab.broken_devices import publish_spoilt, publish_typical, publish_value
from service.lab.control import Order, OrderError
from service.lab.neighbourhood import Neighbourhood, collected

AnyDevice = BloodPressureCuff | Glucometer | MqttDevice

PUBLISH_FAULTS = (*(fault.value.replace("_", "-") for fault in Fault), "2047", "stranger")
"""What `hearthwatch sim publish --fault` knows."""

_ANYBODY = "p004"


def describe(around: Neighbourhood) -> tuple[str, ...]:
    """One line a device: who, how it speaks, what it is."""
    lines = [
        f"{login:<7} {one.home.resident.person.id}  ble   {one.device.identity.model:<8}"
        f" {one.device.identity.serial}  {one.home.hub}"
        for login, one in around.households.items()
    ]
    lines += [
        f"{number:<7} {number}  mqtt  {one.identity.model:<8} {one.identity.serial}  hub-front"
        for number, one in around.mqtt.items()
    ]
    return tuple(lines)


async def measure(around: Neighbourhood, wanted: Order, now: datetime) -> tuple[str, ...]:
    """Let somebody measure now.

    Raises:
        OrderError: nobody of that name, or the device cannot measure this.
    """
    device = _device(around, wanted.person)
    former = device.clock
    if wanted.clock is not None:
        device.clock = _clock(wanted.clock, now)
    try:
        said = await _measure(device, wanted, now)
    except (ValueError, OverflowError) as error:
        device.clock = former
        raise OrderError(f"{device.identity.model} cannot send this: {error}") from error
    around.remember()
    return (said,)


async def change_battery(around: Neighbourhood, wanted: Order) -> tuple[str, ...]:
    """Put a fresh battery into somebody's device; many forget the time over it.

    Raises:
        OrderError: nobody of that name, or the device has a plug.
    """
    device = _device(around, wanted.person)
    if isinstance(device, MqttDevice):
        raise OrderError(f"{device.identity.model} has a plug")
    await device.change_battery(resets_clock=wanted.resets_clock)
    around.remember()
    clock = ", its clock shows 2000-01-01" if wanted.resets_clock else ""
    return (f"{device.identity.serial} has a fresh battery{clock}",)


async def publish(around: Neighbourhood, wanted: Order, now: datetime) -> tuple[str, ...]:
    """Let a device that speaks MQTT publish a reading of any kind, or something wrong.

    Raises:
        OrderError: the person's device does not speak MQTT, or there is no such fault.
    """
    device = _device(around, wanted.person or _ANYBODY)
    if not isinstance(device, MqttDevice):
        raise OrderError(f"{wanted.person} has a Bluetooth device; publish needs one with MQTT")
    fault, kind = wanted.fault, wanted.kind or "blood_pressure"
    if fault is None:
        payload = await publish_typical(device, kind, now)
        return (payload.decode(),)
    if fault == "2047":
        await publish_value(device, systolic=2047, at=now)
    elif fault == "stranger":
        await around.stranger.measure_blood_pressure(systolic=150, diastolic=95, at=now)
    elif fault in PUBLISH_FAULTS:
        await publish_spoilt(device, Fault(fault.replace("-", "_")), now, kind=wanted.kind)
    else:
        raise OrderError(f"no fault {fault!r}; there are {', '.join(PUBLISH_FAULTS)}")
    return (f"published with fault {fault}",)


def _device(around: Neighbourhood, who: str | None) -> AnyDevice:
    device = around.device_of(who or "")
    if device is None:
        raise OrderError(f"nobody is called {who!r}; `hearthwatch sim list` names everybody")
    return device


async def _measure(device: AnyDevice, wanted: Order, now: datetime) -> str:
    if wanted.ketone is not None:
        return await _measure_ketone(device, wanted.ketone, now)
    if wanted.glucose is not None:
        return await _measure_glucose(device, wanted.glucose, now)
    if wanted.systolic is not None and wanted.diastolic is not None:
        return await _measure_pressure(device, wanted, now)
    raise OrderError("give --systolic and --diastolic, or --glucose, or --ketone")


async def _measure_pressure(device: AnyDevice, wanted: Order, now: datetime) -> str:
    assert wanted.systolic is not None
    assert wanted.diastolic is not None
    if isinstance(device, MqttDevice):
        await device.measure_blood_pressure(
            systolic=wanted.systolic, diastolic=wanted.diastolic, pulse=wanted.pulse, at=now
        )
    elif isinstance(device, BloodPressureCuff):
        await device.measure(
            systolic=wanted.systolic, diastolic=wanted.diastolic, pulse=wanted.pulse, at=now
        )
        await collected(device)
    else:
        raise OrderError(f"{device.identity.model} measures glucose only")
    return f"{device.identity.serial} measured {wanted.systolic:g}/{wanted.diastolic:g} mmHg"


async def _measure_glucose(device: AnyDevice, glucose: float | str, now: datetime) -> str:
    value = Limit(glucose) if isinstance(glucose, str) else glucose
    if isinstance(device, BloodPressureCuff):
        raise OrderError(f"{device.identity.model} measures blood pressure only")
    if isinstance(device, MqttDevice):
        await device.measure_glucose(glucose_mmol=value, at=now)
    else:
        await device.measure(glucose_mmol=value, at=now)
        await collected(device)
    return f"{device.identity.serial} measured {glucose} mmol/L"


async def _measure_ketone(device: AnyDevice, ketone: float, now: datetime) -> str:
    if not isinstance(device, Glucometer):
        raise OrderError(f"{device.identity.model} measures no ketones")
    await device.measure_ketone(ketone_mmol=ketone, at=now)
    await collected(device)
    return f"{device.identity.serial} measured {ketone:g} mmol/L of ketones"


def _clock(word: str, now: datetime) -> DeviceClock:
    match word:
        case "reset":
            return DeviceClock.reset(since=now)
        case "never-set":
            return DeviceClock.never_set()
        case "absent":
            return DeviceClock.absent()
        case _:
            return DeviceClock.right()
