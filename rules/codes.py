"""Codes, units and ranges of every vital: LOINC, MDC, UCUM, what a body can reach, conversions.

Sources: LOINC and IEEE 11073-10101 codes as used in HL7's Personal Health Device guide 2.1.0 and
its examples, the Bluetooth GATT unit table, UCUM. `possible` is what a living person could
conceivably show on a working home device: values outside are kept and flagged, never dropped,
because a dangerous value is exactly the one that looks impossible.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from rules.vocabulary import QuantityName, Vital

MMHG = "mm[Hg]"
KPA = "kPa"
PER_MINUTE = "/min"
MMOL_L = "mmol/L"
MG_DL = "mg/dL"
MOL_L = "mol/L"
KG_L = "kg/L"
PERCENT = "%"
CELSIUS = "Cel"
FAHRENHEIT = "[degF]"
KG = "kg"
POUND = "[lb_av]"
KG_M2 = "kg/m2"
METRE = "m"
INCH = "[in_i]"
KJ = "kJ"

GLUCOSE_MG_DL_PER_MMOL_L = Decimal("18.0156")
"""mg/dL in one mmol/L: molar mass of glucose, 180.156 g/mol (IUPAC 2021 atomic weights)."""

PASCAL_PER_MMHG = Decimal("133.322387415")
"""Pascals in a conventional millimetre of mercury (BS 350:2004)."""

KG_PER_POUND = Decimal("0.45359237")
"""Kilograms in an avoirdupois pound, exact by definition (1959 agreement)."""

METRE_PER_INCH = Decimal("0.0254")
"""Metres in an inch, exact by definition (1959 agreement)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityCode:
    """How one quantity is named and bounded.

    `unit` is the canonical UCUM unit in which rules see it; `precision` the step to which a
    guideline states its limits, applied before every comparison (law 12); `possible` the closed
    range, in the canonical unit, that a living person can show (outside it a value is kept and
    flagged); `measurable` the closed range a device of the kind can measure at all (outside it the
    number is no measurement and goes to quarantine).
    """

    loinc: str
    mdc: int | None
    unit: str
    precision: Decimal
    possible: tuple[Decimal, Decimal]
    measurable: tuple[Decimal, Decimal]


def _code(
    loinc: str, mdc: int | None, unit: str, precision: str, possible: str, measurable: str
) -> QuantityCode:
    low, high = possible.split("..")
    lowest, highest = measurable.split("..")
    return QuantityCode(
        loinc=loinc,
        mdc=mdc,
        unit=unit,
        precision=Decimal(precision),
        possible=(Decimal(low), Decimal(high)),
        measurable=(Decimal(lowest), Decimal(highest)),
    )


QUANTITIES: Mapping[QuantityName, QuantityCode] = MappingProxyType(
    {
        # Oscillometric cuffs measure 0-300 mmHg (ISO 81060-2 scope); living people reach
        # most of it.
        QuantityName.SYSTOLIC: _code("8480-6", 150021, MMHG, "1", "40..300", "0..300"),
        QuantityName.DIASTOLIC: _code("8462-4", 150022, MMHG, "1", "20..200", "0..300"),
        QuantityName.MEAN: _code("8478-0", 150023, MMHG, "1", "30..250", "0..300"),
        # Complete heart block goes below 30/min, so the low end must let 20 through.
        QuantityName.PULSE: _code("8867-4", 149546, PER_MINUTE, "1", "20..250", "0..300"),
        QuantityName.HEART_RATE: _code("8867-4", 149530, PER_MINUTE, "1", "20..300", "0..300"),
        # Meters report 0.6-33.3 mmol/L and LO / HI beyond; laboratories have seen more.
        QuantityName.GLUCOSE: _code("14743-9", 160184, MMOL_L, "0.1", "0.5..60", "0..60"),
        QuantityName.SPO2: _code("2708-6", 150456, PERCENT, "1", "50..100", "0..100"),
        QuantityName.TEMPERATURE: _code("8310-5", 150364, CELSIUS, "0.1", "28..44", "20..50"),
        QuantityName.WEIGHT: _code("29463-7", 188736, KG, "0.1", "1..400", "0..400"),
        QuantityName.BMI: _code("39156-5", 188752, KG_M2, "0.1", "5..120", "0..200"),
        QuantityName.HEIGHT: _code("8302-2", 188740, METRE, "0.01", "0.3..2.6", "0..3"),
        QuantityName.ENERGY_EXPENDED: _code("41981-2", None, KJ, "1", "0..65535", "0..65535"),
        QuantityName.RESPIRATORY_RATE: _code("9279-1", 151562, PER_MINUTE, "1", "4..80", "0..120"),
        QuantityName.KETONE: _code("53060-9", None, MMOL_L, "0.1", "0..15", "0..20"),
    }
)

