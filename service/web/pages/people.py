"""A clinician's people: the list, and everything around one person that is no reading."""

from datetime import date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from rules.vocabulary import PersonStatus
from service.auth import requires
from service.care.status import LONGEST_PAUSE, PASSING, Finding, Said, Source
from service.care.written import Outcome, Written
from service.permissions import Permission
from service.services import Services, services_of
from service.store.panel import LONGEST_NOTE, MOST_PEOPLE
from service.store.records import Account
from service.surveillance.dispensing_store import Dispensings
from service.web.errors import error_page
from service.web.feeling_view import feeling_view
from service.web.rendering import language_of, render
from service.web.told_form import ToldForm
from service.web.words import word

router = APIRouter(prefix="/people")

Parts = Annotated[Services, Depends(services_of)]
Reader = Annotated[Account, Depends(requires(Permission.READ_PEOPLE))]
Writer = Annotated[Account, Depends(requires(Permission.CHANGE_PEOPLE))]


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Reader, name: str = "") -> Response:
    """The people of the own contracts, and deaths that are to be looked back upon."""
    return await _list(request, parts, account, name=name[:40])


@router.get("/{person_id}", response_model=None)
async def person(request: Request, parts: Parts, account: Reader, person_id: UUID) -> Response:
    """One person; 404 where this account does not care for them."""
    return await _person(request, parts, account, person_id)


@router.post("/{person_id}/reviewed", response_model=None)
async def reviewed(request: Request, parts: Parts, account: Writer, person_id: UUID) -> Response:
    """Stamps that the account has looked through the person's readings."""
    done = await parts.store.look_through(account, person_id, parts.clock.now())
    return _back(person_id) if done else await error_page(request, 404)


@router.post("/{person_id}/notes", response_model=None)
async def write_note(
    request: Request,
    parts: Parts,
    account: Writer,
    person_id: UUID,
    text: Annotated[str, Form(min_length=1, max_length=LONGEST_NOTE)],
) -> Response:
    """Leaves a note for the others who care for this person."""
    done = await parts.store.add_note(account, person_id, text.strip(), parts.clock.now())
    return _back(person_id) if done else await error_page(request, 404)


@router.post("/{person_id}/seen", response_model=None)
async def seen(request: Request, parts: Parts, account: Writer, person_id: UUID) -> Response:
    """Marks the others' notes as read by this account."""
    done = await parts.store.see_notes(account, person_id, parts.clock.now())
    return _back(person_id) if done else await error_page(request, 404)


@router.post("/{person_id}/status", response_model=None)
async def say(  # noqa: PLR0913, PLR0917 -- a form's fields
    request: Request,
    parts: Parts,
    account: Writer,
    person_id: UUID,
    status: Annotated[PersonStatus, Form()],
    source: Annotated[Source, Form()],
    first_day: Annotated[date | None, Form()] = None,
    last_day: Annotated[date | None, Form()] = None,
) -> Response:
    """Says whether the person is at home, away or dead; days are the county's, both included."""
    now = parts.clock.now()
    said = said_of(person_id, status, source, (first_day, last_day), now, parts)
    written = await parts.store.say_status(account, said, now)
    return await _after(request, parts, account, person_id, written)


@router.post("/{person_id}/symptoms", response_model=None)
async def symptoms(
    request: Request,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.TELL_SYMPTOMS))],
    person_id: UUID,
    told: ToldForm,
) -> Response:
    """What the person says on the phone, before anything has rung."""
    if told is None:
        return await error_page(request, 422)
    done = await parts.store.tell_of_person(account, person_id, told, parts.clock.now())
    return _back(person_id) if done else await error_page(request, 404)


@router.post("/{person_id}/merge", response_model=None)
async def merge(
    request: Request,
    parts: Parts,
    account: Writer,
    person_id: UUID,
    other: Annotated[UUID, Form()],
    why: Annotated[str, Form(min_length=1, max_length=200)],
) -> Response:
    """Lets `other` be another registration of this person."""
    now = parts.clock.now()
    written = await parts.store.merge_people(account, person_id, other, why, now)
    return await _after(request, parts, account, person_id, written)


@router.post("/{person_id}/unmerge", response_model=None)
async def unmerge(
    request: Request, parts: Parts, account: Writer, person_id: UUID, other: Annotated[UUID, Form()]
) -> Response:
    """Takes `other` apart from this person again."""
    written = await parts.store.unmerge_people(account, other, parts.clock.now())
    return await _after(request, parts, account, person_id, written)


@router.post("/reviews/{review_id}/close", response_model=None)
async def close_review(
    request: Request,
    parts: Parts,
    account: Writer,
    review_id: UUID,
    finding: Annotated[Finding, Form()],
) -> Response:
    """Ends looking back upon a death, with what was found."""
    now = parts.clock.now()
    written = await parts.store.close_death_review(account, review_id, finding, now)
    if written.outcome is Outcome.UNKNOWN_ROW:
        return await error_page(request, 404)
    return RedirectResponse("/people", status_code=303)


def said_of(
    person_id: UUID,
    status: PersonStatus,
    source: Source,
    days: tuple[date | None, date | None],
    now: datetime,
    parts: Services,
) -> Said:
    """What a form says: from now where the first day has begun, to the end of the last."""
    zone = parts.settings.county_zone
    first, last = days
    starts_at = max(now, _midnight(first, zone)) if first and status in PASSING else now
    ends = _midnight(last + timedelta(days=1), zone) if last else None
    return Said(
        person_id=person_id,
        status=status,
        starts_at=starts_at,
        expires_at=ends if status in PASSING else None,
        source=source,
    )


async def _list(request: Request, parts: Services, account: Account, *, name: str) -> Response:
    now = parts.clock.now()
    found = await parts.store.panel(account, name, now)
    reviews = await parts.store.death_reviews(account, now)
    facts = {
        "people": found,
        "more": len(found) == MOST_PEOPLE,
        "name": name,
        "reviews": reviews,
        "findings": list(Finding),
    }
    return render(request, account, "people.html", facts)


async def _person(
    request: Request, parts: Services, account: Account, person_id: UUID, *, refused: str = ""
) -> Response:
    now = parts.clock.now()
    found = await parts.store.person_page(account, person_id, now)
    if found is None:
        return await error_page(request, 404)
    supplies = Dispensings(parts.store.pool, parts.store.zone)
    feeling = await parts.store.feeling_of_person(account, person_id, now)
    path = f"/people/{person_id}/symptoms"
    facts = {
        "person": found,
        "covers": await supplies.covers_of(account, person_id, found.subject, now),
        "feeling": feeling_view(feeling, path, language_of(request, account)) if feeling else None,
        "refused": refused,
        "statuses": list(PersonStatus),
        "sources": [source for source in Source if source is not Source.IMPORT],
        "today": parts.store.today(now),
        "latest": parts.store.today(now + LONGEST_PAUSE),
    }
    return render(request, account, "person.html", facts, status=409 if refused else 200)


async def _after(
    request: Request, parts: Services, account: Account, person_id: UUID, written: Written
) -> Response:
    if written.good:
        return _back(person_id)
    refused = word(language_of(request, account), "written", written.outcome.value)
    return await _person(request, parts, account, person_id, refused=refused)


def _back(person_id: UUID) -> Response:
    return RedirectResponse(f"/people/{person_id}", status_code=303)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)
