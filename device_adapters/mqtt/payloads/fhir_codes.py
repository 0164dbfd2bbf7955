"""How FHIR's Personal Health Device guide names what our vocabulary names: one table a question.

Sources: HL7 PHD implementation guide 2.1.0 and its examples, LOINC, IEEE 11073-10101 (glucose by
specimen as in the Bluetooth SIG's transcoding white paper), HL7's data-absent-reason and
measurement-status code systems, UCUM §6 (annotations).
"""

import re
from collections.abc import Mapping

from rules.vocabulary import Bound, NoValue, QualityFlag, QuantityName, Vital

MDC = "urn:iso:std:iso:11073:10101"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
TIMES_COINCIDE = "67975"
"""MDC_ATTR_TIME_ABS: the observation that shows the device's clock beside the gateway's."""

CONTROL_SOLUTION = (MDC, "160208")

KINDS: Mapping[tuple[str, str], Vital] = {
    (MDC, "150020"): Vital.BLOOD_PRESSURE,
    (LOINC, "85354-9"): Vital.BLOOD_PRESSURE,
    (MDC, "149530"): Vital.PULSE,  # of an oximeter
    (MDC, "149546"): Vital.PULSE,
    (MDC, "147842"): Vital.PULSE,  # heart rate of an ECG
    (LOINC, "8867-4"): Vital.PULSE,
    (MDC, "160184"): Vital.GLUCOSE,  # capillary whole blood
    (MDC, "160192"): Vital.GLUCOSE,  # venous whole blood
    (MDC, "160200"): Vital.GLUCOSE,  # arterial whole blood
    (MDC, "160364"): Vital.GLUCOSE,  # whole blood, undetermined
    CONTROL_SOLUTION: Vital.GLUCOSE,
    (LOINC, "14743-9"): Vital.GLUCOSE,
    (LOINC, "41653-7"): Vital.GLUCOSE,
    (LOINC, "2339-0"): Vital.GLUCOSE,
    (MDC, "160188"): Vital.GLUCOSE_PLASMA,  # capillary plasma
    (MDC, "160196"): Vital.GLUCOSE_PLASMA,  # venous plasma
    (MDC, "160204"): Vital.GLUCOSE_PLASMA,  # arterial plasma
    (MDC, "160368"): Vital.GLUCOSE_PLASMA,  # plasma, undetermined
    (LOINC, "14749-6"): Vital.GLUCOSE_PLASMA,
    (MDC, "160212"): Vital.GLUCOSE_CGM,  # interstitial fluid
    (LOINC, "105272-9"): Vital.GLUCOSE_CGM,
    (MDC, "150456"): Vital.SPO2,
    (LOINC, "2708-6"): Vital.SPO2,
    (LOINC, "59408-5"): Vital.SPO2,
    (MDC, "150364"): Vital.TEMPERATURE,
    (LOINC, "8310-5"): Vital.TEMPERATURE,
    (MDC, "188736"): Vital.WEIGHT,
    (LOINC, "29463-7"): Vital.WEIGHT,
    (MDC, "151562"): Vital.RESPIRATORY_RATE,
    (LOINC, "9279-1"): Vital.RESPIRATORY_RATE,
}

COMPONENTS: Mapping[tuple[str, str], QuantityName] = {
    (MDC, "150021"): QuantityName.SYSTOLIC,
    (LOINC, "8480-6"): QuantityName.SYSTOLIC,
    (MDC, "150022"): QuantityName.DIASTOLIC,
    (LOINC, "8462-4"): QuantityName.DIASTOLIC,
    (MDC, "150023"): QuantityName.MEAN,
    (LOINC, "8478-0"): QuantityName.MEAN,
    (MDC, "149530"): QuantityName.PULSE,
    (MDC, "149546"): QuantityName.PULSE,
    (LOINC, "8867-4"): QuantityName.PULSE,
}
"""What a blood pressure or an oximeter's reading may carry beside its main value."""

MEAL = (MDC, "8417864")
MEALS: Mapping[tuple[str, str], str] = {
    (MDC, "8417868"): "preprandial",
    (MDC, "8417872"): "postprandial",
    (MDC, "8417876"): "fasting",
    (MDC, "8417880"): "casual",
    (MDC, "8417908"): "bedtime",
}

ABSENT_VALUES: Mapping[str, NoValue | Bound] = {
    "not-a-number": NoValue.NAN,
    "positive-infinity": Bound.ABOVE,
    "negative-infinity": Bound.BELOW,
}
"""Any other reason (error, unknown, not-performed ...) is "not at this resolution": no value."""

COMPARATORS: Mapping[str, Bound] = {
    "<": Bound.BELOW,
    "<=": Bound.BELOW,
    ">": Bound.ABOVE,
    ">=": Bound.ABOVE,
}

STATUSES = frozenset({"final", "preliminary", "amended", "corrected"})
"""Others say that there was no measurement, or that it must not be used."""

DOUBTS: Mapping[str, QualityFlag] = {
    "invalid": QualityFlag.DEVICE_FAULT,
    "questionable": QualityFlag.SENSOR_MALFUNCTION,
    "not-available": QualityFlag.DEVICE_FAULT,
    "calibration-ongoing": QualityFlag.CONTROL_SOLUTION,
}
"""Measurement-status words of `interpretation` that make a reading doubtful, or none at all.

They are bits of the same status word that an oximeter sends over Bluetooth, and mean the same: a
number of a calibration is of nobody's body.
"""

NOT_OF_A_PERSON = frozenset({"demo-data", "test-data"})
TEST_LABEL = "HTEST"
"""Security label (v3-ActReason) by which a PHD gateway marks what it sends for a test."""

_ANNOTATION = re.compile(r"\{[^{}]*\}")
_SPELLINGS: Mapping[str, str] = {"mmol/l": "mmol/L", "mg/dl": "mg/dL", "1/min": "/min"}


def ucum(code: str) -> str:
    """`code` without annotations (`{beats}/min` is `/min`), litre with its capital letter.

    Both spellings mean the same unit by UCUM itself; nothing is guessed.
    """
    plain = _ANNOTATION.sub("", code)
    return _SPELLINGS.get(plain, plain)
