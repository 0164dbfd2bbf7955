"""Records that arrive whole and say no number, an extreme one, or one that is no patient's."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from firmware_sim.faults.frames import Draft, of_status, of_value, plain, stores
from firmware_sim.faults.groups import (
    BODY,
    BP,
    CGM,
    FLOATING,
    GLUCOSE,
    HR,
    HUB_CARRIES,
    MQTT,
    NO_FRAMES,
    NO_PATTERNS,
    PLX,
    THERMO,
    WEIGHT,
)
from firmware_sim.faults.kind import (
    FaultKind,
    Injection,
    Layer,
    Scene,
    WrongDeviceError,
    every,
)
from firmware_sim.glucometer import Glucometer
from firmware_sim.profiles.blood_pressure import MeasurementStatus, encode_blood_pressure
from firmware_sim.profiles.cgm import CgmStatus
from firmware_sim.profiles.fields import Special
from firmware_sim.profiles.glucose import HI, LO, Limit, SensorStatus
from firmware_sim.profiles.names import Profile
from firmware_sim.profiles.pulse_oximeter import SensorState

_NOT_A_CUFF = every((GLUCOSE, CGM, THERMO, PLX, WEIGHT, BODY, HR), "it has no cuff")
_NOT_A_METER = every((BP, CGM, THERMO, PLX, WEIGHT, BODY, HR), "it takes no test strips")


async def _failed(scene: Scene) -> None:
    """What a boso medicus sends after a failed measurement: 2047 for who reads it as a number."""
    frame = encode_blood_pressure(
        systolic=Special.NAN,
        diastolic=Special.NAN,
        mean=Special.NAN,
        pulse=Special.NAN,
        at=plain(scene).at,
        status=0,
    )
    scene.device.inject(frame)


def _other_unit(draft: Draft) -> Draft:
    return replace(draft, other_unit=True)


def _limit(limit: Limit) -> Injection:
    async def inject(scene: Scene) -> None:
        device = _meter(scene)
        former, device.lo_hi_as = device.lo_hi_as, "status"
        try:
            await device.measure(glucose_mmol=limit, at=scene.at)
        finally:
            device.lo_hi_as = former

    return inject


async def _control(scene: Scene) -> None:
    await _meter(scene).measure(glucose_mmol=6.1, at=scene.at, sample_type=10)


def _meter(scene: Scene) -> Glucometer:
    if not isinstance(scene.device, Glucometer):
        raise WrongDeviceError(f"{scene.device.identity.model} is no meter")
    return scene.device


_HALF = {BP: "stored_flagged:component_unusable"}
"""One pressure of two is not a number: the other one is kept, it may be the dangerous one."""


def _pattern(
    name: str,
    says: str,
    pattern: Special,
    outcome: str,
    *,
    in_json: str,
    but: Mapping[Profile, str] = MappingProxyType({}),
) -> FaultKind:
    """A row for one of the five special patterns of SFLOAT and FLOAT."""
    return FaultKind(
        name=name,
        says=says,
        layer=Layer.VALUE,
        injected=f"the first value of a record is the pattern {pattern.name}",
        expects=every(FLOATING, outcome) | dict(but),
        absent=NO_PATTERNS | {MQTT: in_json} | HUB_CARRIES,
        inject=of_value(pattern),
    )


_NOT_IN_JSON = "JSON has no such pattern"

KINDS = (
    _pattern(
        "nan",
        "the value is NaN (07FF): nothing was measured",
        Special.NAN,
        "no_value",
        in_json="JSON has no NaN; a broken encoder writes the word, see nan-word",
        but=_HALF,
    ),
    _pattern(
        "nres",
        "the value is NRes (0800): not at this resolution",
        Special.NRES,
        "no_value",
        in_json=_NOT_IN_JSON,
        but=_HALF,
    ),
    _pattern(
        "reserved-value",
        "the value is the reserved pattern (0801)",
        Special.RESERVED,
        "no_value",
        in_json=_NOT_IN_JSON,
        but=_HALF,
    ),
    _pattern(
        "positive-infinity",
        "the value is +INF (07FE): above what the device can measure",
        Special.POSITIVE_INFINITY,
        "censored:above",
        in_json="a device that writes JSON says HI, see result-too-high",
    ),
    _pattern(
        "negative-infinity",
        "the value is -INF (0802): below what the device can measure",
        Special.NEGATIVE_INFINITY,
        "censored:below",
        in_json="a device that writes JSON says LO, see result-too-low",
    ),
    FaultKind(
        name="failed-as-2047",
        says="a failed measurement arrives as a normal record, 2047 to who reads the mantissa",
        layer=Layer.VALUE,
        injected="pressures and pulse are all 07FF with status 0 (boso); over MQTT the number 2047",
        expects={BP: "no_value", MQTT: "quarantined:not_measurable"},
        absent=every(
            (GLUCOSE, CGM, THERMO, PLX), "a failure of one value is all it can say, see nan"
        )
        | every((WEIGHT, BODY), "it says so with FFFF, see measurement-unsuccessful")
        | {HR: "it sends nothing while it finds no pulse"}
        | HUB_CARRIES,
        inject=_failed,
    ),
    FaultKind(
        name="measurement-unsuccessful",
        says="the value is FFFF: the scale could not measure",
        layer=Layer.VALUE,
        injected="the first value of a record is FFFF",
        # The body fat is a scale's estimate beside its weight, and the weight is a number.
        expects={WEIGHT: "no_value", BODY: "stored"},
        absent=every(FLOATING, "it has a pattern for this, see nan")
        | {HR: "FFFF is a number of its format"}
        | NO_FRAMES,
        inject=of_value(None),
    ),
    FaultKind(
        name="result-too-low",
        says="LO: a status bit or the text says that the result is below the range",
        layer=Layer.VALUE,
        injected="a measurement LO that is sent as the status bit alone; over MQTT the text LO",
        expects={GLUCOSE: "censored:below", MQTT: "censored:below"},
        absent=every((BP, THERMO, PLX), "it has no such bit and sends -INF, see negative-infinity")
        | {CGM: "its bit accompanies the pattern, see negative-infinity"}
        | every((WEIGHT, BODY, HR), "it says nothing below its range")
        | HUB_CARRIES,
        inject=_limit(LO),
    ),
    FaultKind(
        name="result-too-high",
        says="HI: a status bit or the text says that the result is above the range",
        layer=Layer.VALUE,
        injected="a measurement HI that is sent as the status bit alone; over MQTT the text HI",
        expects={GLUCOSE: "censored:above", MQTT: "censored:above"},
        absent=every((BP, THERMO, PLX), "it has no such bit and sends +INF, see positive-infinity")
        | {CGM: "its bit accompanies the pattern, see positive-infinity"}
        | every((WEIGHT, BODY, HR), "it says nothing above its range")
        | HUB_CARRIES,
        inject=_limit(HI),
    ),
    FaultKind(
        name="missing-value",
        says="the flags say that the record has no concentration",
        layer=Layer.VALUE,
        injected="a record with flag bit 1 clear, without concentration, type and location",
        expects={GLUCOSE: "no_value"},
        absent=every((BP, CGM, THERMO, PLX, WEIGHT, BODY, HR), "its main value is mandatory")
        | {MQTT: "a document without quantities is not ours, see not-ours"}
        | HUB_CARRIES,
        inject=of_value(None),
    ),
    FaultKind(
        name="other-unit",
        says="the device was built for the other unit: kPa, mg/dL (kg/L), Fahrenheit, pounds",
        layer=Layer.VALUE,
        injected="a record in the other unit with its flag set",
        expects=every((BP, GLUCOSE, THERMO, WEIGHT, BODY, MQTT), "stored"),
        absent={
            CGM: "its concentration is always in mg/dL",
            PLX: "its values are always in % and 1/min",
            HR: "its value is always in 1/min",
        }
        | HUB_CARRIES,
        inject=stores(_other_unit),
    ),
    FaultKind(
        name="movement",
        says="the status says that the person moved",
        layer=Layer.VALUE,
        injected="a record with bit 0 of the measurement status",
        expects={BP: "stored_flagged:body_movement"},
        absent=_NOT_A_CUFF | NO_FRAMES,
        inject=of_status({BP: MeasurementStatus.BODY_MOVEMENT}),
    ),
    FaultKind(
        name="cuff-too-loose",
        says="the status says that the cuff is too loose",
        layer=Layer.VALUE,
        injected="a record with bit 1 of the measurement status",
        expects={BP: "stored_flagged:cuff_too_loose"},
        absent=_NOT_A_CUFF | NO_FRAMES,
        inject=of_status({BP: MeasurementStatus.CUFF_TOO_LOOSE}),
    ),
    FaultKind(
        name="irregular-pulse",
        says="the status says that the pulse is irregular",
        layer=Layer.VALUE,
        injected="a record with bit 2 of the measurement status",
        expects={BP: "stored_flagged:irregular_pulse"},
        absent=_NOT_A_CUFF | NO_FRAMES,
        inject=of_status({BP: MeasurementStatus.IRREGULAR_PULSE}),
    ),
    FaultKind(
        name="strip-error",
        says="the status says that the strip was put in wrongly",
        layer=Layer.VALUE,
        injected="a record with bit 3 of the sensor status",
        expects={GLUCOSE: "stored_flagged:strip_insertion_error"},
        absent=_NOT_A_METER | NO_FRAMES,
        inject=of_status({GLUCOSE: SensorStatus.STRIP_INSERTION_ERROR}),
    ),
    FaultKind(
        name="sensor-malfunction",
        says="the status says that the sensor is broken",
        layer=Layer.VALUE,
        injected="a record with the sensor malfunction bit of the profile's status",
        expects=every((GLUCOSE, CGM, PLX), "stored_flagged:sensor_malfunction"),
        absent=every((BP, THERMO, WEIGHT, BODY, HR), "its status has no such bit") | NO_FRAMES,
        inject=of_status(
            {
                GLUCOSE: SensorStatus.SENSOR_MALFUNCTION,
                CGM: CgmStatus.SENSOR_MALFUNCTION,
                PLX: SensorState.SENSOR_MALFUNCTION,
            }
        ),
    ),
    FaultKind(
        name="control-solution",
        says="somebody tested the meter with control solution (sample type 10)",
        layer=Layer.VALUE,
        injected="a measurement of type 10",
        expects={GLUCOSE: "stored_flagged:control_solution"},
        absent=_NOT_A_METER | NO_FRAMES,
        inject=_control,
    ),
)
