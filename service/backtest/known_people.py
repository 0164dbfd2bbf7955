"""Who the recorded readings are of: profiles and doctors from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from rules.vocabulary import Profile, Sex, SubjectRef, Ternary
from rules.words import WORDS, Parameter
from service.backtest.record_error import RecordError, rows_of

Doctor = NewType("Doctor", str)

_OPTIONAL = (
    *("sex", "birth_year", "diagnoses", "drug_classes", "due", "household", "doctor"),
    *("contract_team", "synthetic"),
)
_YES = frozenset({"1", "true", "yes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """What is recorded of one person; `doctor` is whoever answers for them."""

    profile: Profile
    doctor: Doctor


def read_people(path: Path) -> dict[SubjectRef, Someone]:
    """Profiles from a CSV file.

    Column `subject`, and any of `sex, birth_year, diagnoses, drug_classes, due, household, doctor`
    (or `contract_team`), `synthetic`; lists are joined by `;`. Who is `synthetic` (1, true, yes)
    exists to test the machine and counts in no figure.

    Raises:
        RecordError: a line cannot be read; the text names it.
        OSError: the file cannot be opened.
    """
    found: dict[SubjectRef, Someone] = {}
    with rows_of(path, ("subject",), _OPTIONAL) as rows:
        for number, row in rows:
            try:
                someone = _someone(row)
            except ValueError as error:
                raise RecordError(f"{path.name}:{number}: {error}") from error
            found[someone.profile.subject] = someone
    return found


def _someone(row: Mapping[str, str | None]) -> Someone:
    born = row.get("birth_year")
    doctor = row.get("doctor") or row.get("contract_team") or ""
    return Someone(
        profile=Profile(
            subject=SubjectRef(row["subject"] or ""),
            birth_year=_year(born) if born else None,
            sex=Sex(row.get("sex") or "unknown"),
            conditions=_words(row.get("diagnoses"), Parameter.CONDITION),
            drug_classes=_words(row.get("drug_classes"), Parameter.DRUG),
            pregnant=Ternary.YES if row.get("due") else Ternary.UNKNOWN,
            household=row.get("household") or None,
            synthetic=(row.get("synthetic") or "").lower() in _YES,
        ),
        doctor=Doctor(doctor),
    )


def _year(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"birth_year: {text!r} is no year")
    return int(text)


def _words(text: str | None, kind: Parameter) -> frozenset[str] | None:
    """The codes that rules know; others (osteoporosis, a statin) are none of theirs."""
    return None if text is None else frozenset(text.split(";")) & WORDS[kind]
