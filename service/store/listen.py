"""LISTEN on a connection of its own (a pooled one loses its listeners), reconnecting for ever."""

import asyncio
from collections.abc import Callable, Sequence

import asyncpg
import structlog

from service.store.database import DATABASE_ERRORS

_log = structlog.get_logger()
_RECONNECT_S = 1.0
_CLOSING_S = 2.0

Notice = Callable[[str, str], None]
"""Takes channel and payload."""


async def follow(
    dsn: str, channels: Sequence[str], on_notice: Notice, on_connected: Callable[[], None]
) -> None:
    """Calls `on_notice` for every notification until cancelled.

    Notifications sent while disconnected are lost: `on_connected` is called after each connect, and
    the caller then looks at what is due by itself.
    """
    while True:
        try:
            connection = await asyncpg.connect(dsn)
            try:
                await _listen(connection, channels, on_notice, on_connected)
            finally:
                await connection.close(timeout=_CLOSING_S)
        except DATABASE_ERRORS as error:
            # It may hang up at any word: while connecting, listening or saying goodbye.
            _log.warning("listener lost", error=type(error).__name__)
            await asyncio.sleep(_RECONNECT_S)


async def _listen(
    connection: "asyncpg.Connection[asyncpg.Record]",
    channels: Sequence[str],
    on_notice: Notice,
    on_connected: Callable[[], None],
) -> None:
    ended = asyncio.Event()

    def hear(_connection: object, _pid: int, channel: str, payload: object) -> None:
        on_notice(channel, str(payload))

    def end(_connection: object) -> None:
        ended.set()

    connection.add_termination_listener(end)
    for channel in channels:
        await connection.add_listener(channel, hear)
    on_connected()
    await ended.wait()
