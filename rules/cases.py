"""Worked cases beside a pack: a few readings, what must fire and what must not, in virtual time.

A case is lived through as the core would live it: each reading is judged when it is received, waits
are looked at when they are due, and an alert counts once. What fired must equal `expect` exactly.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rules.codes import MG_DL, MMOL_L, QUANTITIES, to_canonical
from rules.engine import Decision, evaluate
from rules.identity import alert_id
from rules.pack import Pack
from rules.scope import span
from rules.vocabulary import (
    Bound,
    Origin,
    PersonStatus,
    Profile,
    QuantityName,
    Sex,
    SubjectRef,
    Ternary,
    TimeConfidence,
    Vital,
)
from rules.window import DISTURBING_FLAGS, Baseline, Blind, Point, Value, Window
from rules.yaml_lines import YamlError, place_in, read_yaml

_CENSORED: Mapping[object, Bound] = {"LO": Bound.BELOW, "HI": Bound.ABOVE}
_OFFSET = re.compile(r"-?(0m|[1-9][0-9]*[mhd]( [1-9][0-9]*[mhd])*)\Z")


class CasesError(ValueError):
    """A file of worked cases cannot be read; the text names file and place."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PointFormat(_Strict):
    """One reading, or a series of equal ones (`every`, `times`).

    `pulse` stands beside `bp` or `spo2`, or alone; `sensor`: the glucose is a continuous sensor's,
    `plasma`: of a meter that says so; `typed`: a person typed the numbers. A unit that is left out
    is the canonical one, but never of glucose.
    """

    at: str
    received: str | None = None
    every: str | None = None
    times: int = Field(default=1, ge=1, le=500)
    bp: tuple[Decimal, Decimal] | None = None
    glucose: Decimal | Literal["LO", "HI"] | None = None
    ketone: Decimal | Literal["LO", "HI"] | None = None
    temperature: Decimal | None = None
    spo2: Decimal | None = None
    weight: Decimal | None = None
    pulse: Decimal | None = None
    breaths: Decimal | None = None
    unit: str | None = None
    meal: str | None = None
    sensor: bool = False
    plasma: bool = False
    typed: bool = False
    symptom: str | None = None
    answer: str | None = None
    flags: tuple[str, ...] = ()
    valid: bool | None = None
    repeat: bool = False
    confidence: TimeConfidence = TimeConfidence.GOOD
    device: str = "A/1/1"


class ProfileFormat(_Strict):
    """Who the person is; what is left out is unknown."""

    birth_year: int | None = None
    sex: Sex = Sex.UNKNOWN
    drug_classes: frozenset[str] | None = None
    conditions: frozenset[str] | None = None
    pregnant: Ternary = Ternary.UNKNOWN
    targets: dict[str, Decimal] = Field(default_factory=dict[str, Decimal])
    person_certain: bool = True
    status: PersonStatus = PersonStatus.ALIVE


class BaselineFormat(_Strict):
    """What is usual for the person in one quantity."""

    recent_mean: float | None = None
    recent_sd: float | None = None
    readings: int = 0
    days: int = 0
    anchor: float | None = None
    anchor_confirmed: bool = False
    first_day: date | None = None
    own_gap_days: float | None = None


class BlindFormat(_Strict):
    """A time in which nothing could arrive."""

    began: str
    ended: str


class ExpectedFormat(_Strict):
    """One alert: of which rule, how it fired, on the reading at which offset, and when it rang."""

    rule: str
    stage: Literal["immediate", "confirmed", "unconfirmed", "condition", "absence"]
    at: str
    rang: str | None = None
    limb: str | None = None
    dated: bool = False
    unknowns: tuple[str, ...] | None = None


class CaseFormat(_Strict):
    """One worked case."""

    name: str
    rule: str
    start: datetime
    zone: str = "Asia/Shanghai"
    profile: ProfileFormat = ProfileFormat()
    baselines: dict[QuantityName, BaselineFormat] = Field(
        default_factory=dict[QuantityName, BaselineFormat]
    )
    points: tuple[PointFormat, ...] = Field(min_length=1)
    blind: tuple[BlindFormat, ...] = ()
    expect: tuple[ExpectedFormat, ...]


