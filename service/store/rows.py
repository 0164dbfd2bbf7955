"""Rows of the named statements become records."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec

from gateway.store.reading_row import identity_text
from rules.codes import MAIN_QUANTITIES
from rules.vocabulary import (
    AlertKind,
    Bound,
    Family,
    Origin,
    Priority,
    QuantityName,
    TimeConfidence,
    Vital,
)
from rules.window import Point, Value
from service.alerts.lifecycle import Answer, LifeState, ending
from service.alerts.patient_text import in_chinese, in_english
from service.permissions import Role
from service.store.records import (
    AlertCard,
    DeliveryRecord,
    PatientMessage,
    PersonCard,
    SeriesPoint,
    WorklistItem,
)


def point_from(row: asyncpg.Record) -> SeriesPoint:
    """One reading from a row of `core.observation`."""
    return SeriesPoint(
        identity=identity_text(row["identity"]),
        effective_at=row["effective_at"],
        kind=row["kind"],
        systolic=row["systolic"],
        diastolic=row["diastolic"],
        pulse=row["pulse"],
        glucose=row["glucose"],
        valid=row["valid"],
        time_confidence=row["time_confidence"],
        flags=tuple(filter(None, row["flags"].split(","))),
        beyond=msgspec.json.decode(row["beyond"] or b"{}", type=dict[str, str]),
        number=row["number"],
    )


def judged_point(row: asyncpg.Record) -> Point:
    """As much of a stored reading as a rule's level, or what to ask next, looks at."""
    said = point_from(row)
    numbers = {
        QuantityName.SYSTOLIC: said.systolic,
        QuantityName.DIASTOLIC: said.diastolic,
        QuantityName.PULSE: said.pulse,
        QuantityName.GLUCOSE: said.glucose,
    }
    kind = Vital(said.kind)
    for name in MAIN_QUANTITIES[kind]:
        numbers.setdefault(name, said.number)
    values = {name: Value(value=Decimal(str(n))) for name, n in numbers.items() if n is not None}
    values |= {QuantityName(n): Value(censored=Bound(side)) for n, side in said.beyond.items()}
    return Point(
        identity=said.identity,
        kind=kind,
        device=row["device"],
        effective_at=said.effective_at,
        received_at=row["received_at"],
        confidence=TimeConfidence(said.time_confidence),
        origin=Origin(row["origin"]),
        values=values,
        flags=said.flags,
        valid=said.valid,
    )


def message_from(row: asyncpg.Record, names: Mapping[UUID, str]) -> PatientMessage:
    """One message from a row of `care.patient_message`; `names` are those known of accounts."""
    named = [names[account_id] for account_id in row["named"] if account_id in names]
    return PatientMessage(
        at=row["at"],
        alert_id=row["alert_id"],
        kind=row["kind"],
        text_zh=in_chinese(row["text_zh"], named),
        text_en=in_english(row["text_en"], named),
        is_open=row["is_open"],
    )


def worklist_item_from(row: asyncpg.Record) -> WorklistItem:
    """One line of a worklist from a row of the query `worklist`."""
    return WorklistItem(
        alert_id=row["alert_id"],
        subject=row["subject"],
        person_name=row["person_name"],
        birth_year=row["birth_year"],
        household=row["household"],
        kind=AlertKind(row["kind"]),
        priority=Priority(row["priority"]),
        family=Family(row["family"]),
        rule_id=row["rule_id"],
        stage=row["stage"],
        dated=row["dated"],
        raised_at=row["raised_at"],
        effective_at=row["effective_at"],
        state=LifeState(row["state"]),
        round=row["round"],
        next_due_at=row["next_due_at"],
        next_check_at=row["next_check_at"],
        acknowledged_by=row["acknowledged_by"],
        evidence=row["evidence"],
    )


def alert_card_from(
    row: asyncpg.Record,
    *,
    person: PersonCard,
    deliveries: tuple[DeliveryRecord, ...],
    messages: tuple[PatientMessage, ...],
) -> AlertCard:
    """The why-card from a row of the query `alert_for` and what belongs to it."""
    return AlertCard(
        alert_id=row["alert_id"],
        case_id=row["case_id"],
        person=person,
        kind=AlertKind(row["kind"]),
        priority=Priority(row["priority"]),
        family=Family(row["family"]),
        rule_id=row["rule_id"],
        rule_version=row["rule_version"],
        rule_hash=row["rule_hash"],
        stage=row["stage"],
        dated=row["dated"],
        undampable=row["undampable"],
        synthetic=row["synthetic"],
        raised_at=row["raised_at"],
        effective_at=row["effective_at"],
        evidence=row["evidence"],
        state=LifeState(row["state"]),
        tier=row["tier"],
        step=row["step"],
        round=row["round"],
        next_due_at=row["next_due_at"],
        acknowledged_by=row["acknowledged_by"],
        acknowledged_at=row["acknowledged_at"],
        answer=Answer(row["answer"]) if row["answer"] else None,
        next_check_at=row["next_check_at"],
        outcome=ending(row["outcome"]) if row["outcome"] else None,
        closed_at=row["closed_at"],
        deliveries=deliveries,
        messages=messages,
        taken_back=row["taken_back"],
    )


def person_card_from(row: asyncpg.Record) -> PersonCard:
    """A known person from a row of the query `person_for`."""
    return PersonCard(
        person_id=row["person_id"],
        subject=row["subject"],
        name=row["name"],
        birth_year=row["birth_year"],
        sex=row["sex"],
        phone=row["phone"],
        household=row["household"],
        address=row["address"],
        area=row["area"],
        area_name=row["area_name"],
        status=row["status"],
        conditions=_codes(row["conditions"]),
        drug_classes=_codes(row["drug_classes"]),
        pregnant=row["pregnant"],
        targets=targets_from(row["targets"]),
        family_doctor=row["family_doctor"],
        village_doctor=row["village_doctor"],
    )


def somebody_from(row: asyncpg.Record, home: asyncpg.Record | None) -> PersonCard:
    """Somebody in a home that we know, or do not even know, the address of."""
    return PersonCard(
        person_id=None,
        subject=row["subject"],
        name=None,
        birth_year=None,
        sex=None,
        phone=None,
        household=row["household"],
        address=home["address"] if home else None,
        area=home["area"] if home else row["area"],
        area_name=home["area_name"] if home else None,
        status=None,
        conditions=None,
        drug_classes=None,
        pregnant=None,
        targets={},
        family_doctor=None,
        village_doctor=None,
    )


def delivery_from(row: asyncpg.Record) -> DeliveryRecord:
    """One delivery from a row of the query `deliveries`."""
    return DeliveryRecord(
        delivery_id=row["delivery_id"],
        alert_id=row["alert_id"],
        tier=row["tier"],
        step=row["step"],
        account_id=row["account_id"],
        recipient=row["recipient"],
        role=Role(row["role"]) if row["role"] else None,
        channel=row["channel"],
        state=row["state"],
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_attempt_at=row["next_attempt_at"],
        delivered_at=row["delivered_at"],
        detail=row["detail"],
        because=row["because"],
        hold=row["hold"],
        read_at=row["read_at"],
    )


def _codes(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def targets_from(text: str | None) -> dict[str, float]:
    """A doctor's limits for one person, from the JSON text of the column."""
    return msgspec.json.decode(text, type=dict[str, float], strict=False) if text else {}