VITAL_MDC: Mapping[Vital, int | None] = MappingProxyType(
    {
        Vital.BLOOD_PRESSURE: 150020,  # MDC_PRESS_BLD_NONINV
        Vital.PULSE: 149546,  # MDC_PULS_RATE_NON_INV
        Vital.GLUCOSE: 160184,  # MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD
        Vital.GLUCOSE_PLASMA: 160188,  # MDC_CONC_GLU_CAPILLARY_PLASMA
        Vital.GLUCOSE_CGM: 160212,  # MDC_CONC_GLU_ISF
        Vital.SPO2: 150456,  # MDC_PULS_OXIM_SAT_O2
        Vital.TEMPERATURE: 150364,  # MDC_TEMP_BODY
        Vital.WEIGHT: 188736,  # MDC_MASS_BODY_ACTUAL
        Vital.RESPIRATORY_RATE: 151562,  # MDC_RESP_RATE
        Vital.KETONE: None,  # 11073-10101 as published with the guide names none
        Vital.SYMPTOM: None,
    }
)
"""IEEE 11073-10101 code of each kind of observation; None where there is none. The LOINC code is
the `Vital`'s value. The panel, whole-blood, SpO2 and temperature codes stand in HL7's examples,
the others are from the nomenclature as remembered and want a second look before an export."""

GLUCOSE_LOINC_BY_UNIT: Mapping[str, str] = MappingProxyType(
    {MMOL_L: Vital.GLUCOSE.value, MG_DL: "41653-7"}
)
"""Capillary glucose by glucometer has two LOINC codes, one a unit (HL7, LOINC)."""

MAIN_QUANTITIES: Mapping[Vital, tuple[QuantityName, ...]] = MappingProxyType(
    {
        Vital.BLOOD_PRESSURE: (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC),
        Vital.PULSE: (QuantityName.PULSE,),
        Vital.GLUCOSE: (QuantityName.GLUCOSE,),
        Vital.GLUCOSE_PLASMA: (QuantityName.GLUCOSE,),
        Vital.GLUCOSE_CGM: (QuantityName.GLUCOSE,),
        Vital.SPO2: (QuantityName.SPO2,),
        Vital.TEMPERATURE: (QuantityName.TEMPERATURE,),
        Vital.WEIGHT: (QuantityName.WEIGHT,),
        Vital.RESPIRATORY_RATE: (QuantityName.RESPIRATORY_RATE,),
        Vital.KETONE: (QuantityName.KETONE,),
        Vital.SYMPTOM: (),
    }
)
"""Quantities without which an observation of that kind says nothing."""

SIDE_QUANTITIES: Mapping[Vital, tuple[QuantityName, ...]] = MappingProxyType(
    {
        Vital.BLOOD_PRESSURE: (QuantityName.MEAN, QuantityName.PULSE),
        Vital.PULSE: (QuantityName.HEART_RATE, QuantityName.ENERGY_EXPENDED),
        Vital.SPO2: (QuantityName.PULSE,),
        Vital.WEIGHT: (QuantityName.BMI, QuantityName.HEIGHT),
    }
)
"""What an observation of that kind may carry besides: the optional fields of its service."""

