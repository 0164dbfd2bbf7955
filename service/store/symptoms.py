"""How does the person feel? What to ask after a reading, and what somebody has told of it.

What is told goes to the core as an observation (D3), on the way of every fact, and is judged by the
same rules as a reading; the record that it was told, and by whom, stays here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from gateway.facts import ObservationFact
from rules.asking import ASKED_FOR, Question, question
from rules.vocabulary import (
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    Origin,
    Profile,
    SubjectRef,
    TimeConfidence,
    Vital,
)
from rules.window import Point, Window
from rules.words import WORDS, Parameter
from service.store.database import Connection, load_statements, write_audit
from service.store.lives import add_event, wake_page
from service.store.own import NotAPatientError, append_inbox
from service.store.records import Account
from service.store.rows import judged_point
from service.store.rule_changes import RuleChanges
from service.store.viewing import beyond_view, widen

_SQL = load_statements("symptoms.sql")
_PROFILES = msgspec.json.Decoder(Profile)

TOLD_LATELY = timedelta(hours=2)
ASKED_AT_HOME_FOR = timedelta(hours=24)
"""How long somebody at home who was told of an alert is asked how the person is."""

_PAGE = HubId("page")
_CONTEXT_OF = {"self": "own_word", "home": "home_word", "staff": "staff_word"}

Teller = Literal["self", "home", "staff"]


class UntellableError(ValueError):
    """Neither a symptom nor "all right", both at once, or a word that is no symptom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One press of a button: these symptoms, or with none of them that the person is all right.

    `form` names the page it was pressed on: sent again it is the same.
    """

    form: UUID
    symptoms: tuple[str, ...] = ()
    fine: bool = False

    def __post_init__(self) -> None:
        """Checks the words.

        Raises:
            UntellableError: as the class says.
        """
        known = WORDS[Parameter.SYMPTOM].issuperset(self.symptoms)
        if not known or self.fine is bool(self.symptoms):
            raise UntellableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was told at `at`."""

    symptoms: tuple[str, ...]
    fine: bool
    teller: Teller
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeling:
    """What to ask of one person now, and what was told lately, newest first."""

    asked: Question
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHome:
    """An open alert about somebody else of the home, or a prompt, of which this account was told.

    `alert_id` is the prompt's own where there is no alert.
    """

    alert_id: UUID
    raised_at: datetime
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    person_id: UUID
    subject: str
    teller: Teller
    alert_id: UUID | None = None


