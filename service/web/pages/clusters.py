"""Several people of one home or village: what the own clinic is asked, and what it answers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.surveillance.cluster_store import DISMISSALS, Clusters, NoTaskError
from service.surveillance.clusters import cluster_rules
from service.web.errors import error_page
from service.web.rendering import language_of, render

router = APIRouter(prefix="/clusters")

Parts = Annotated[Services, Depends(services_of)]
Answerer = Annotated[Account, Depends(requires(Permission.ANSWER_CLUSTERS))]


@router.get("", response_model=None)
async def page(
    request: Request, parts: Parts, account: Answerer, *, saved: bool = False
) -> Response:
    """What waits for this clinic, and what it answered in the last thirty days."""
    store = Clusters(parts.store.pool, parts.store.zone)
    language = language_of(request, account)
    asked = {rule.id: rule.zh if language == "zh" else rule.en for rule in cluster_rules()}
    facts: dict[str, object] = {
        "tasks": await store.cluster_tasks(account, parts.clock.now()),
        "asked": asked,
        "reasons": DISMISSALS,
        "saved": saved,
    }
    return render(request, account, "clusters.html", facts)


@router.post("/{task}/verify", response_model=None)
async def verify(
    request: Request,
    parts: Parts,
    account: Answerer,
    task: UUID,
    people: Annotated[int, Form(ge=1, le=100_000)],
) -> Response:
    """Says that it is one; 404 where the task is another clinic's or was answered."""
    store = Clusters(parts.store.pool, parts.store.zone)
    try:
        await store.verify_cluster(account, task, people, parts.clock.now())
    except NoTaskError:
        return await error_page(request, 404)
    return RedirectResponse("/clusters?saved=true", status_code=303)


@router.post("/{task}/dismiss", response_model=None)
async def dismiss(
    request: Request,
    parts: Parts,
    account: Answerer,
    task: UUID,
    reason: Annotated[str, Form(max_length=20)],
) -> Response:
    """Says that there is nothing, with a coded reason; 404 as above or for another code."""
    store = Clusters(parts.store.pool, parts.store.zone)
    try:
        await store.dismiss_cluster(account, task, reason, parts.clock.now())
    except (NoTaskError, ValueError):
        return await error_page(request, 404)
    return RedirectResponse("/clusters?saved=true", status_code=303)
