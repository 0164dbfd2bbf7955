"""Keep a connection to the broker: for ever, with a capped back-off, logging changes only."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from device_adapters.mqtt.client import MqttUnavailable

_log = structlog.get_logger()

_FIRST_RETRY_S = 0.25
_LONGEST_RETRY_S = 30.0


class Line:
    """One connection that is made again whenever it breaks; `up` tells whether it stands."""

    def __init__(self, name: str, hub: str) -> None:
        self._name = name
        self._hub = hub
        self._jitter = random.Random(f"{hub} {name}")  # noqa: S311 - spreads hubs, guards nothing
        self._told = True
        self._retry_s = _FIRST_RETRY_S
        self.up = False

    async def keep(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Call `serve` again and again; it connects, calls `note_up`, and works until it is cut.

        Waits between tries are real seconds even on a stepped clock: the network does not step.
        Any exception but MqttUnavailable ends it.
        """
        while True:
            # A task of its own each time: Python 3.11's TaskGroup can lose the cancelling of a task
            # in the moment one of its children fails, and this loop must not outlive its own.
            async with asyncio.TaskGroup() as group:
                group.create_task(self._serve_once(serve), name=self._name)
            await asyncio.sleep(self._retry_s * self._jitter.uniform(0.5, 1.0))
            self._retry_s = min(self._retry_s * 2, _LONGEST_RETRY_S)

    async def _serve_once(self, serve: Callable[[], Awaitable[None]]) -> None:
        try:
            await serve()
        except* MqttUnavailable as lost:
            self._note_lost(lost)

    def note_up(self) -> None:
        """The connection stands and is subscribed."""
        self.up = True
        self._told = True
        self._retry_s = _FIRST_RETRY_S
        _log.info(f"{self._name} up", hub=self._hub)

    def _note_lost(self, lost: BaseExceptionGroup[MqttUnavailable]) -> None:
        if self._told:
            _log.warning(f"{self._name} lost", hub=self._hub, reason=_first_reason(lost))
        self.up = self._told = False


def _first_reason(group: BaseExceptionGroup[MqttUnavailable]) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)