# The canonical value is (value + offset) * numerator / denominator: division last, so that what
# comes out even is exact.
_TO_CANONICAL: Mapping[tuple[str, str], tuple[Decimal, Decimal, Decimal]] = MappingProxyType(
    {
        (KPA, MMHG): (Decimal(0), Decimal(1000), PASCAL_PER_MMHG),
        (MG_DL, MMOL_L): (Decimal(0), Decimal(1), GLUCOSE_MG_DL_PER_MMOL_L),
        (MOL_L, MMOL_L): (Decimal(0), Decimal(1000), Decimal(1)),
        # 1 kg/L = 100,000 mg/dL, the glucose service's mass unit.
        (KG_L, MMOL_L): (Decimal(0), Decimal(100000), GLUCOSE_MG_DL_PER_MMOL_L),
        (FAHRENHEIT, CELSIUS): (Decimal(-32), Decimal(5), Decimal(9)),
        (POUND, KG): (Decimal(0), KG_PER_POUND, Decimal(1)),
        ("g", KG): (Decimal(0), Decimal(1), Decimal(1000)),
        (INCH, METRE): (Decimal(0), METRE_PER_INCH, Decimal(1)),
        ("cm", METRE): (Decimal(0), Decimal(1), Decimal(100)),
        ("1", PERCENT): (Decimal(0), Decimal(100), Decimal(1)),
    }
)


class UnitError(ValueError):
    """The unit is missing or not one in which this quantity is measured."""

    def __init__(self, quantity: QuantityName, unit: str | None) -> None:
        super().__init__(f"{quantity}: unit {unit!r} is not one of {', '.join(units_of(quantity))}")
        self.quantity = quantity
        self.unit = unit


def units_of(quantity: QuantityName) -> tuple[str, ...]:
    """The UCUM units accepted for `quantity`, the canonical one first."""
    canonical = QUANTITIES[quantity].unit
    return (canonical, *(source for source, target in _TO_CANONICAL if target == canonical))


def to_canonical(quantity: QuantityName, value: Decimal, unit: str | None) -> Decimal:
    """`value` in the canonical unit of `quantity`, not rounded.

    Raises:
        UnitError: `unit` is None or not convertible; units are never guessed (law 12).
    """
    canonical = QUANTITIES[quantity].unit
    if unit == canonical:
        return value
    conversion = _TO_CANONICAL.get((unit or "", canonical))
    if conversion is None:
        raise UnitError(quantity, unit)
    offset, numerator, denominator = conversion
    return (value + offset) * numerator / denominator


def from_canonical(quantity: QuantityName, value: Decimal, unit: str) -> Decimal:
    """`value` (canonical unit) expressed in `unit`, not rounded.

    Raises:
        UnitError: `unit` is not one of `units_of(quantity)`.
    """
    canonical = QUANTITIES[quantity].unit
    if unit == canonical:
        return value
    conversion = _TO_CANONICAL.get((unit, canonical))
    if conversion is None:
        raise UnitError(quantity, unit)
    offset, numerator, denominator = conversion
    return value * denominator / numerator - offset


def at_guideline_precision(quantity: QuantityName, value: Decimal) -> Decimal:
    """`value` (canonical unit) rounded half up to the step in which guidelines state limits.

    70 mg/dL is 3.8855 mmol/L and rounds to 3.9: it is not below 3.9 (law 12).
    """
    return value.quantize(QUANTITIES[quantity].precision, rounding=ROUND_HALF_UP)


def is_measurable(quantity: QuantityName, value: Decimal) -> bool:
    """Whether a home device can measure `value` (canonical unit) at all; 2047 mmHg is not."""
    low, high = QUANTITIES[quantity].measurable
    return low <= value <= high


def is_possible(quantity: QuantityName, value: Decimal) -> bool:
    """Whether `value` (canonical unit) lies inside what a body and a home device can show."""
    low, high = QUANTITIES[quantity].possible
    return low <= value <= high
