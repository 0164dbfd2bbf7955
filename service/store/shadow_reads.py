"""What rules in shadow would have asked for, beside what rang; and one alert's evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec

from rules.vocabulary import Priority, SubjectRef
from service.backtest.figures import Difference, Figures, Measured, difference, figures
from service.backtest.known_people import Doctor
from service.store.database import Database, load_statements
from service.store.operator_name import by_operator
from service.store.viewing import beyond_view

_SQL = load_statements("shadow_reads.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """An alert, or what would have been one."""

    alert_id: str
    subject: SubjectRef
    rule_id: str
    priority: Priority
    dated: bool
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """One variant beside the live rules, from `since` until `through`."""

    variant: str
    packs: Mapping[str, int]
    since: datetime
    through: datetime
    live: Figures
    shadow: Figures
    change: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAlert:
    """An alert as it is pinned: rule, version, hash, and the evidence it rested on.

    `variant` names the rules in shadow that would have raised it; empty where it rang.
    """

    variant: str
    subject: str
    rule_id: str
    rule_version: int
    rule_hash: str
    stage: str
    raised_at: datetime
    evidence: str


class ShadowReads(Database):
    """Counts over alerts and days that name nobody; and, audited, one alert's evidence."""

    async def kept_alert(self, alert_id: UUID, now: datetime) -> KeptAlert | None:
        """An alert that rang, or would have; None where there is none of that id."""
        row = await self.pool.fetchrow(_SQL["kept_alert"], alert_id)
        subject = None if row is None else row["subject"]
        detail = {"alert": str(alert_id), **by_operator()}
        await self.audit(None, "explained alert", subject, detail, now)
        return None if row is None else KeptAlert(**dict(row))

    async def shadow_reports(self, now: datetime) -> list[ShadowReport]:
        """Every variant that is followed, by name; of the whole county, whoever asks."""
        with beyond_view():  # numbers by rule, and by patient and doctor without saying which
            return await self._shadow_reports(now)

    async def _shadow_reports(self, now: datetime) -> list[ShadowReport]:
        rows = await self.pool.fetch(_SQL["variants"])
        if not rows:
            return []
        doctors = {
            SubjectRef(row["subject"]): Doctor(row["family_doctor"])
            for row in await self.pool.fetch(_SQL["doctors"], self.today(now))
        }
        found: list[ShadowReport] = []
        for row in rows:
            since, through = row["since"], max(row["taken_at"], row["since"])
            people = await self._measured(since, through)
            live = _rung(await self.pool.fetch(_SQL["live"], since, through))
            shadow = _rung(await self.pool.fetch(_SQL["shadow"], row["variant"], through))
            found.append(
                ShadowReport(
                    variant=row["variant"],
                    packs=msgspec.json.decode(row["packs"], type=dict[str, int]),
                    since=since,
                    through=through,
                    live=figures(people, live, doctors, self.zone),
                    shadow=figures(people, shadow, doctors, self.zone),
                    change=difference(live, shadow),
                )
            )
        return found

    async def _measured(self, since: datetime, through: datetime) -> dict[SubjectRef, Measured]:
        days: dict[SubjectRef, set[date]] = {}
        readings: dict[SubjectRef, int] = {}
        for row in await self.pool.fetch(_SQL["measured"], since, through, self.zone.key):
            days.setdefault(row["subject"], set()).add(row["day"])
            readings[row["subject"]] = readings.get(row["subject"], 0) + row["readings"]
        return {
            subject: Measured(days=frozenset(own), readings=readings[subject])
            for subject, own in days.items()
        }


def _rung(rows: Sequence[asyncpg.Record]) -> list[Rung]:
    return [
        Rung(
            alert_id=row["alert_id"],
            subject=row["subject"],
            rule_id=row["rule_id"],
            priority=Priority(row["priority"]),
            dated=row["dated"],
            raised_at=row["raised_at"],
        )
        for row in rows
    ]
