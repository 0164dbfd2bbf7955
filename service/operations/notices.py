"""What the operator's messenger is told when a trouble begins and when it ends; signed, no person.

The same address and secret as the doctors' webhook (Standard Webhooks), `type` `trouble.began` or
`trouble.ended`. `webhook-id` is the trouble and the edge, so that a repeat is recognised.
"""

from datetime import datetime

import msgspec

from service.notify.notifier import Outcome
from service.notify.under_way import Aside, by_itself
from service.notify.webhook import SignedPost
from service.store.health import Edge


class _Data(msgspec.Struct, frozen=True):
    trouble: str
    kind: str
    place: str
    since: datetime
    until: datetime | None
    link: str


class _Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: datetime
    data: _Data


class Messenger:
    """Tells of troubles; `public_url` is where the administrator signs in.

    `aside` is the turn that claiming, sending and noting take together.
    """

    def __init__(self, post: SignedPost, *, public_url: str, aside: Aside | None = None) -> None:
        self.aside = aside or by_itself()
        self._post = post
        self._link = public_url.rstrip("/") + "/admin/status"

    async def send(self, edge: Edge, now: datetime) -> Outcome:
        """Tries once, at most 10 s."""
        data = _Data(
            trouble=str(edge.trouble_id),
            kind=edge.kind.value,
            place=edge.place,
            since=edge.began_at,
            until=edge.ended_at if edge.edge == "ended" else None,
            link=self._link,
        )
        body = _Body(type=f"trouble.{edge.edge}", timestamp=now, data=data)
        message_id = f"{edge.trouble_id}.{edge.edge}"
        return await self._post.post(message_id, msgspec.json.encode(body).decode(), now)
