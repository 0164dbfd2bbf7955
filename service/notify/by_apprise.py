"""Mail, SMS and ntfy through apprise: one address template a channel, any of its services.

The county writes an apprise address with `{address}` where the recipient goes, for example
`mailtos://user:password@mail.example?to={address}` or `ntfys://ntfy.example/{address}`; every SMS
gateway that apprise knows is plugged in the same way. apprise answers only yes or no, so a refusal
is tried again later.
"""

import asyncio
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from urllib.parse import quote

import apprise

from service.notify.notifier import Outcome, Result
from service.notify.wording import Wording

_TIMEOUT_S = 20.0
_AT_ONCE = 4
"""Attempts that were given up go on in their threads until the other end has had its time."""

_FAULTS = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError)
"""What plug-ins of many hands raise over an address or an answer they did not think of."""


class AppriseCarrier:
    """Carries by the service that `template` names."""

    def __init__(self, template: str) -> None:
        self._template = template
        # apprise's own threads are shared by all services: one that hangs would stop the others
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="apprise")
        # All of apprise's plug-ins are read with the first address: at the start, not at the first
        # emergency. One of them imports a module that Python gives up.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            _service(template)

    async def carry(self, address: str, text: Wording, message_id: str, now: datetime) -> Outcome:
        """Tries once, at most 20 s; a template that apprise cannot read is refused for good."""
        del message_id, now
        try:
            target = _service(self._template.replace("{address}", quote(address, safe="@+")))
            if target is None:
                return Outcome(result=Result.REFUSED, detail="unusable address")
            loop = asyncio.get_running_loop()
            send = partial(target.notify, body=text.body, title=text.title)
            async with asyncio.timeout(_TIMEOUT_S):
                taken = await loop.run_in_executor(self._threads, send)
        except TimeoutError:
            return Outcome(result=Result.RETRY_LATER, detail="timed out")
        except _FAULTS as error:
            return Outcome(result=Result.RETRY_LATER, detail=type(error).__name__)
        if taken:
            return Outcome(result=Result.DELIVERED, detail="taken by the service")
        return Outcome(result=Result.RETRY_LATER, detail="refused or unreachable")


def _service(url: str) -> apprise.NotifyBase | None:
    # apprise annotates what else it takes with a bare dict
    return apprise.Apprise.instantiate(url)  # pyright: ignore[reportUnknownMemberType]
