"""The JSON API for programs: sign in, read the own alerts, answer and close them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service.alerts.lifecycle import Answer, LifecycleError, Outcome
from service.auth import (
    FAILURE_WINDOW,
    SignedIn,
    TooManyFailuresError,
    requires,
    sign_in,
    sign_out,
)
from service.auth_second import check_code, finish
from service.permissions import Permission, public
from service.problems import problem_response
from service.services import Services, services_of
from service.store.records import Account, AlertCard, WorklistItem
from service.store.sessions import Step

router = APIRouter()

Parts = Annotated[Services, Depends(services_of)]


class LoginBody(BaseModel):
    """Login and password."""

    model_config = ConfigDict(extra="forbid")
    login: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=500)
    code: str | None = Field(
        default=None, pattern="^[0-9]{6}$", description="The app's six digits, where one is set up"
    )


class AnswerBody(BaseModel):
    """What the person says, and when the owner looks again (None: the latest allowed)."""

    model_config = ConfigDict(extra="forbid")
    answer: Answer = Answer.SEEN
    next_check_at: AwareDatetime | None = None


class CloseBody(BaseModel):
    """How it ended."""

    model_config = ConfigDict(extra="forbid")
    outcome: Outcome


class AccountView(BaseModel):
    """Who is signed in."""

    account_id: UUID
    login: str
    role: str
    language: str


class AlertView(BaseModel):
    """One alert as programs see it: ids and states, no name and no value."""

    alert_id: UUID
    subject: str
    kind: str
    priority: str
    family: str
    rule_id: str
    stage: str
    dated: bool
    raised_at: datetime
    effective_at: datetime
    state: str
    next_due_at: datetime | None
    next_check_at: datetime | None


@router.get("/healthz", dependencies=[Depends(public())])
async def healthz(parts: Parts) -> dict[str, str]:
    """Whether the process answers and reaches its database."""
    await parts.store.ping()
    return {"status": "ok"}


@router.post("/api/login", dependencies=[Depends(public())], response_model=None)
async def login(body: LoginBody, request: Request, parts: Parts) -> Response:
    """Opens a session; the cookie is its key. 401 for a wrong password, 429 after too many."""
    address = request.client.host if request.client else "unknown"
    try:
        signed_in = await sign_in(parts, body.login, body.password, address)
    except TooManyFailuresError:
        return _wait()
    if signed_in is None:
        return problem_response(401, "wrong_password", "Unknown login or wrong password")
    if signed_in.step is not Step.WHOLE:
        try:
            finished = await _second_step(parts, signed_in, body.code, address)
        except TooManyFailuresError:
            return _wait()
        if finished is None:
            return problem_response(401, f"second_factor_{signed_in.step}", "A code is needed")
        signed_in = finished
    response = JSONResponse(_account_view(signed_in.account).model_dump(mode="json"))
    set_session_cookie(response, parts, signed_in.token)
    return response


@router.post("/api/logout", response_model=None)
async def logout(
    request: Request,
    parts: Parts,
    _account: Annotated[Account, Depends(requires(Permission.USE_ACCOUNT))],
) -> Response:
    """Ends the session on the server."""
    await sign_out(parts, request.cookies.get(parts.settings.cookie_name, ""))
    response = Response(status_code=204)
    secure = parts.settings.secure_cookie
    response.delete_cookie(parts.settings.cookie_name, secure=secure, httponly=True)
    return response


@router.get("/api/me")
async def me(account: Annotated[Account, Depends(requires(Permission.USE_ACCOUNT))]) -> AccountView:
    """Who is signed in."""
    return _account_view(account)


@router.get("/api/alerts")
async def alerts(
    parts: Parts, account: Annotated[Account, Depends(requires(Permission.READ_WORKLIST))]
) -> list[AlertView]:
    """The own open alerts, most severe first."""
    items = await parts.store.worklist(account, parts.clock.now())
    return [_alert_view(item, item.subject) for item in items]


@router.get("/api/alerts/{alert_id}", response_model=None)
async def alert(
    alert_id: UUID,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.READ_ALERT))],
) -> Response:
    """One alert; 404 where it does not exist or is not this account's."""
    card = await parts.store.alert_card(account, alert_id, parts.clock.now())
    if card is None:
        return problem_response(404, "no_such_alert", "No such alert")
    return JSONResponse(_alert_view(card, card.person.subject).model_dump(mode="json"))


@router.post("/api/alerts/{alert_id}/acknowledge", response_model=None)
async def acknowledge(
    alert_id: UUID,
    body: AnswerBody,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.ANSWER_ALERT))],
) -> Response:
    """Answers an alert; 409 where its state or priority does not allow the answer."""
    now = parts.clock.now()
    try:
        life = await parts.store.answer_alert(
            account, alert_id, said=body.answer, next_check_at=body.next_check_at, now=now
        )
    except LifecycleError as error:
        return problem_response(409, error.reason, str(error))
    if life is None:
        return problem_response(404, "no_such_alert", "No such alert")
    return JSONResponse({"alert_id": str(alert_id), "state": life.state.value})


@router.post("/api/alerts/{alert_id}/close", response_model=None)
async def close(
    alert_id: UUID,
    body: CloseBody,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.CLOSE_ALERT))],
) -> Response:
    """Closes an alert with a coded outcome; 409 where its state does not allow it."""
    now = parts.clock.now()
    try:
        life = await parts.store.close_alert(account, alert_id, outcome=body.outcome, now=now)
    except LifecycleError as error:
        return problem_response(409, error.reason, str(error))
    if life is None:
        return problem_response(404, "no_such_alert", "No such alert")
    return JSONResponse({"alert_id": str(alert_id), "state": life.state.value})


async def _second_step(
    parts: Services, begun: SignedIn, code: str | None, address: str
) -> SignedIn | None:
    """The whole session where the code is right; without one the begun session is of no use."""
    right = begun.step is Step.SECOND and code is not None
    if right and await check_code(parts, begun.account, code or "", address):
        return await finish(parts, begun.account, begun.token)
    await sign_out(parts, begun.token)
    return None


def _wait() -> Response:
    answer = problem_response(429, "too_many_failures", "Too many wrong passwords; wait")
    answer.headers["Retry-After"] = str(int(FAILURE_WINDOW.total_seconds()))
    return answer


def set_session_cookie(response: Response, parts: Services, token: str) -> None:
    """Puts a fresh session's token into the answer; HttpOnly, SameSite=Lax, `__Host-` if secure."""
    response.set_cookie(
        parts.settings.cookie_name,
        token,
        max_age=parts.settings.session_hours * 3600,
        path="/",
        secure=parts.settings.secure_cookie,
        httponly=True,
        samesite="lax",
    )


def _account_view(account: Account) -> AccountView:
    return AccountView(
        account_id=account.account_id,
        login=account.login,
        role=account.role.value,
        language=account.language,
    )


def _alert_view(item: WorklistItem | AlertCard, subject: str) -> AlertView:
    return AlertView(
        alert_id=item.alert_id,
        subject=subject,
        kind=item.kind.value,
        priority=item.priority.word,
        family=item.family.value,
        rule_id=item.rule_id,
        stage=item.stage,
        dated=item.dated,
        raised_at=item.raised_at,
        effective_at=item.effective_at,
        state=item.state.value,
        next_due_at=item.next_due_at,
        next_check_at=item.next_check_at,
    )
