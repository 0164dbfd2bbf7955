"""The patient's own doors: what they allow, and who has read about them and why."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.consent import Purpose, Reader, Standing
from service.store.records import Account
from service.web.language import mark, say
from service.web.rendering import language_of, render
from service.web.words import word

router = APIRouter(prefix="/patient/privacy")

Parts = Annotated[Services, Depends(services_of)]
Own = Annotated[Account, Depends(requires(Permission.CONSENT_OWN))]

_PURPOSES = {
    Purpose.CARE: (
        mark("My doctors may see my readings"),
        mark(
            "Without this nobody new sees your readings and your devices are let go. An urgent "
            "alert that is open now is still brought to its end."
        ),
    ),
    Purpose.COUNTS: (
        mark("I am counted in the township's numbers"),
        mark("The county's centre for disease control sees numbers of townships, never a person."),
    ),
    Purpose.RESEARCH: (
        mark("My past readings may be replayed to try new rules"),
        mark("Nobody sees a name while this is done."),
    ),
}
_BECAUSE = {
    "contract": mark("responsible for you by contract or as deputy"),
    "alert": mark("an alert about you was brought to them"),
    "break_glass": mark("without being responsible, for this reason:"),
    None: mark("administration, without readings"),
    "own": mark("you yourself"),
}

_BY_COMMAND = mark("by a command, to run the machine or to explain an alert")


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeLine:
    """One purpose with its button."""

    purpose: str
    title: str
    sentence: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLine:
    """One reader of one day."""

    day: date
    who: str
    place: str
    times: int
    why: str
    reason: str


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Own) -> Response:
    """What is allowed, and who has read."""
    now, language = parts.clock.now(), language_of(request, account)
    standings = await parts.store.consents(account, now)
    readers = await parts.store.readers(account, now)
    facts = {
        "purposes": [_purpose(each, language) for each in standings],
        "readers": [_reader(each, language) for each in readers],
        "relatives": await parts.store.relatives(account, now),
    }
    return render(request, account, "privacy.html", facts)


@router.post("", response_model=None)
async def say_consent(
    parts: Parts,
    account: Own,
    purpose: Annotated[Purpose, Form()],
    said: Annotated[Literal["give", "withdraw"], Form()],
) -> Response:
    """Gives or takes back; it holds before the answer is sent."""
    act = parts.store.give if said == "give" else parts.store.withdraw
    await act(account, purpose, parts.clock.now())
    return RedirectResponse("/patient/privacy", status_code=303)


@router.post("/followers", response_model=None)
async def say_follower(
    parts: Parts,
    account: Own,
    relative: Annotated[UUID, Form()],
    said: Annotated[Literal["give", "withdraw"], Form()],
) -> Response:
    """Lets somebody of the home follow, or not any more; others are left as they are."""
    now = parts.clock.now()
    await parts.store.say_follower(account, relative, now, allowed=said == "give")
    return RedirectResponse("/patient/privacy", status_code=303)


def _purpose(standing: Standing, language: str) -> PurposeLine:
    title, sentence = _PURPOSES[standing.purpose]
    return PurposeLine(
        purpose=standing.purpose.value,
        title=say(language, title),
        sentence=say(language, sentence),
        standing=standing,
    )


def _reader(reader: Reader, language: str) -> ReaderLine:
    because = _BY_COMMAND if reader.role == "operator" else _BECAUSE[reader.because]
    return ReaderLine(
        day=reader.day,
        who=reader.name or word(language, "role", reader.role),
        place=reader.institution or "",
        times=reader.times,
        why=say(language, because),
        reason=reader.reason or "",
    )
