"""Answering from a message: whoever holds its key sees what is asked and says one of the answers.

Reading changes nothing, so a messenger that fetches links before people do acknowledges nothing
(hazard H10). The page names no person and no value; for those one signs in.
"""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from rules.asking import MOST_DANGEROUS_FIRST
from rules.vocabulary import Priority
from service.alerts.lifecycle import Answer, LifecycleError, LifeState
from service.permissions import public
from service.services import Services, services_of
from service.store.deliveries import Link, LinkedAlert
from service.web.language import mark, say
from service.web.rendering import language_of, render
from service.web.told_form import ToldForm

router = APIRouter(prefix="/answer")

Parts = Annotated[Services, Depends(services_of)]

_EMERGENCY = (Answer.CONTACTED, Answer.GOING, Answer.CANNOT)
_REFUSALS = {
    "closed": mark("This alert has been closed in the meantime."),
    "answer_required": mark("An emergency needs one of the three answers."),
    "gone": mark("This alert is no longer yours to answer."),
}
_NOTED = mark("Your answer has been noted.")


@router.get("/{token}", dependencies=[Depends(public())], response_model=None)
async def look(request: Request, parts: Parts, token: str) -> Response:
    """What the message asks; 404 where the key is none or its time is over."""
    return await _page(request, parts, token)


@router.post("/{token}", dependencies=[Depends(public())], response_model=None)
async def say_it(
    request: Request,
    parts: Parts,
    token: str,
    alert: Annotated[UUID | None, Form()] = None,
    answer: Annotated[Answer | None, Form()] = None,
) -> Response:
    """Answers one alert of the message, or the drill, as the account it was sent to."""
    now = parts.clock.now()
    link = await parts.store.message_link(token, now)
    if link is None:
        return await _page(request, parts, token)
    if link.drill_id is not None:
        await parts.store.answer_drill(link.drill_id, now)
        return await _page(request, parts, token, notice=_NOTED)
    if alert is None or answer is None or all(each.alert_id != alert for each in link.alerts):
        return await _page(request, parts, token, refused="gone")
    refused = await _answer(parts, link, alert, answer)
    return await _page(request, parts, token, notice="" if refused else _NOTED, refused=refused)


@router.post("/{token}/symptoms", dependencies=[Depends(public())], response_model=None)
async def tell(
    request: Request,
    parts: Parts,
    token: str,
    told: ToldForm,
    alert: Annotated[UUID | None, Form()] = None,
) -> Response:
    """How the person of one alert of the message feels, from whoever is with them."""
    now = parts.clock.now()
    link = await parts.store.message_link(token, now)
    if link is None or told is None:
        return await _page(request, parts, token)
    found = await parts.store.credentials(link.login)
    asked = any(each.alert_id == alert for each in link.alerts)
    if found is None or alert is None or not asked:
        return await _page(request, parts, token, refused="gone")
    done = await parts.store.tell_of_alert(found.account, alert, told, now)
    return await _page(
        request, parts, token, notice=_NOTED if done else "", refused="" if done else "gone"
    )


async def _answer(parts: Services, link: Link, alert: UUID, answer: Answer) -> str:
    """Why the answer was refused; empty when it was taken."""
    found = await parts.store.credentials(link.login)
    if found is None:
        return "gone"
    try:
        life = await parts.store.answer_alert(
            found.account,
            alert,
            said=answer,
            next_check_at=None,
            now=parts.clock.now(),
            by="message",
        )
    except LifecycleError as error:
        return error.reason if error.reason in _REFUSALS else "gone"
    return "" if life is not None else "gone"


async def _page(
    request: Request, parts: Services, token: str, *, notice: str = "", refused: str = ""
) -> Response:
    link = await parts.store.message_link(token, parts.clock.now())
    language = language_of(request, None)
    facts = {
        "token": token,
        "known": link is not None,
        "drill": link is not None and link.drill_id is not None,
        "asked": [_asked(each) for each in link.alerts] if link else [],
        "notice": say(language, notice) if notice else "",
        "refused": say(language, _REFUSALS[refused]) if refused else "",
    }
    status = 404 if link is None else 409 if refused else 200
    return render(request, None, "answer.html", facts, status=status)


def _asked(alert: LinkedAlert) -> dict[str, object]:
    emergency = alert.priority is Priority.EMERGENCY and not alert.dated
    is_open = alert.state is not LifeState.CLOSED
    return {
        "alert_id": alert.alert_id,
        "priority": alert.priority.word,
        "state": alert.state.value,
        "raised_at": alert.raised_at,
        "form": uuid4(),
        "symptoms": MOST_DANGEROUS_FIRST if is_open else (),
        "answers": [a.value for a in (_EMERGENCY if emergency else Answer)] if is_open else [],
    }
