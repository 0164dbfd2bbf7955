"""The route tester of a clinician's own people: who would be asked, when, and by which ways.

The same functions that ring an alert answer, as for `hearthwatch route explain` (row A1).
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from rules.pack import PackError
from rules.vocabulary import Priority
from service.alerts.priorities import shipped_timings
from service.asked_route import AskedRoute, asked_route, rules_to_ask
from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.web.errors import error_page
from service.web.language import mark, say
from service.web.rendering import language_of, render
from service.web.route_view import route_view

router = APIRouter(prefix="/people")

Parts = Annotated[Services, Depends(services_of)]
Reader = Annotated[Account, Depends(requires(Permission.READ_PEOPLE))]

_NO_INSTANT = mark("This is no day and hour.")


_NO_RULE = mark("This is neither a rule of this county nor a priority.")
_PRIORITIES = ("emergency", "urgent", "soon", "routine")


@router.get("/{person_id}/route", response_model=None)
async def page(
    request: Request,
    parts: Parts,
    account: Reader,
    person_id: UUID,
    alert: str = "emergency",
    at: str = "",
) -> Response:
    """The ladder of a rule or a priority at county time `at` (now where it is empty).

    404 for somebody else's person.
    """
    now = parts.clock.now()
    language = language_of(request, account)
    when, no_instant = _instant(at, now, parts)
    known, rules = await _asked(parts, alert)
    asked = known or AskedRoute(priority=Priority.EMERGENCY)
    found = await parts.store.route_page(
        account,
        person_id,
        asked.priority,
        shipped_timings(),
        when,
        now,
        undampable=asked.undampable,
        rule=asked.route,
    )
    if found is None:
        return await error_page(request, 404)
    refused = _NO_INSTANT if no_instant else None if known else _NO_RULE
    facts = {
        "person_id": person_id,
        "route": route_view(found, language),
        "priorities": _PRIORITIES,
        "rules": rules,
        "alert": alert if known else "emergency",
        "priority": asked.priority.word,
        "rings": asked.rings,
        "when": when,
        "refused": say(language, refused) if refused else "",
    }
    return render(request, account, "person_route.html", facts, status=409 if refused else 200)


async def _asked(parts: Services, word: str) -> tuple[AskedRoute | None, list[str]]:
    """What is asked for, and which rules can be; of unreadable packs none, of priorities always."""
    try:
        return await asked_route(parts.store, word, parts.routes), await rules_to_ask(parts.store)
    except PackError:
        known = AskedRoute(priority=Priority.from_word(word)) if word in _PRIORITIES else None
        return known, []


def _instant(text: str, now: datetime, parts: Services) -> tuple[datetime, bool]:
    """The instant that a form names, and whether it named none."""
    if not text:
        return now, False
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return now, True
    zoned = at if at.tzinfo else at.replace(tzinfo=parts.settings.county_zone)
    return zoned.astimezone(now.tzinfo), False
