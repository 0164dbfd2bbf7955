"""Who the recorded readings are of: profiles and doctors from a file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import NewType

from gateway.profile_changes import ProfileChange
from rules.vocabulary import Profile, Sex, SubjectRef, Ternary
from rules.words import WORDS, Parameter
from service.backtest.record_error import RecordError, Refused, rows_of

Doctor = NewType("Doctor", str)

PREGNANT_DAYS = 280
"""From the last period to the expected date of birth (Naegele's rule)."""

AFTER_BIRTH_DAYS = 42
"""As long HW-03 speaks of somebody who gave birth; of no birth but the expected one is told."""

_OPTIONAL = (
    *("sex", "birth_year", "diagnoses", "drug_classes", "due", "household", "doctor"),
    *("contract_team", "synthetic"),
)
_YES = frozenset({"1", "true", "yes"})
_NONE = "-"
_BETWEEN = re.compile("[;,；，、]")
_YEARS = range(1900, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """What is recorded of one person; `doctor` is whoever answers for them.

    `due` is the expected date of birth of a child: whether `profile` knows of a pregnancy changes
    with time (`changes_of`).
    """

    profile: Profile
    doctor: Doctor
    due: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPeople:
    """The people of a file, and what in it could not be understood (line, reason)."""

    people: Mapping[SubjectRef, Someone]
    faults: Refused


def read_people(path: Path) -> KnownPeople:
    """Profiles from a CSV file.

    Column `subject`, and any of `sex, birth_year, diagnoses, drug_classes, due, household, doctor`
    (or `contract_team`), `synthetic`. `due` is an ISO date. Who is `synthetic` (1, true, yes)
    exists to test the machine and counts in no figure.

    Lists are joined by `;` or `,` in letters of any case; `-` is none at all, an empty cell that
    nobody knows. A list with a word that rules do not know is told and taken as not known: it may
    mean one that they do. Of two lines about one person the last counts, and that is told.

    Raises:
        RecordError: a line cannot be read; the text names it.
        OSError: the file cannot be opened.
    """
    found: dict[SubjectRef, Someone] = {}
    faults: Refused = []
    with rows_of(path, ("subject",), _OPTIONAL) as rows:
        for number, row in rows:
            told: list[str] = []
            try:
                someone = _someone(row, told)
            except ValueError as error:
                raise RecordError(f"{path.name}:{number}: {error}") from error
            subject = someone.profile.subject
            if subject in found:
                told.append(f"subject: {subject!r} stands in an earlier line too; this one counts")
            found[subject] = someone
            faults += [(number, fault) for fault in told]
    return KnownPeople(people=found, faults=faults)


def changes_of(
    people: Mapping[SubjectRef, Someone], zone: tzinfo
) -> dict[SubjectRef, tuple[ProfileChange, ...]]:
    """When profiles change: pregnant from 280 days before `due` until 42 days after it.

    Both days are counted in `zone` and belong to it. Before and after them it is not known: nobody
    wrote down whether there was another child.
    """
    return {
        subject: _of_pregnancy(someone.profile, someone.due, zone)
        for subject, someone in people.items()
        if someone.due is not None
    }


def _of_pregnancy(profile: Profile, due: date, zone: tzinfo) -> tuple[ProfileChange, ...]:
    begins = due - timedelta(days=PREGNANT_DAYS)
    ends = due + timedelta(days=AFTER_BIRTH_DAYS + 1)
    return (
        ProfileChange(at=_midnight(begins, zone), profile=replace(profile, pregnant=Ternary.YES)),
        ProfileChange(at=_midnight(ends, zone), profile=profile),
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _someone(row: Mapping[str, str | None], faults: list[str]) -> Someone:
    born, due = row.get("birth_year"), (row.get("due") or "").strip()
    doctor = row.get("doctor") or row.get("contract_team") or ""
    return Someone(
        profile=Profile(
            subject=SubjectRef(row["subject"] or ""),
            birth_year=_year(born) if born else None,
            sex=Sex(row.get("sex") or "unknown"),
            conditions=_words("diagnoses", row, Parameter.CONDITION, faults),
            drug_classes=_words("drug_classes", row, Parameter.DRUG, faults),
            household=row.get("household") or None,
            synthetic=(row.get("synthetic") or "").lower() in _YES,
        ),
        doctor=Doctor(doctor),
        due=_day(due) if due else None,
    )


def _year(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"birth_year: {text!r} is no year")
    return int(text)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"due: {text!r} is no date") from None
    if day.year not in _YEARS:
        raise ValueError(f"due: {text!r} is no date of a birth")
    return day


def _words(
    column: str, row: Mapping[str, str | None], kind: Parameter, faults: list[str]
) -> frozenset[str] | None:
    """The codes of a list; None where nobody knows them all, with a fault for words not known."""
    text = (row.get(column) or "").strip()
    if not text:
        return None
    if text == _NONE:
        return frozenset()
    words = {word for part in _BETWEEN.split(text) if (word := part.strip().casefold())}
    others = sorted(words - WORDS[kind])
    if others:
        told = ", ".join(map(repr, others))
        faults.append(f"{column}: no word we know: {told}; the list is taken as not known")
    return None if others or not words else frozenset(words)
