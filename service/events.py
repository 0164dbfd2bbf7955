"""Server-sent events: one stream an open page, bound to what the account may hear of."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account

router = APIRouter()

STREAM_S = 600.0
"""How long one stream lives: a disabled account or an ended session hears nothing after this."""


@router.get("/events", response_class=EventSourceResponse)
async def events(
    account: Annotated[Account, Depends(requires(Permission.FOLLOW_EVENTS))],
    parts: Annotated[Services, Depends(services_of)],
) -> AsyncGenerator[ServerSentEvent]:
    """`event:` says what happened (ready, alert, message, reading, pairing), `data:` an id.

    `ready` comes first: whoever reads the page anew after it has missed nothing. Messages carry no
    health detail. Patients hear of their own readings and their own hub, staff of their alerts.
    The stream ends after some minutes: browsers reconnect by themselves, and so the session is
    asked again.
    """
    async with parts.bus.subscribe(*await topics_of(parts, account)) as messages:
        yield ServerSentEvent(event="ready", raw_data="ready")
        until = asyncio.get_running_loop().time() + STREAM_S
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                message = await asyncio.wait_for(anext(messages), left)
            except TimeoutError:
                return
            name, _, detail = message.partition(" ")
            yield ServerSentEvent(event=name, raw_data=detail or name)


async def topics_of(parts: Services, account: Account) -> list[str]:
    """The live topics that concern this account."""
    topics = [f"account:{account.account_id}"]
    if account.subject is not None:
        topics.append(f"subject:{account.subject}")
        hub = await parts.store.own_hub(account)
        topics += [f"hub:{hub}"] if hub else []
    return topics