class Symptoms(RuleChanges):
    """Each call is bound to the account in SQL and audited under the person."""

    async def own_feeling(self, account: Account, now: datetime) -> Feeling:
        """What the patient is asked, and has told.

        Raises:
            NotAPatientError: the account is staff.
        """
        person_id, subject = _own(account)
        await self.audit(account, "read own symptoms", subject, {}, now)
        return await self._feeling(person_id, subject, now)

    async def feeling_of_person(
        self, account: Account, person_id: UUID, now: datetime
    ) -> Feeling | None:
        """What a clinician may ask somebody of the own people; None where they are not theirs."""
        about = await self._person(account, person_id, now)
        if about is None:
            return None
        await self.audit(account, "read symptoms", about.subject, {}, now)
        return await self._feeling(about.person_id, about.subject, now)

    async def feeling_of_alert(
        self, account: Account, alert_id: UUID, now: datetime
    ) -> Feeling | None:
        """The same about whom an open alert is; None where it is not this account's."""
        with beyond_view():  # bound in SQL to the account and the alert
            about = await self._alert(account, alert_id, now)
            if about is None:
                return None
            found = await self._feeling(about.person_id, about.subject, now)
        await self.audit(account, "read symptoms", about.subject, {"alert": str(alert_id)}, now)
        return found

    async def asked_at_home(self, account: Account, now: datetime) -> list[AtHome]:
        """Others of the home whom this patient's account was told to look after."""
        with beyond_view():  # bound in SQL to what was sent to the account
            who = (account.account_id, now - ASKED_AT_HOME_FOR)
            rows = await self.pool.fetch(_SQL["at_home"], *who)
            known = {row["person_id"] for row in rows}
            followed = await self.pool.fetch(_SQL["followed"], account.account_id, now - ASKED_FOR)
            rows += [row for row in followed if row["person_id"] not in known]
            found = [
                AtHome(
                    alert_id=row["alert_id"],
                    raised_at=row["raised_at"],
                    told=await self._told(row["person_id"], now),
                )
                for row in rows
            ]
        shown = (row["subject"] for row in rows)
        await self.audit_shown(account, "read asked at home", shown, now)
        return found

    async def tell_own(self, account: Account, telling: Telling, now: datetime) -> None:
        """The patient tells how they feel.

        Raises:
            NotAPatientError: the account is staff.
        """
        person_id, subject = _own(account)
        about = _About(person_id=person_id, subject=subject, teller="self")
        await self._tell(account, about, telling, now)

    async def tell_of_person(
        self, account: Account, person_id: UUID, telling: Telling, now: datetime
    ) -> bool:
        """A clinician tells what somebody of the own people says; False where they are not."""
        about = await self._person(account, person_id, now)
        if about is None:
            await self.audit(account, "refused symptoms", None, {"person": str(person_id)}, now)
            return False
        await self._tell(account, about, telling, now)
        return True

    async def tell_of_alert(
        self, account: Account, alert_id: UUID, telling: Telling, now: datetime
    ) -> bool:
        """Whoever was told of an open alert tells how its person is; False where it is not theirs.

        A clinician on the phone, somebody at home, or whoever holds a message's key; or, by the id
        of what a rule has said at home lately, whoever it said it to.
        """
        with beyond_view():  # bound in SQL to the account and the alert
            about = await self._alert(account, alert_id, now)
        if about is None:
            await self.audit(account, "refused symptoms", None, {"alert": str(alert_id)}, now)
            return False
        await self._tell(account, about, telling, now)
        return True

    async def _person(self, account: Account, person_id: UUID, now: datetime) -> _About | None:
        who = (account.account_id, person_id, self.today(now))
        row = await self.pool.fetchrow(_SQL["of_person"], *who)
        if row is None:
            return None
        return _About(person_id=row["person_id"], subject=row["subject"], teller="staff")

    async def _alert(self, account: Account, alert_id: UUID, now: datetime) -> _About | None:
        who = (account.account_id, alert_id, self.today(now))
        row = await self.pool.fetchrow(_SQL["of_alert"], *who)
        is_alert = row is not None
        if row is None:
            lately = now - ASKED_FOR
            row = await self.pool.fetchrow(_SQL["of_prompt"], *who[:2], lately)
        if row is None:
            return None
        own = row["person_id"] == account.person_id
        return _About(
            person_id=row["person_id"],
            subject=row["subject"],
            teller="staff" if row["by_staff"] else "self" if own else "home",
            alert_id=alert_id if is_alert else None,
        )

    async def _feeling(self, person_id: UUID, subject: str, now: datetime) -> Feeling:
        rows = await self.pool.fetch(_SQL["recent"], person_id, now - ASKED_FOR, now)
        body = await self.pool.fetchval(_SQL["profile"], subject)
        profile = _PROFILES.decode(body) if body else Profile(subject=SubjectRef(subject))
        told = await self._told(person_id, now)
        points = (
            *map(judged_point, rows),
            *(_felt(each, number) for number, each in enumerate(told)),
        )
        window = Window(points=points, profile=profile, zone=self.zone)
        live = (await self.packs_now()).packs.live
        return Feeling(asked=question(live, window, now) if rows else Question(), told=told)

    async def _told(self, person_id: UUID, now: datetime) -> tuple[Told, ...]:
        rows = await self.pool.fetch(_SQL["told"], person_id, now - TOLD_LATELY)
        return tuple(
            Told(
                symptoms=tuple(row["symptoms"]),
                fine=row["fine"],
                teller=row["teller"],
                at=row["at"],
            )
            for row in rows
        )

    async def _tell(self, account: Account, about: _About, telling: Telling, now: datetime) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await widen(connection)  # the right was asked; what follows is the act's
            kept = await connection.fetchval(
                _SQL["keep"],
                *(telling.form, about.person_id, about.alert_id, account.account_id, about.teller),
                *(list(telling.symptoms), telling.fine, now),
            )
            if kept is None:
                return  # the same form once more
            fact = ObservationFact(
                subject=SubjectRef(about.subject), observation=_observation(about, telling, now)
            )
            await append_inbox(connection, "observation", fact, now)
            detail = {"symptoms": len(telling.symptoms), "fine": int(telling.fine)}
            said = (account.account_id, "told symptoms", about.subject, detail, now)
            await write_audit(connection, *said)
            await _onto_timelines(connection, account, about, telling, now)
            await wake_page(connection, f"subject:{about.subject}", "symptom told")


async def _onto_timelines(
    connection: Connection, account: Account, about: _About, telling: Telling, now: datetime
) -> None:
    """Every open alert about the person says that it was told, and by whom."""
    what = "all right" if telling.fine else "symptoms told"
    detail = {"symptoms": ",".join(telling.symptoms), "teller": about.teller}
    for row in await connection.fetch(_SQL["open_of_person"], about.person_id):
        actor = str(account.account_id)
        await add_event(connection, row["alert_id"], actor, what, detail, now)


def _observation(about: _About, telling: Telling, now: datetime) -> Observation:
    said = {"answer": "ok"} if telling.fine else {"symptom": ",".join(telling.symptoms)}
    return Observation(
        device=DeviceRef(manufacturer="Hearthwatch", model="told", serial=about.subject),
        kind=Vital.SYMPTOM,
        quantities={},
        received=HubStamp(boot_id="page", monotonic_s=0.0, wall=now, wall_trusted=True),
        hub=_PAGE,
        session=str(telling.form),
        origin=Origin.PERSON,
        context={**said, "by": _CONTEXT_OF[about.teller]},
        source="page",
    )


def _felt(told: Told, number: int) -> Point:
    """What was told already: it is not asked again, and an answer has ended its wait."""
    return Point(
        identity=f"told-{number}",
        kind=Vital.SYMPTOM,
        device="",
        effective_at=told.at,
        received_at=told.at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.PERSON,
        values={},
        context={"answer": "ok"} if told.fine else {"symptom": ",".join(told.symptoms)},
    )


def _own(account: Account) -> tuple[UUID, str]:
    if account.person_id is None or account.subject is None:
        raise NotAPatientError
    return account.person_id, account.subject
