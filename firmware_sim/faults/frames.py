"""Frames of each profile with something wrong in them, built by the encoders of `profiles/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from firmware_sim.device_clock import ClockKind
from firmware_sim.faults.kind import Injection, Scene, WrongDeviceError
from firmware_sim.glucose_sensor import GlucoseSensor
from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from firmware_sim.profiles.body_composition import Composition, encode_body_composition
from firmware_sim.profiles.cgm import encode_cgm_record
from firmware_sim.profiles.fields import DeviceDateTime, Special
from firmware_sim.profiles.glucose import encode_glucose
from firmware_sim.profiles.heart_rate import encode_heart_rate
from firmware_sim.profiles.names import Profile
from firmware_sim.profiles.pulse_oximeter import OximeterStatus, Saturation, encode_spot_check
from firmware_sim.profiles.thermometer import Site, encode_temperature
from firmware_sim.profiles.weight_scale import encode_weight
from firmware_sim.push_device import PushDevice


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a record is to say; an unremarkable one unless changed.

    Attributes:
        at: The device's local time; None for a record without one, where the profile allows that.
        sequence: Its number, on profiles that number records.
        value: The main value in the profile's usual unit; None leaves it out, where possible.
        other_unit: Send it in the profile's other unit.
        user: The slot.
        status: The profile's own status bits.
    """

    at: datetime | DeviceDateTime | None
    sequence: int = 0
    value: float | Special | None
    other_unit: bool = False
    user: int | None = None
    status: int | None = None


Encode = Callable[[Draft], bytes]


def _blood_pressure(draft: Draft) -> bytes:
    assert draft.value is not None
    systolic, diastolic, mean = draft.value, 84.0, 102.0
    if draft.other_unit:
        systolic, diastolic, mean = 18.4, 11.2, 13.6  # 138/84 mmHg x 0.133322 kPa
    return encode_blood_pressure(
        systolic=systolic,
        diastolic=diastolic,
        mean=mean,
        pulse=66,
        at=draft.at,
        user_id=draft.user,
        status=draft.status or 0,
        kpa=draft.other_unit,
    )


def _glucose(draft: Draft) -> bytes:
    value = draft.value
    if draft.other_unit and isinstance(value, float):
        value = 110.0  # 6.1 mmol/L x 18.0156 mg/dL
    return encode_glucose(
        sequence=draft.sequence,
        at=draft.at or DeviceDateTime(),
        value=value,
        unit="mg/dL" if draft.other_unit else "mmol/L",
        status=draft.status or 0,
    )


def _temperature(draft: Draft) -> bytes:
    assert draft.value is not None
    return encode_temperature(
        temperature=97.9 if draft.other_unit else draft.value,  # 36.6 Cel x 1.8 + 32
        at=draft.at,
        site=Site.ARMPIT,
        fahrenheit=draft.other_unit,
    )


def _oxygen(draft: Draft) -> bytes:
    assert draft.value is not None
    return encode_spot_check(
        value=Saturation(spo2=draft.value, pulse=66),
        at=draft.at,
        status=OximeterStatus.FULLY_QUALIFIED,
        device=draft.status or 0,
        clock_not_set=draft.at == DeviceDateTime(),
    )


def _weight(draft: Draft) -> bytes:
    value = None if isinstance(draft.value, Special) else draft.value
    return encode_weight(
        weight=151.0 if draft.other_unit else value,  # 68.5 kg / 0.45359237 kg/lb
        at=draft.at,
        user_id=draft.user,
        imperial=draft.other_unit,
    )


def _composition(draft: Draft) -> bytes:
    return encode_body_composition(
        fat_percent=None if isinstance(draft.value, Special) else draft.value,
        at=draft.at,
        user_id=draft.user,
        rest=Composition(weight=151.0 if draft.other_unit else 68.5),
        imperial=draft.other_unit,
    )


def _heart_rate(draft: Draft) -> bytes:
    assert isinstance(draft.value, float)
    return encode_heart_rate(rate=int(draft.value), contact=True)


def _sensor_glucose(draft: Draft) -> bytes:
    assert draft.value is not None
    return encode_cgm_record(
        glucose=draft.value, offset_min=draft.sequence, status=draft.status or 0, crc=True
    )


ENCODERS: Mapping[Profile, tuple[float, Encode]] = {
    Profile.BLOOD_PRESSURE: (138.0, _blood_pressure),
    Profile.GLUCOSE: (6.1, _glucose),
    Profile.CGM: (110.0, _sensor_glucose),
    Profile.THERMOMETER: (36.6, _temperature),
    Profile.PULSE_OXIMETER: (97.0, _oxygen),
    Profile.WEIGHT_SCALE: (68.5, _weight),
    Profile.BODY_COMPOSITION: (24.1, _composition),
    Profile.HEART_RATE: (66.0, _heart_rate),
}
"""The unremarkable value of a profile, and the encoder of a draft."""


def plain(scene: Scene) -> Draft:
    """An unremarkable record of this device at this instant."""
    clock = scene.device.clock
    shown = None if clock.kind is ClockKind.ABSENT else clock.read(scene.at) or DeviceDateTime()
    return Draft(at=shown, sequence=_next_number(scene), value=_entry(scene)[0])


def _next_number(scene: Scene) -> int:
    device = scene.device
    if isinstance(device, GlucoseSensor):
        return device.session.offset_min(scene.at)
    return device.memory.next_sequence if isinstance(device, PushDevice) else 0


def encoded(scene: Scene, draft: Draft) -> bytes:
    """The octets of a draft in the profile of the device."""
    return _entry(scene)[1](draft)


def _entry(scene: Scene) -> tuple[float, Encode]:
    try:
        return ENCODERS[scene.profile]
    except KeyError:
        raise WrongDeviceError(f"{scene.profile.value} has no records") from None


def stores(change: Callable[[Draft], Draft]) -> Injection:
    """Puts a record into the memory that says something else than an unremarkable one."""

    async def inject(scene: Scene) -> None:
        scene.device.inject(encoded(scene, change(plain(scene))))

    return inject


def stores_octets(change: Callable[[Profile, bytes], bytes]) -> Injection:
    """Puts an unremarkable record into the memory after changing its octets."""

    async def inject(scene: Scene) -> None:
        scene.device.inject(change(scene.profile, encoded(scene, plain(scene))))

    return inject


def of_value(value: float | Special | None) -> Injection:
    """A record with another value."""
    return stores(lambda draft: replace(draft, value=value))


def of_user(user: int) -> Injection:
    """A record of another slot."""
    return stores(lambda draft: replace(draft, user=user))


def of_status(bits: Mapping[Profile, int]) -> Injection:
    """A record with status bits, per profile."""

    async def inject(scene: Scene) -> None:
        draft = replace(plain(scene), status=bits[scene.profile])
        scene.device.inject(encoded(scene, draft))

    return inject
