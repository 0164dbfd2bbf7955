"""The page about rules: what holds, what is proposed, what it would cost; no person is on it.

Whoever may, proposes, agrees, signs and rolls out here what `hearthwatch rules` does in a shell.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission, allows
from service.services import Services, services_of
from service.store.records import Account
from service.store.rule_changes import RuleChangeError
from service.web.language import mark, say
from service.web.rendering import language_of, render
from service.web.rules_view import change_lines, pack_lines, shadow_lines

router = APIRouter(prefix="/rules")

MOST_CHARACTERS = 400_000
"""Of a pack: ours have fewer than 100,000."""

Parts = Annotated[Services, Depends(services_of)]
Reader = Annotated[Account, Depends(requires(Permission.READ_RULES))]
Proposer = Annotated[Account, Depends(requires(Permission.PROPOSE_RULES))]
Approver = Annotated[Account, Depends(requires(Permission.APPROVE_RULES))]
Signer = Annotated[Account, Depends(requires(Permission.SIGN_RULES))]
Roller = Annotated[Account, Depends(requires(Permission.ROLL_OUT_RULES))]
Why = Annotated[str, Form(min_length=3, max_length=300)]

_REFUSALS = {
    "own": mark("Nobody agrees to a proposal of their own."),
    "twice": mark("You have done this already."),
    "undampable": mark("This rule may never rest: nothing holds an emergency back."),
    "approvals": mark("Two people must agree first."),
    "overtaken": mark("Another version went live since this was proposed: propose it anew."),
    "signature": mark("A clinician must sign every rule first."),
    "closed": mark("This proposal is no longer open."),
    "no_former": mark("There is no former version to go back to; nothing was changed:"),
    "pack": mark("This pack has faults; nothing was changed:"),
}
_OTHER = mark("That did not work")


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Reader) -> Response:
    """Packs, proposals and what rules in shadow would have asked for."""
    return await _page(request, parts, account)


@router.post("/propose", response_model=None)
async def propose(
    request: Request,
    parts: Parts,
    account: Proposer,
    text: Annotated[str, Form(min_length=1, max_length=MOST_CHARACTERS)],
    why: Why,
) -> Response:
    """Proposes a pack; it runs in shadow from now on."""
    plain = text.replace("\r\n", "\n")  # a form sends its own line ends
    return await _after(
        request,
        parts,
        account,
        lambda now: parts.store.propose_pack(account, plain, why, now),
    )


@router.post("/packs/{pack}/propose", response_model=None)
async def propose_held(
    request: Request, parts: Parts, account: Proposer, pack: str, why: Why
) -> Response:
    """Proposes a pack as it stands, so that it can be agreed to and signed without a shell."""
    return await _after(
        request,
        parts,
        account,
        lambda now: parts.store.propose_held(account, pack, why, now),
    )


@router.post("/rest", response_model=None)
async def rest(
    request: Request,
    parts: Parts,
    account: Proposer,
    rule: Annotated[str, Form(max_length=20)],
    kind: Annotated[Literal["rest", "wake"], Form()],
    why: Why,
) -> Response:
    """Proposes that one rule rings for nobody, or rings again."""
    return await _after(
        request,
        parts,
        account,
        lambda now: parts.store.propose_rest(account, kind, rule, why, now),
    )


@router.post("/changes/{change}/approve", response_model=None)
async def approve(request: Request, parts: Parts, account: Approver, change: int) -> Response:
    """Agrees to a proposal of somebody else."""
    return await _after(
        request, parts, account, lambda now: parts.store.approve_change(account, change, now)
    )


@router.post("/changes/{change}/sign", response_model=None)
async def sign(
    request: Request,
    parts: Parts,
    account: Signer,
    change: int,
    licence: Annotated[str, Form(min_length=1, max_length=40)],
) -> Response:
    """Signs every rule of a proposed pack over its numbers and both texts."""
    return await _after(
        request, parts, account, lambda now: parts.store.sign_pack(account, change, licence, now)
    )


@router.post("/changes/{change}/roll-out", response_model=None)
async def roll_out(request: Request, parts: Parts, account: Roller, change: int) -> Response:
    """Has the county run it."""
    return await _after(
        request, parts, account, lambda now: parts.store.roll_out(account, change, now)
    )


@router.post("/changes/{change}/withdraw", response_model=None)
async def withdraw(request: Request, parts: Parts, account: Proposer, change: int) -> Response:
    """Tries it no longer."""
    return await _after(
        request, parts, account, lambda now: parts.store.withdraw_change(account, change, now)
    )


@router.post("/packs/{pack}/roll-back", response_model=None)
async def roll_back(request: Request, parts: Parts, account: Roller, pack: str) -> Response:
    """Has the county run the former version of a pack, at once."""
    return await _after(
        request, parts, account, lambda now: parts.store.roll_back(account, pack, now)
    )


async def _after(
    request: Request,
    parts: Services,
    account: Account,
    act: Callable[[datetime], Awaitable[object]],
) -> Response:
    """The page again; with the reason where it was refused."""
    try:
        await act(parts.clock.now())
    except RuleChangeError as error:
        return await _page(request, parts, account, refused=error)
    return RedirectResponse("/rules?saved=true", status_code=303)


async def _page(
    request: Request, parts: Services, account: Account, *, refused: RuleChangeError | None = None
) -> Response:
    now, language = parts.clock.now(), language_of(request, account)
    known = await parts.store.packs_now()
    changes = await parts.store.rule_changes(now)
    facts = {
        "packs": pack_lines(known, await parts.store.rule_records(), language),
        "changes": change_lines(changes, known.packs, account, language),
        "words": {
            change.change_id: await parts.store.change_in_words(change)
            for change in changes
            if change.state == "open"
        },
        "shadows": shadow_lines(await parts.store.shadow_reports(now)),
        "force": await parts.store.core_pulse(),
        "may_propose": allows(account.role, Permission.PROPOSE_RULES),
        "may_roll_back": allows(account.role, Permission.ROLL_OUT_RULES),
        "saved": "saved" in request.query_params,
        "refused": say(language, _REFUSALS.get(refused.reason, _OTHER)) if refused else "",
        "detail": str(refused) if refused else "",
    }
    return render(request, account, "rules.html", facts, status=409 if refused else 200)
