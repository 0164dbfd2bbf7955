"""The why-card: five lines that a doctor reads in ten seconds, and what folds behind them.

Who (age, diagnoses, drugs, phone) · what (last values beside the usual and the target) · how sure ·
who was told and what was answered · one next step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rules.vocabulary import Family, Priority
from service.alerts.lifecycle import (
    EMERGENCY_ANSWERS,
    LONGEST_CHECK,
    Answer,
    LifeState,
    Outcome,
    ShelfReason,
    WhyNot,
)
from service.store.records import AlertCard, DeliveryRecord, PersonCard, Series, SeriesPoint
from service.web.evidence import Explained, explained
from service.web.language import say
from service.web.own_glucose import own_glucose
from service.web.vitals import GLUCOSE_KINDS, unit_text, value_of
from service.web.words import word
from service.web.worklist_view import name_and_age

_LAST_VALUES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LastValue:
    """One of the three newest values; `marked` when the alert rests on it."""

    text: str
    at: datetime
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyCard:
    """Everything that the template `alert.html` says of the alert itself."""

    alert_id: UUID
    priority: str
    state: str
    headline: str
    who: str
    subject: str | None
    phone: str | None
    conditions: str
    drugs: str
    remarks: tuple[str, ...]
    last: tuple[LastValue, ...]
    unit: str
    usual: str
    target: str
    sure: str
    patient_told: str
    staff_told: str
    owner: str
    next_step: str
    answers: tuple[str, ...]
    latest_check: datetime
    outcomes: tuple[str, ...]
    why_nots: tuple[str, ...]
    shelf_reasons: tuple[str, ...]
    lines: tuple[str, ...]
    near: tuple[str, ...]
    rule_id: str
    rule_version: int
    rule_hash: str
    signed: bool
    source: str
    stage: str
    raised_at: datetime
    address: str
    doctors: str
    deliveries: tuple[DeliveryRecord, ...]
    messages: tuple[str, ...]
    evidence: str


def why_card(
    card: AlertCard,
    series: Series | None,
    *,
    doubts: Sequence[str],
    language: str,
    now: datetime,
) -> WhyCard:
    """The card in `language`; `series` None where the readings themselves may not be read.

    `doubts` are sentences about who is responsible (`service.web.timeline_view.doubts_of`).
    """
    why = explained(card.evidence, card.rule_id, language)
    last = _last(card, series, why)
    return WhyCard(
        alert_id=card.alert_id,
        priority=card.priority.word,
        state=card.state.value,
        headline=why.headline,
        who=_who(card.person, language, now),
        subject=None if card.person.person_id is None else card.person.subject,
        phone=card.person.phone,
        conditions=_codes(card.person.conditions, "condition", language),
        drugs=_codes(card.person.drug_classes, "drug", language),
        remarks=_remarks(card.person, language),
        last=tuple(
            LastValue(
                text=value_of(point), at=point.effective_at, marked=point.identity in why.points
            )
            for point in last
        ),
        unit=unit_text(last[0].kind, language) if last else "",
        usual=why.baseline or say(language, "Usual value not known yet"),
        target="" if why.names_usual else _target(card, language),
        sure=" · ".join((why.sureness, *doubts)),
        patient_told=_patient_told(card, language),
        staff_told=_staff_told(card.deliveries, language),
        owner=_owner(card, language),
        next_step=why.next_step,
        answers=_answers(card),
        latest_check=now + LONGEST_CHECK[card.priority],
        outcomes=tuple(outcome.value for outcome in Outcome),
        why_nots=tuple(why_not.value for why_not in WhyNot),
        shelf_reasons=_shelf_reasons(card),
        lines=why.lines,
        near=why.near,
        rule_id=card.rule_id,
        rule_version=card.rule_version,
        rule_hash=card.rule_hash,
        signed=why.signed,
        source=why.source,
        stage=card.stage,
        raised_at=card.raised_at,
        address=" ".join(filter(None, (card.person.area_name, card.person.address))),
        doctors=" · ".join(filter(None, (card.person.family_doctor, card.person.village_doctor))),
        deliveries=card.deliveries,
        messages=_messages(card, language),
        evidence=card.evidence,
    )


def _who(person: PersonCard, language: str, now: datetime) -> str:
    who = name_and_age(language, person.name, person.birth_year, person.household, now)
    if person.sex is None or person.name is None:
        return who
    return f"{who}, {word(language, 'sex', person.sex)}"


def _codes(codes: tuple[str, ...] | None, kind: str, language: str) -> str:
    """Unknown is not none (law 10 of rules: a missing record is said to be missing)."""
    if codes is None:
        return say(language, "not recorded")
    if not codes:
        return say(language, "none known")
    return say(language, ", ").join(word(language, kind, code) for code in codes)


def _remarks(person: PersonCard, language: str) -> tuple[str, ...]:
    remarks: list[str] = []
    if person.pregnant == "yes":
        remarks.append(say(language, "pregnant"))
    if person.status not in (None, "alive"):
        remarks.append(word(language, "status", person.status))
    return tuple(remarks)


def _last(card: AlertCard, series: Series | None, why: Explained) -> list[SeriesPoint]:
    """The newest values of the alert's own family; the ones that it rests on first of all."""
    if series is None:
        return []
    wanted = [point for point in series.points if _is_of_family(point, card.family)]
    resting = [point for point in wanted if point.identity in why.points]
    others = [point for point in wanted if point.identity not in why.points]
    newest = resting[-_LAST_VALUES:]
    missing = _LAST_VALUES - len(newest)
    chosen = [*others[-missing:], *newest] if missing else newest
    return sorted(chosen, key=lambda point: point.effective_at, reverse=True)


