"""What carries a text to an address, and the notifier that composes the text for it.

A carrier is one foreign service (mail, SMS, a messenger); the texts and the keys by which they are
answered are the same for all of them.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from service.notify.notifier import Message, Outcome, Result
from service.notify.wording import Wording, for_drill, for_home, for_staff


class Carrier(Protocol):
    """Brings one text to one address."""

    async def carry(self, address: str, text: Wording, message_id: str, now: datetime) -> Outcome:
        """Tries once, bounded in time (below `LEASE`); says what happened and raises nothing.

        `message_id` is the same when the same message is tried again.
        """
        ...


class Links(Protocol):
    """Makes the key by which a message can be answered."""

    async def make_link(
        self, message: Message, now: datetime, *, drill_id: UUID | None = None
    ) -> str:
        """A fresh key for `message`, or for a drill."""
        ...


class CarriedNotifier:
    """A personal channel over one carrier; `public_url` is where browsers reach the pages."""

    def __init__(self, carrier: Carrier, links: Links, *, public_url: str) -> None:
        self._carrier = carrier
        self._links = links
        self._public_url = public_url.rstrip("/")

    async def send(self, message: Message, now: datetime) -> Outcome:
        """Composes the text, makes its key and has it carried; tries once."""
        if not message.address:
            return Outcome(result=Result.REFUSED, detail="no address")
        if message.is_home:
            text = for_home(message, f"{self._public_url}/patient")
        else:
            token = await self._links.make_link(message, now)
            text = for_staff(message, f"{self._public_url}/answer/{token}")
        return await self._carrier.carry(message.address, text, message.message_id, now)

    async def drill(self, message: Message, drill_id: UUID, now: datetime) -> Outcome:
        """Asks whether somebody is at the message's address; tries once."""
        if not message.address:
            return Outcome(result=Result.REFUSED, detail="no address")
        token = await self._links.make_link(message, now, drill_id=drill_id)
        text = for_drill(message.language, f"{self._public_url}/answer/{token}")
        return await self._carrier.carry(message.address, text, str(drill_id), now)
