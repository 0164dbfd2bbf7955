"""The clinicians' pages: worklist, why-card, answering and closing; one set for all three roles."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from gateway.intake import FUTURE_TOLERANCE
from service.alerts.follow_up import Improvement
from service.alerts.lifecycle import (
    Answer,
    LifecycleError,
    LifeState,
    Outcome,
    ShelfReason,
    WhyNot,
)
from service.auth import requires
from service.permissions import Permission, allows
from service.services import Services, services_of
from service.store.records import Account, AlertCard, Series
from service.web.chart import ChartBlock, blocks
from service.web.errors import error_page
from service.web.evidence import explained
from service.web.feeling_view import FeelingView, feeling_view
from service.web.language import mark, say
from service.web.population_view import rank_sentence
from service.web.rendering import language_of, render
from service.web.timeline_view import doubts_of, timeline_view
from service.web.told_form import ToldForm
from service.web.whose_view import settled_lines
from service.web.why_card import why_card
from service.web.words import word
from service.web.worklist_view import worklist

router = APIRouter(prefix="/doctor")

CHART_SPAN = timedelta(days=90)

Parts = Annotated[Services, Depends(services_of)]
Reader = Annotated[Account, Depends(requires(Permission.READ_WORKLIST))]
CardReader = Annotated[Account, Depends(requires(Permission.READ_ALERT))]

_TAKEN_BACK = mark(
    "Readings that came later change this: with them this alert would not have rung. "
    "Look at them before you close it."
)

_REFUSALS = {
    "closed": mark("This alert has been closed in the meantime."),
    "answer_required": mark("An emergency needs one of the three answers."),
    "next_check": mark("The next check lies in the past or too far ahead."),
    "unanswered": mark("Please answer the emergency before closing it."),
    "may_not_rest": mark("What is urgent is never put aside."),
    "expiry": mark("The end lies in the past or too far ahead."),
}


@router.get("", response_model=None)
async def page(
    request: Request, parts: Parts, account: Reader, *, closed: bool = False
) -> Response:
    """The worklist; `closed` says that the alert somebody came for is no longer open."""
    notice = "closed" if closed else ""
    return await _worklist(request, parts, account, "worklist.html", notice=notice)


@router.get("/worklist", response_model=None)
async def items(request: Request, parts: Parts, account: Reader) -> Response:
    """The worklist's lines alone: what an open page loads when an event says that it changed."""
    return await _worklist(request, parts, account, "worklist_items.html")


@router.get("/alerts/{alert_id}", response_model=None)
async def card(request: Request, parts: Parts, account: CardReader, alert_id: UUID) -> Response:
    """The why-card of one alert; 404 where it does not exist or is not this account's.

    Whom an alert was brought to without a contract is led to the worklist once it is closed.
    """
    return await _card(request, parts, account, alert_id)


@router.post("/alerts/{alert_id}/acknowledge", response_model=None)
async def acknowledge(
    request: Request,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.ANSWER_ALERT))],
    alert_id: UUID,
    answer: Annotated[Answer, Form()],
    next_check: Annotated[datetime, Form()],
) -> Response:
    """Answers the alert; `next_check` is county time without a zone, as the form field gives it."""
    now = parts.clock.now()
    check_at = next_check.replace(tzinfo=parts.settings.county_zone)
    try:
        life = await parts.store.answer_alert(
            account, alert_id, said=answer, next_check_at=check_at, now=now
        )
    except LifecycleError as error:
        return await _card(request, parts, account, alert_id, refused=error.reason)
    if life is None:
        return await error_page(request, 404)
    return RedirectResponse(f"/doctor/alerts/{alert_id}", status_code=303)


@router.post("/alerts/{alert_id}/close", response_model=None)
async def close(
    request: Request,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.CLOSE_ALERT))],
    alert_id: UUID,
    outcome: Annotated[Outcome, Form()],
    why_not: Annotated[WhyNot | None, Form()] = None,
) -> Response:
    """Closes the alert with a coded outcome and leads back to the worklist.

    `why_not` says why nothing was needed; it is kept with that outcome only.
    """
    now = parts.clock.now()
    try:
        life = await parts.store.close_alert(
            account, alert_id, outcome=outcome, now=now, why_not=why_not
        )
    except LifecycleError as error:
        return await _card(request, parts, account, alert_id, refused=error.reason)
    if life is None:
        return await error_page(request, 404)
    return RedirectResponse("/doctor", status_code=303)


@router.post("/alerts/{alert_id}/symptoms", response_model=None)
async def symptoms(
    request: Request,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.TELL_SYMPTOMS))],
    alert_id: UUID,
    told: ToldForm,
) -> Response:
    """What the patient says on the phone, or to whoever is with them."""
    if told is None:
        return await error_page(request, 422)
    if not await parts.store.tell_of_alert(account, alert_id, told, parts.clock.now()):
        return await error_page(request, 404)
    return RedirectResponse(f"/doctor/alerts/{alert_id}", status_code=303)


