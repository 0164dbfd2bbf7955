"""Cases and alerts as rows: of the core's own tables, and of those of a variant in shadow."""

from decimal import Decimal

import asyncpg
import msgspec

from gateway.cases import Taken
from rules.vocabulary import Alert, Case, CaseState, Family, Priority, Stage

_FACTS = msgspec.json.Decoder(dict[str, Decimal])
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def case_of(row: asyncpg.Record) -> Case:
    """The case that a row of all its columns keeps."""
    return Case(
        case_id=row["case_id"],
        subject=row["subject"],
        family=Family(row["family"]),
        rule_id=row["rule_id"],
        priority=Priority(row["priority"]),
        state=CaseState(row["state"]),
        opened_at=row["opened_at"],
        last_point_at=row["last_point_at"],
        last_rang_at=row["last_rang_at"],
        ended_at=row["ended_at"],
        outcome=row["outcome"],
        limb=row["limb"],
        facts=_FACTS.decode(row["facts"]),
        began_at=row["began_at"],
        decided_at=row["decided_at"],
        decided_on=row["decided_on"],
        is_confirmed=row["is_confirmed"],
    )


def case_row(case: Case) -> tuple[object, ...]:
    """A case in the order of the columns of `write_cases`."""
    return (
        *(case.case_id, case.subject, case.family.value, case.rule_id, int(case.priority)),
        *(case.state.value, case.opened_at, case.last_point_at, case.last_rang_at),
        *(case.ended_at, case.outcome, case.limb, _ENCODER.encode(case.facts).decode()),
        *(case.began_at, case.decided_at, case.decided_on, case.is_confirmed),
    )


def alert_row(alert: Alert, *, synthetic: bool) -> tuple[object, ...]:
    """An alert in the order of the columns of `write_alerts`."""
    return (
        *(alert.alert_id, alert.case_id, alert.subject, alert.kind.value, int(alert.priority)),
        *(alert.family.value, alert.rule_id, alert.rule_version, alert.rule_hash),
        *(alert.stage.value, alert.dated, alert.raised_at, alert.effective_at, synthetic),
        alert.evidence,
    )


def taken_of(row: asyncpg.Record) -> Taken:
    """The decision that a row of all its columns keeps."""
    return Taken(
        name=row["alert_id"],
        case_id=row["case_id"],
        rule_id=row["rule_id"],
        stage=Stage(row["stage"]),
        trigger=row["trigger"],
        limb=row["limb"],
        priority=Priority(row["priority"]),
        effective_at=row["effective_at"],
        due_at=row["due_at"],
        began_at=row["began_at"],
        dated=row["dated"],
        facts=_FACTS.decode(row["facts"]),
        is_lost=row["is_lost"],
    )


def taken_row(taken: Taken) -> tuple[object, ...]:
    """A decision in the order of the columns of `write_taken`."""
    return (
        *(taken.name, taken.case_id, taken.rule_id, taken.stage.value, taken.trigger, taken.limb),
        *(int(taken.priority), taken.effective_at, taken.due_at, taken.began_at, taken.dated),
        *(_ENCODER.encode(taken.facts).decode(), taken.is_lost),
    )
