"""Warning signals for CDC officers: eight o'clock, the inbox, one signal, townships by day.

What a page may say of a signal is decided in `service.surveillance.showing`, before it gets here.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission, allows
from service.services import Services, services_of
from service.store.records import Account
from service.surveillance.daily_signals import form_drill
from service.surveillance.no_person import names_somebody
from service.surveillance.signal_records import Signal
from service.surveillance.signal_store import Deed, NoSignalError, Signals
from service.surveillance.signal_words import Cause, Risk
from service.surveillance.workflow import Act, State, WorkflowError
from service.web.errors import error_page
from service.web.language import mark, say
from service.web.rendering import language_of, render
from service.web.signal_desk import Desk, morning_of, open_desk
from service.web.signal_page_view import Known, signal_page
from service.web.signal_pictures import map_of, township_grid
from service.web.signal_view import all_acts, one_tap, taken_back
from service.web.words import word

router = APIRouter(prefix="/signals")

Parts = Annotated[Services, Depends(services_of)]
Reader = Annotated[Account, Depends(requires(Permission.READ_SIGNALS))]
Worker = Annotated[Account, Depends(requires(Permission.WORK_SIGNALS))]

_REFUSALS = {
    "state": mark("The signal has moved on in the meantime; this is no longer possible."),
    "no_reason": mark("Please say why."),
    "not_verified": mark("First the township must have verified it."),
    "arriving": mark("A source is still expected; nothing is dismissed before it is in."),
    "top": mark("There is no level above."),
    "cause": mark("Please choose a cause."),
    "risk": mark("Please choose a level of risk."),
    "other": mark("Please choose another signal."),
    "person": mark("Please write no telephone or identity number; the CDC may not know persons."),
}
_OTHER = mark("That did not work")
_NO_DRILL = mark("The sources of this township would not notice that; nothing was formed.")
_CHOICES = {"causes": [one.value for one in Cause], "risks": [one.value for one in Risk]}


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Reader) -> Response:
    """Eight o'clock: what is new, what waits for me, what cannot be judged, what grew."""
    return await _morning(request, parts, account)


@router.get("/all", response_model=None)
async def inbox(
    request: Request,
    parts: Parts,
    account: Reader,
    state: Annotated[str, Query(max_length=20)] = "open",
) -> Response:
    """Every listed signal by grade and age; `state` is `open`, or one state."""
    desk = await open_desk(parts, account, language_of(request, account))
    lines = [
        one
        for one in desk.lines
        if (one.waits_for if state == "open" else one.state == state) or state == "all"
    ]
    states = [one.value for one in State]
    facts: dict[str, object] = {"lines": lines, "state": state, "states": states, **_CHOICES}
    return render(request, account, "signal_list.html", facts)


@router.get("/places", response_model=None)
async def places(request: Request, parts: Parts, account: Reader) -> Response:
    """Townships by day, and the map: the colours of signals that the reader may know of."""
    desk = await open_desk(parts, account, language_of(request, account))
    grid = township_grid(desk.names, desk.signals, desk.unjudged(), desk.today)
    drawn = map_of(desk.names, await desk.store.shapes(list(desk.names)), grid)
    return render(request, account, "signal_places.html", {"grid": grid, "map": drawn})


@router.post("/drill", response_model=None)
async def drill(
    request: Request,
    parts: Parts,
    account: Worker,
    area: Annotated[str, Form(max_length=200)],
    cases: Annotated[int, Form(ge=1, le=500)],
) -> Response:
    """Forms an exercise: an invented outbreak of so many cases a day in three sources."""
    now = parts.clock.now()
    store = _store(parts)
    floor = parts.settings.release_floor
    if area not in await store.townships(account):
        return await error_page(request, 404)
    if cases < floor:
        return await _morning(
            request, parts, account, say(language_of(request, account), _NO_DRILL)
        )
    await store.audit(account, "began an exercise", None, {"area": area, "cases": cases}, now)
    formed = await form_drill(
        parts.store.pool,
        area,
        cases,
        now,
        parts.settings.county_zone,
        floor=floor,
    )
    if not formed:
        return await _morning(
            request, parts, account, say(language_of(request, account), _NO_DRILL)
        )
    return RedirectResponse(f"/signals/{formed[0]}", status_code=303)