@router.post("/alerts/{alert_id}/shelve", response_model=None)
async def shelve(
    request: Request,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.ANSWER_ALERT))],
    alert_id: UUID,
    reason: Annotated[ShelfReason, Form()],
    until: Annotated[datetime, Form()],
) -> Response:
    """Puts the alert, and its rule for this person, aside until county time `until`."""
    now = parts.clock.now()
    end = until.replace(tzinfo=parts.settings.county_zone)
    try:
        life = await parts.store.shelve_alert(account, alert_id, reason=reason, until=end, now=now)
    except LifecycleError as error:
        return await _card(request, parts, account, alert_id, refused=error.reason)
    if life is None:
        return await error_page(request, 404)
    return RedirectResponse(f"/doctor/alerts/{alert_id}", status_code=303)


async def _worklist(
    request: Request, parts: Services, account: Account, template: str, *, notice: str = ""
) -> Response:
    now = parts.clock.now()
    language = language_of(request, account)
    found = await parts.store.worklist(account, now)
    facts = {
        "worklist": worklist(found, language, now),
        "spend": await parts.store.spend_today(account.account_id, now),
        "notice": say(language, _REFUSALS[notice]) if notice else "",
    }
    return render(request, account, template, facts)


async def _card(
    request: Request, parts: Services, account: Account, alert_id: UUID, *, refused: str = ""
) -> Response:
    now = parts.clock.now()
    language = language_of(request, account)
    found = await parts.store.alert_card(account, alert_id, now)
    if found is None and await parts.store.was_closed(account, alert_id):
        return RedirectResponse("/doctor?closed=true", status_code=303)
    if found is None:
        return await error_page(request, 404)
    since = min(now, found.effective_at) - CHART_SPAN
    series = await parts.store.series(
        account, found.person.subject, since, now + FUTURE_TOLERANCE, now
    )
    timeline = await parts.store.timeline(account, alert_id, now) or []
    zone = parts.settings.county_zone
    facts = {
        "card": why_card(
            found, series, doubts=doubts_of(timeline, language), language=language, now=now
        ),
        "blocks": _blocks(found, series, language, zone),
        "since": await _since(request, parts, account, found, now),
        "improved": _improved(await parts.store.follow_up_of(alert_id), language),
        "feeling": await _feeling(request, parts, account, found, now),
        "unusual": rank_sentence(await parts.store.alert_rank(account, alert_id, now), language),
        "may_say_whose": found.person.person_id is None
        and allows(account.role, Permission.SETTLE_READINGS),
        "timeline": timeline_view(timeline, _names(found), language),
        "refused": say(language, _REFUSALS[refused]) if refused else "",
    }
    return render(request, account, "alert.html", facts, status=409 if refused else 200)


async def _feeling(
    request: Request, parts: Services, account: Account, card: AlertCard, now: datetime
) -> FeelingView | None:
    """The buttons for what the patient says; None where the alert is closed or names nobody."""
    if card.state is LifeState.CLOSED:
        return None
    found = await parts.store.feeling_of_alert(account, card.alert_id, now)
    if found is None:
        return None
    path = f"/doctor/alerts/{card.alert_id}/symptoms"
    return feeling_view(found, path, language_of(request, account))


async def _since(
    request: Request, parts: Services, account: Account, card: AlertCard, now: datetime
) -> list[str]:
    """What has become known since; the alert itself never changes.

    Of an unknown person's measurements whose they were; of anybody's what came later than they.
    """
    language = language_of(request, account)
    told = [say(language, _TAKEN_BACK)] if card.taken_back else []
    if card.person.person_id is not None:
        return told
    settled = await parts.store.settled_since(account, card.alert_id, now)
    return [*told, *settled_lines(settled, language)]


def _improved(found: Improvement | None, language: str) -> str:
    """What the readings of the two weeks since the action say; empty before they are over."""
    if found is None:
        return ""
    sentence = say(language, "Two weeks after the action: %(verdict)s")
    text = sentence % {"verdict": word(language, "verdict", found.verdict.value)}
    if found.before is None or found.after is None:
        return text
    return f"{text} ({found.before:.1f} → {found.after:.1f})"


def _blocks(
    card: AlertCard, series: Series | None, language: str, zone: ZoneInfo
) -> list[ChartBlock]:
    """The charts with this alert's readings ringed and the targets that the rule knew."""
    if series is None:
        return []
    why = explained(card.evidence, card.rule_id, language)
    known = replace(series, targets={**why.targets, **series.targets})
    return blocks(known, why.points, language, zone)


def _names(card: AlertCard) -> dict[str, str]:
    return {
        str(delivery.account_id): delivery.recipient
        for delivery in card.deliveries
        if delivery.account_id is not None and delivery.recipient is not None
    }
