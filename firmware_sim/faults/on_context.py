"""Context records of a meter that are late, early, missing, or something else altogether."""

from dataclasses import replace

from firmware_sim.device_clock import ClockKind
from firmware_sim.faults.frames import plain
from firmware_sim.faults.groups import GLUCOSE, NO_FRAMES, NOT_GLUCOSE
from firmware_sim.faults.kind import FaultKind, Layer, Scene, WrongDeviceError
from firmware_sim.glucometer import Glucometer
from firmware_sim.profiles.fields import DeviceDateTime
from firmware_sim.profiles.glucose import GlucoseUnit, Meal, encode_context, encode_glucose

KETONE_MEAL = 6
_KETONE_MMOL = 1.2


def _meter(scene: Scene) -> Glucometer:
    if not isinstance(scene.device, Glucometer):
        raise WrongDeviceError(f"{scene.device.identity.model} is no meter")
    return scene.device


def _announced(scene: Scene, value: float, unit: GlucoseUnit = "mmol/L") -> bytes:
    """A measurement whose flags promise a context."""
    draft = plain(scene)
    return encode_glucose(
        sequence=draft.sequence,
        at=draft.at or DeviceDateTime(),
        value=value,
        unit=unit,
        status=0,
        context_follows=True,
    )


async def _missing(scene: Scene) -> None:
    _meter(scene).inject(_announced(scene, 6.1))


async def _early(scene: Scene) -> None:
    meter, frame = _meter(scene), _announced(scene, 6.1)
    meter.inject_context(encode_context(sequence=meter.next_sequence, meal=Meal.FASTING))
    meter.inject(frame)


async def _late(scene: Scene) -> None:
    meter, later = _meter(scene), replace(scene, at=scene.minutes_later(1))
    context = encode_context(sequence=meter.next_sequence, meal=Meal.FASTING)
    meter.inject(_announced(scene, 6.1))
    assert meter.clock.kind is not ClockKind.ABSENT
    await meter.measure(glucose_mmol=7.2, at=later.at)
    meter.inject_context(context)


async def _ketone(scene: Scene) -> None:
    meter = _meter(scene)
    context = encode_context(sequence=meter.next_sequence, meal=KETONE_MEAL)
    meter.inject(_announced(scene, 10 * _KETONE_MMOL, "mg/dL"), context=context)


KINDS = (
    FaultKind(
        name="context-missing",
        says="a measurement promises a context that never comes",
        layer=Layer.CONTEXT,
        injected="flag bit 4 is set and no context is stored",
        expects={GLUCOSE: "stored"},
        absent=NOT_GLUCOSE | NO_FRAMES,
        inject=_missing,
    ),
    FaultKind(
        name="context-first",
        says="the context comes before its measurement",
        layer=Layer.CONTEXT,
        injected="context and measurement are stored in this order",
        expects={GLUCOSE: "stored"},
        absent=NOT_GLUCOSE | NO_FRAMES,
        inject=_early,
    ),
    FaultKind(
        name="context-late",
        says="another measurement comes between a measurement and its context",
        layer=Layer.CONTEXT,
        injected="the context is stored after the following measurement",
        expects={GLUCOSE: "stored"},
        absent=NOT_GLUCOSE | NO_FRAMES,
        inject=_late,
    ),
    FaultKind(
        name="ketone-as-meal-6",
        says="a ketone result is sent as glucose with meal 6: mg/dL are tenths of mmol/L",
        layer=Layer.CONTEXT,
        injected=f"{10 * _KETONE_MMOL:g} mg/dL with meal {KETONE_MEAL} stand for"
        f" {_KETONE_MMOL:g} mmol/L of ketones (CareSens)",
        expects={GLUCOSE: "stored:ketone"},
        absent=NOT_GLUCOSE | NO_FRAMES,
        inject=_ketone,
    ),
)