@router.get("/{signal_id}", response_model=None)
async def one(request: Request, parts: Parts, account: Reader, signal_id: UUID) -> Response:
    """Why, where, since when, which source, what was normal; 404 where it may not be known of."""
    return await _one(request, parts, account, signal_id)


@router.post("/{signal_id}/act", response_model=None)
async def act(  # noqa: PLR0913 -- the fields of one form
    request: Request,
    *,
    parts: Parts,
    account: Worker,
    signal_id: UUID,
    act: Annotated[Act, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
    cause: Annotated[Cause | None, Form()] = None,
    risk: Annotated[Risk | None, Form()] = None,
    other: Annotated[UUID | None, Form()] = None,
    question: Annotated[str, Form(max_length=500)] = "",
    back: Annotated[bool, Form()] = False,
) -> Response:
    """Does one step of the workflow; back to the list where it came from there."""
    language = language_of(request, account)
    said = reason.strip() or question.strip() or _plain_reason(language, act, cause, risk)
    deed = Deed(
        act=act,
        reason=said,
        cause=cause,
        risk=risk,
        duplicate_of=other,
        question=question.strip() or said,
    )
    try:
        if act is Act.ANSWER:
            raise WorkflowError("state")  # the township answers at its own door
        if names_somebody(deed.reason, deed.question):
            raise WorkflowError("person")
        store = _store(parts)
        await store.act(account, signal_id, deed, parts.clock.now())
    except NoSignalError:
        return await error_page(request, 404)
    except WorkflowError as error:
        refused = say(language, _REFUSALS.get(error.reason, _OTHER))
        if back:
            return await _morning(request, parts, account, refused)
        return await _one(request, parts, account, signal_id, refused)
    return RedirectResponse("/signals" if back else f"/signals/{signal_id}", status_code=303)


@router.post("/{signal_id}/look", response_model=None)
async def look(
    request: Request,
    parts: Parts,
    account: Worker,
    signal_id: UUID,
    purpose: Annotated[str, Form(min_length=4, max_length=300)],
) -> Response:
    """Opens the exact counts to the named duty officer, for the purpose that is stated."""
    try:
        await _store(parts).look(account, signal_id, purpose.strip(), parts.clock.now())
    except NoSignalError:
        return await error_page(request, 404)
    return RedirectResponse(f"/signals/{signal_id}", status_code=303)


async def _morning(
    request: Request, parts: Services, account: Account, refused: str = ""
) -> Response:
    desk = await open_desk(parts, account, language_of(request, account))
    facts: dict[str, object] = {
        "morning": morning_of(desk),
        "verified": desk.verified_lines(),
        "verified_week": desk.verified,
        "duty": desk.duty,
        "townships": desk.names,
        "may_drill": allows(account.role, Permission.WORK_SIGNALS),
        "refused": refused,
        "one_tap": one_tap,
        "one_tap_all": all_acts,
        "taken_back": taken_back,
        **_CHOICES,
    }
    status = 409 if refused else 200
    return render(request, account, "signals.html", facts, status=status)


async def _one(
    request: Request, parts: Services, account: Account, signal_id: UUID, refused: str = ""
) -> Response:
    desk = await open_desk(parts, account, language_of(request, account), signal_id)
    if not desk.signals:
        return await error_page(request, 404)
    page = await _page_of(desk, desk.signals[0])
    facts: dict[str, object] = {"page": page, "refused": refused, **_CHOICES}
    return render(request, account, "signal.html", facts, status=409 if refused else 200)


async def _page_of(desk: Desk, signal: Signal) -> object:
    verifications = await desk.store.verifications([signal])
    known = Known(
        line=desk.lines[0],
        events=desk.events,
        verifications=verifications,
        provisional=desk.provisional,
        today=desk.today,
        beside=await desk.store.beside(signal, desk.now),
    )
    return signal_page(signal, known, desk.language)


def _plain_reason(language: str, act: Act, cause: Cause | None, risk: Risk | None) -> str:
    if cause is not None:
        return word(language, "cause", cause.value)
    if risk is not None:
        return word(language, "risk", risk.value)
    return word(language, "act", act.value)


def _store(parts: Services) -> Signals:
    return Signals(parts.store.pool, parts.store.zone, parts.settings.release_floor)
