"""Channel `webhook`: a signed POST with a link, after Standard Webhooks.

`webhook-id` is alert and step, so a repeat is recognised. The body names no person and no value:
whoever follows the link must sign in.
"""

from datetime import datetime
from http import HTTPStatus

import httpx2
import msgspec
from standardwebhooks import Webhook

from service.notify.bounded import post
from service.notify.notifier import Message, Outcome, Result

# Everything else that is no success may pass with time: a restart, a proxy, a wrong deployment.
_NEVER = frozenset({HTTPStatus.GONE})


class _Data(msgspec.Struct, frozen=True):
    alert: str
    step: int
    link: str


class _Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: datetime
    data: _Data


class SignedPost:
    """Posts signed JSON to one address; the client and its lifetime belong to the caller.

    `authorization` is what a platform wants beside our signature, such as `ApiToken d2p_...`.
    """

    def __init__(
        self, client: httpx2.AsyncClient, *, url: str, secret: str, authorization: str | None = None
    ) -> None:
        self._client = client
        self._authorization = {} if authorization is None else {"authorization": authorization}
        self._url = url
        self._signer = Webhook(secret)

    async def post(self, message_id: str, body: str, now: datetime) -> Outcome:
        """Tries once, at most 10 s; 2xx is delivered, 410 is never tried again."""
        headers = {
            **self._authorization,
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message_id, now, body),
        }
        answer = await post(self._client, self._url, content=body, headers=headers)
        return answer if isinstance(answer, Outcome) else _outcome(answer.status)


class WebhookNotifier:
    """Tells of a ring; `public_url` is where whoever reads it signs in."""

    def __init__(self, post: SignedPost, *, public_url: str) -> None:
        self._post = post
        self._public_url = public_url.rstrip("/")

    async def send(self, message: Message, now: datetime) -> Outcome:
        """Tries once, at most 10 s; 2xx is delivered, 410 is never tried again."""
        link = f"{self._public_url}/doctor/alerts/{message.alert_id}"
        data = _Data(alert=str(message.alert_id), step=message.step, link=link)
        body = msgspec.json.encode(_Body(type="alert.rang", timestamp=now, data=data)).decode()
        return await self._post.post(message.message_id, body, now)


def _outcome(status: int) -> Outcome:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(result=Result.DELIVERED, detail=f"HTTP {status}")
    result = Result.REFUSED if status in _NEVER else Result.RETRY_LATER
    return Outcome(result=result, detail=f"HTTP {status}")
