"""The township's door: what the CDC asks about the own township, and the answer to it."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.surveillance.no_person import names_somebody
from service.surveillance.signal_store import NoSignalError, Signals, TownshipAnswer
from service.surveillance.signal_words import Verified
from service.surveillance.workflow import WorkflowError
from service.web.errors import error_page
from service.web.language import mark, say
from service.web.rendering import language_of, render
from service.web.words import WORDS

router = APIRouter(prefix="/verify")

Parts = Annotated[Services, Depends(services_of)]
Number = Annotated[int, Field(ge=0, le=100_000)] | Literal[""]  # an empty field of a form
Verifier = Annotated[Account, Depends(requires(Permission.VERIFY_SIGNALS))]


_REFUSALS = {
    "person": mark("Please write no telephone or identity number; the CDC may not know persons."),
    "state": mark("The CDC no longer waits for this answer."),
}


@router.get("", response_model=None)
async def page(
    request: Request, parts: Parts, account: Verifier, *, saved: bool = False
) -> Response:
    """What this township was asked, open questions first."""
    return await _page(request, parts, account, saved=saved)


@router.post("/{verification}", response_model=None)
async def answer(  # noqa: PLR0913 -- the fields of one form
    request: Request,
    *,
    parts: Parts,
    account: Verifier,
    verification: UUID,
    finding: Annotated[Verified, Form()],
    account_text: Annotated[str, Form(alias="account", min_length=1, max_length=1000)],
    cases: Annotated[Number | None, Form()] = None,
    looked_at: Annotated[list[str], Form()] = [],  # noqa: B006 -- FastAPI copies it
) -> Response:
    """Takes the answer; 404 where the question is another township's or was answered."""
    if names_somebody(account_text):
        return await _page(request, parts, account, refused="person")
    said = TownshipAnswer(
        finding=finding,
        cases=cases if isinstance(cases, int) else None,
        looked_at=tuple(code for code in WORDS["looked_at"] if code in looked_at),
        account=account_text.strip(),
    )
    try:
        store = Signals(parts.store.pool, parts.store.zone, parts.settings.release_floor)
        await store.answer(account, verification, said, parts.clock.now())
    except NoSignalError:
        return await error_page(request, 404)
    except WorkflowError:
        return await _page(request, parts, account, refused="state")
    return RedirectResponse("/verify?saved=true", status_code=303)


async def _page(
    request: Request, parts: Services, account: Account, *, saved: bool = False, refused: str = ""
) -> Response:
    store = Signals(parts.store.pool, parts.store.zone, parts.settings.release_floor)
    language = language_of(request, account)
    facts: dict[str, object] = {
        "questions": await store.questions(account, parts.clock.now()),
        "findings": [one.value for one in Verified],
        "places": list(WORDS["looked_at"]),
        "saved": saved,
        "refused": say(language, _REFUSALS[refused]) if refused else "",
    }
    return render(request, account, "verify.html", facts, status=409 if refused else 200)