class _File(_Strict):
    pack: str
    cases: tuple[CaseFormat, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang:
    """An alert of a worked case, and when it rang."""

    decision: Decision
    at: datetime


def load_cases(text: str, *, name: str) -> tuple[CaseFormat, ...]:
    """The worked cases written in `text`.

    Raises:
        CasesError: not YAML, or not of the form above; the text names `name` and the line of each
            fault.
    """
    try:
        lines, document = read_yaml(text)
    except YamlError as error:
        raise CasesError(f"{name}:{error.line}: {error}") from error
    try:
        return _File.model_validate(document).cases
    except ValidationError as error:
        faults = (f"{place_in(name, lines, e['loc'])}: {e['msg']}" for e in error.errors())
        raise CasesError("\n".join(faults)) from error


def lines_of_cases(text: str) -> tuple[int, ...]:
    """On which line of `text`, which `load_cases` has read, each case begins."""
    lines, _ = read_yaml(text)
    found: list[int] = []
    while ("cases", len(found)) in lines:
        found.append(lines["cases", len(found)])
    return tuple(found)


def offset(text: str) -> timedelta:
    """`1d 8h`, `-30m`, `0m` as a length of time; raises CasesError for anything else."""
    if not _OFFSET.match(text):
        raise CasesError(f"{text!r} is not an offset like 0m, 1d 8h or -30m")
    parts = [part for part in text.lstrip("-").split() if part != "0m"]
    total = sum((span(part) for part in parts), timedelta(0))
    return -total if text.startswith("-") else total


def points_of(case: CaseFormat) -> tuple[Point, ...]:
    """The readings of a case, in the order in which they are received."""
    found = [p for number, form in enumerate(case.points) for p in _series(case, number, form)]
    return tuple(sorted(found, key=lambda p: (p.received_at, p.order)))


def profile_of(case: CaseFormat) -> Profile:
    """The person of a case."""
    form = case.profile
    return Profile(
        subject=SubjectRef("case"),
        birth_year=form.birth_year,
        sex=form.sex,
        drug_classes=form.drug_classes,
        conditions=form.conditions,
        pregnant=form.pregnant,
        targets=form.targets,
        person_certain=form.person_certain,
        status=form.status,
    )


def window_of(case: CaseFormat, points: tuple[Point, ...]) -> Window:
    """The case's person with `points` known."""
    return Window(
        points=points,
        profile=profile_of(case),
        baselines={
            name: Baseline(
                recent_mean=form.recent_mean,
                recent_sd=form.recent_sd,
                readings=form.readings,
                days=form.days,
                anchor=form.anchor,
                anchor_confirmed=form.anchor_confirmed,
                first_day=form.first_day,
                own_gap_days=form.own_gap_days,
            )
            for name, form in case.baselines.items()
        },
        zone=ZoneInfo(case.zone),
        blind=tuple(
            Blind(began_at=case.start + offset(one.began), ended_at=case.start + offset(one.ended))
            for one in case.blind
        ),
    )


def live_through(pack: Pack, case: CaseFormat) -> tuple[Rang, ...]:
    """Every alert that rings while the case is lived through, in the order of ringing.

    Only a case of a rule on absence is lived through to the end of a silence. No episode is kept
    here: in the worked cases of a rule that stands beside an urgent case, that case counts as open,
    and elsewhere such rules are left out.
    """
    rang: dict[str, Rang] = {}
    due: set[datetime] = set()
    arriving = list(points_of(case))
    known: list[Point] = []
    while arriving or due:
        now = min([p.received_at for p in arriving[:1]] + sorted(due)[:1])
        fresh = [p for p in arriving if p.received_at == now]
        arriving = arriving[len(fresh) :]
        known += fresh
        new = frozenset(p.identity for p in fresh)
        window = window_of(case, tuple(known))
        found = evaluate(pack, window, now, new, absent=not fresh)
        silences = (wake for wake in found.silences if wake.rule_id == case.rule)
        due = {at for at in due if at > now} | {wake.due_at for wake in found.wakes}
        due |= {max(wake.due_at, now) for wake in silences}
        for decision in found.decisions:
            if decision.rule_id != case.rule and pack.rule(decision.rule_id).needs_urgent_case:
                continue
            key = alert_id(rule_id=decision.rule_id, stage=decision.stage, trigger=decision.trigger)
            rang.setdefault(key, Rang(decision=decision, at=now))
    return tuple(rang.values())


def differences(case: CaseFormat, rang: tuple[Rang, ...]) -> tuple[str, ...]:
    """What fired and should not have, and what should have and did not; empty when it holds."""
    wanted = list(case.expect)
    faults: list[str] = []
    for alert in rang:
        match = next((want for want in wanted if _meets(case, want, alert)), None)
        if match is None:
            faults.append(f"{case.name}: unexpected {_describe(case, alert)}")
        else:
            wanted.remove(match)
    faults += [f"{case.name}: missing {want.rule} {want.stage} at {want.at}" for want in wanted]
    return tuple(faults)


def _meets(case: CaseFormat, want: ExpectedFormat, alert: Rang) -> bool:
    decision = alert.decision
    pairs: list[tuple[object, object]] = [
        (want.rule, decision.rule_id),
        (want.stage, decision.stage.value),
        (case.start + offset(want.at), decision.effective_at),
        (want.dated, decision.dated),
    ]
    if want.rang is not None:
        pairs.append((case.start + offset(want.rang), alert.at))
    if want.limb is not None:
        pairs.append((want.limb, decision.limb))
    if want.unknowns is not None:
        pairs.append((want.unknowns, decision.unknowns))
    return all(wanted == found for wanted, found in pairs)


def _describe(case: CaseFormat, alert: Rang) -> str:
    decision = alert.decision
    words = [decision.rule_id, decision.stage.value, decision.limb, "dated" * decision.dated]
    about = " ".join(filter(None, words))
    trigger, rang = decision.effective_at - case.start, alert.at - case.start
    return f"{about} at {trigger}, rang {rang}, unknowns {decision.unknowns}"


def _series(case: CaseFormat, number: int, form: PointFormat) -> Iterator[Point]:
    every = offset(form.every) if form.every else timedelta(0)
    lag = offset(form.received) - offset(form.at) if form.received else timedelta(0)
    for turn in range(form.times):
        at = case.start + offset(form.at) + turn * every
        yield _point(form, f"{number:03}-{turn:03}", at, at + lag, case.profile)


def _point(
    form: PointFormat, identity: str, at: datetime, received: datetime, person: ProfileFormat
) -> Point:
    kind, values = _measured(form)
    sound = person.person_certain and DISTURBING_FLAGS.isdisjoint(form.flags)
    said = {"symptom": form.symptom, "answer": form.answer, "meal": form.meal}
    return Point(
        identity=identity,
        kind=kind,
        device=form.device,
        effective_at=at,
        received_at=received,
        confidence=form.confidence,
        origin=Origin.PERSON if form.typed or kind is Vital.SYMPTOM else Origin.LIVE,
        values=values,
        flags=form.flags,
        context={key: word for key, word in said.items() if word is not None},
        valid=sound if form.valid is None else form.valid,
        possible_repeat=form.repeat,
    )


def _measured(form: PointFormat) -> tuple[Vital, Mapping[QuantityName, Value]]:
    if form.bp is not None:
        return Vital.BLOOD_PRESSURE, _of_cuff(form.bp, form)
    if form.glucose is not None:
        if not isinstance(form.glucose, str) and form.unit not in {MMOL_L, MG_DL}:
            raise CasesError(f"glucose {form.glucose}: the unit is never guessed (law 12)")
        kinds = {(True, False): Vital.GLUCOSE_CGM, (False, True): Vital.GLUCOSE_PLASMA}
        kind = kinds.get((form.sensor, form.plasma), Vital.GLUCOSE)
        return kind, {QuantityName.GLUCOSE: _on_a_strip(form.glucose, form.unit or MMOL_L)}
    if form.ketone is not None:
        return Vital.KETONE, {QuantityName.KETONE: _on_a_strip(form.ketone)}
    for kind, name, number in (
        (Vital.TEMPERATURE, QuantityName.TEMPERATURE, form.temperature),
        (Vital.SPO2, QuantityName.SPO2, form.spo2),
        (Vital.WEIGHT, QuantityName.WEIGHT, form.weight),
        (Vital.PULSE, QuantityName.PULSE, form.pulse),
        (Vital.RESPIRATORY_RATE, QuantityName.RESPIRATORY_RATE, form.breaths),
    ):
        if number is not None:
            values = {name: _in_unit(name, number, form.unit)}
            return kind, {**values, **_pulse_of(form)} if kind is Vital.SPO2 else values
    return Vital.SYMPTOM, {}


def _of_cuff(pair: tuple[Decimal, Decimal], form: PointFormat) -> Mapping[QuantityName, Value]:
    names = (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC)
    values = {
        name: _in_unit(name, number, form.unit) for name, number in zip(names, pair, strict=True)
    }
    return {**values, **_pulse_of(form)}


def _pulse_of(form: PointFormat) -> Mapping[QuantityName, Value]:
    return {} if form.pulse is None else {QuantityName.PULSE: Value(value=form.pulse)}


def _in_unit(name: QuantityName, number: Decimal, unit: str | None) -> Value:
    return Value(value=to_canonical(name, number, unit or QUANTITIES[name].unit))


def _on_a_strip(shown: Decimal | str, unit: str = MMOL_L) -> Value:
    """What a meter shows: a number, LO or HI; glucose and ketone convert alike only in mmol/L."""
    if isinstance(shown, str):
        return Value(censored=_CENSORED[shown])
    return Value(value=to_canonical(QuantityName.GLUCOSE, shown, unit))