def _is_of_family(point: SeriesPoint, family: Family) -> bool:
    if family is Family.GLUCOSE:
        return point.kind in GLUCOSE_KINDS
    return point.systolic is not None


def _target(card: AlertCard, language: str) -> str:
    targets = card.person.targets
    if card.family is Family.GLUCOSE:
        return own_glucose(targets, language) or say(language, "no own target recorded")
    upper, lower = targets.get("systolic"), targets.get("diastolic")
    if upper is not None and lower is not None:
        return say(language, "target below %(upper)g/%(lower)g mmHg") % {
            "upper": upper,
            "lower": lower,
        }
    if upper is not None:
        return say(language, "target below %(upper)g mmHg systolic") % {"upper": upper}
    return say(language, "no own target recorded")


def _patient_told(card: AlertCard, language: str) -> str:
    if not card.messages:
        return say(language, "Patient: not told anything yet")
    return _messages(card, language)[0]


def _messages(card: AlertCard, language: str) -> tuple[str, ...]:
    """What the patient was told, word for word, newest first."""
    newest_first = sorted(card.messages, key=lambda message: message.at, reverse=True)
    return tuple(
        say(language, "Patient was told: “%(text)s”")
        % {"text": message.text_zh if language == "zh" else message.text_en}
        for message in newest_first
    )


def _staff_told(deliveries: Sequence[DeliveryRecord], language: str) -> str:
    told: list[str] = []
    for delivery in deliveries:
        if delivery.channel != "page" or delivery.recipient is None:
            continue
        role = word(language, "role", delivery.role) if delivery.role else ""
        entry = f"{delivery.recipient} ({role})" if role else delivery.recipient
        if entry not in told:
            told.append(entry)
    if not told:
        return say(language, "Staff: nobody reached yet")
    return say(language, "Staff: %(names)s") % {"names": say(language, ", ").join(told)}


def _owner(card: AlertCard, language: str) -> str:
    if card.state is LifeState.CLOSED:
        outcome = "" if card.outcome is None else word(language, "outcome", card.outcome.value)
        return say(language, "closed: %(outcome)s") % {"outcome": outcome}
    if card.acknowledged_by is None or card.answer is None:
        said = say(language, "nobody has answered")
    else:
        said = f"{card.acknowledged_by} {word(language, 'said', card.answer.value)}"
    if card.state in {LifeState.RETURNED, LifeState.SHELVED}:
        return word(language, "state", card.state.value) + say(language, ", ") + said
    return said


def _shelf_reasons(card: AlertCard) -> tuple[str, ...]:
    """Nothing urgent is put aside, nor what is undampable."""
    if (card.priority > Priority.SOON or card.undampable) and not card.dated:
        return ()
    return tuple(reason.value for reason in ShelfReason)


def _answers(card: AlertCard) -> tuple[str, ...]:
    """An emergency is answered only by contacted, going or cannot (hazard H10)."""
    if card.priority is Priority.EMERGENCY and not card.dated:
        return tuple(answer.value for answer in Answer if answer in EMERGENCY_ANSWERS)
    return tuple(
        answer.value for answer in (Answer.SEEN, Answer.CONTACTED, Answer.GOING, Answer.CANNOT)
    )
