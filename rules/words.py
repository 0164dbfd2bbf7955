"""The closed vocabulary of the strings that conditions, profiles and symptom points use."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from rules.vocabulary import QualityFlag, QuantityName, Vital

WEEKDAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


class Parameter(StrEnum):
    """What an argument of a window function must be; all but `NUMBER` and `ANY` are literals."""

    QUANTITY = "quantity"
    NUMBER = "number"
    SPAN = "span"
    OPERATOR = "operator"
    SYMPTOM = "symptom"
    DRUG = "drug"
    CONDITION = "condition"
    ANSWER = "answer"
    FACT = "fact"
    FLAG = "flag"
    MEAL = "meal"
    WEEKDAY = "weekday"
    KIND = "kind"


OTHER = "other"
"""A drug or a diagnosis of which no rule asks: a list that names it is known all the same."""

WORDS: Mapping[Parameter, frozenset[str]] = MappingProxyType(
    {
        Parameter.QUANTITY: frozenset(QuantityName),
        Parameter.OPERATOR: frozenset({"<", "<=", ">", ">="}),
        Parameter.SYMPTOM: frozenset(
            {
                "needs_help",
                "confusion",
                "seizure",
                "fainted",
                "severe_headache",
                "dizziness",
                "vomiting",
                "blurred_vision",
                "eye_pain",
                "palpitation",
                "chest_pain",
                "chest_tightness",
                "dyspnoea",
                "speech_or_limb_deficit",
                "abdominal_pain",
                "deep_breathing",
                "epigastric_pain",
            }
        ),
        Parameter.DRUG: frozenset(
            {
                "insulin",
                "sulfonylurea",
                "glinide",
                "metformin",
                "sglt2",
                "glp1",
                "dpp4",
                "acarbose",
                "beta_blocker",
                "ace_inhibitor",
                "arb",
                "calcium_blocker",
                "diuretic",
                "anticoagulant",
                "statin",
                OTHER,
            }
        ),
        Parameter.CONDITION: frozenset(
            {
                "hypertension",
                "diabetes_1",
                "diabetes_2",
                "heart_failure",
                "atrial_fibrillation",
                "copd",
                "stroke",
                "kidney_disease",
                "coronary_disease",
                OTHER,
            }
        ),
        Parameter.ANSWER: frozenset({"ok"}),
        Parameter.FACT: frozenset({"reference"}),
        # A device's doubt about its clock is the intake's business, not a rule's.
        Parameter.FLAG: frozenset(QualityFlag)
        - {QualityFlag.CLOCK_NOT_SET, QualityFlag.TIME_FAULT},
        Parameter.MEAL: frozenset({"preprandial", "postprandial", "fasting", "casual", "bedtime"}),
        Parameter.WEEKDAY: frozenset(WEEKDAYS),
        Parameter.KIND: frozenset(vital.name.lower() for vital in Vital),
    }
)
"""The closed vocabulary of string arguments; symptom points and profiles use the same words."""


def holds_one(known: frozenset[str] | None, words: Collection[str], kind: Parameter) -> bool | None:
    """Whether a person's list of drugs or diagnoses holds one of `words`; None: nobody can say.

    A word of the list that no rule knows may be another name of one of them: a list with
    "glargine" is none without insulin.
    """
    if known is None:
        return None
    if not known.isdisjoint(words):
        return True
    return False if known <= WORDS[kind] else None
