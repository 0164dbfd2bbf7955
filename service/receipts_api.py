"""Where messengers and SMS gateways say what became of a message, signed after Standard Webhooks.

    POST /api/receipts   {"type": "message.delivered", "data": {"message_id": "..."}}

`type` is message.delivered, message.read or message.undeliverable. A receipt that is sent again
changes nothing and is named a replay; one about a message we never sent is named unknown.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from standardwebhooks import Webhook, WebhookVerificationError

from service.doors.types import Takes
from service.permissions import public
from service.problems import problem_response
from service.services import Services, services_of
from service.store.deliveries import Said

router = APIRouter()

PATH = "/api/receipts"
_TYPE = "message."


class _Data(msgspec.Struct, frozen=True):
    message_id: str


class _Receipt(msgspec.Struct, frozen=True):
    type: str
    data: _Data


@router.post(
    PATH,
    dependencies=[Depends(public()), Depends(Takes("application/json"))],
    response_model=None,
)
async def receipt(request: Request, parts: Annotated[Services, Depends(services_of)]) -> Response:
    """Takes one receipt: 200 with `noted`, `replayed` or `unknown`.

    404 where no secret is configured, 401 for a wrong or stale signature, 422 for what says nothing
    we understand.
    """
    secret = parts.settings.receipt_secret
    if secret is None:
        return problem_response(404, "not_configured", "Receipts are not configured here")
    body = await request.body()
    try:
        Webhook(secret.get_secret_value()).verify(body, dict(request.headers))
        found = msgspec.json.decode(body, type=_Receipt)
        said = Said(found.type.removeprefix(_TYPE))
    except WebhookVerificationError:
        return problem_response(401, "not_signed", "The signature is wrong or too old")
    except (msgspec.MsgspecError, ValueError):
        return problem_response(422, "not_understood", "Not a receipt we understand")
    result = await parts.store.take_receipt(
        request.headers["webhook-id"], found.data.message_id, said, parts.clock.now()
    )
    return JSONResponse({"result": result.value})
