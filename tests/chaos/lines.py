"""Lines that a test can cut, hold up and slow down: small proxies on TCP and unix sockets."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = 65_536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Line:
    """What lies between two processes; everything that connects to `address` goes through it.

    Attributes:
        upstream: Where the other end listens now: (host, port), or the path of a unix socket.
        address: Where this end listens.
        delay_s: How much later each block arrives, both ways.
    """

    upstream: tuple[str, int] | Path
    address: tuple[str, int] | Path
    delay_s: float = 0.0
    _is_cut: bool = False
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    def cut(self) -> None:
        """Break every connection with a reset, and every new one until `heal`."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """Deliver nothing either way, without a word, until `heal`: what was sent is not lost."""
        self._flows.clear()

    def heal(self) -> None:
        """Be a good line again."""
        self._is_cut = False
        self.delay_s = 0.0
        self._flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until one of its ends closes it."""
        self._writers.add(writer)
        try:
            await self._flows.wait()
            if self._is_cut:
                return
            with contextlib.suppress(OSError):
                await self._join((reader, writer), await self._dial())
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _join(self, near: Streams, far: Streams) -> None:
        self._writers.add(far[1])
        try:
            async with asyncio.TaskGroup() as group:
                there = group.create_task(self._carry(near[0], far[1]))
                back = group.create_task(self._carry(far[0], near[1]))
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
                there.cancel()
                back.cancel()
        finally:
            self._writers.discard(far[1])
            far[1].transport.abort()

    async def _dial(self) -> Streams:
        if isinstance(self.upstream, Path):
            return await asyncio.open_unix_connection(str(self.upstream))
        return await asyncio.open_connection(*self.upstream)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(_BLOCK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._flows.wait()
                writer.write(block)
                await writer.drain()


@contextlib.asynccontextmanager
async def tcp_line(upstream: tuple[str, int]) -> AsyncGenerator[Line]:
    """A line to a TCP port, on a free port of its own."""
    line = Line(upstream=upstream, address=("127.0.0.1", 0))
    line.heal()
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.address = server.sockets[0].getsockname()[:2]
    try:
        yield line
    finally:
        server.close()
        line.cut()


@contextlib.asynccontextmanager
async def unix_line(upstream: Path, address: Path) -> AsyncGenerator[Line]:
    """A line to a unix socket, on a unix socket of its own."""
    line = Line(upstream=upstream, address=address)
    line.heal()
    server = await asyncio.start_unix_server(line.serve, address)
    try:
        yield line
    finally:
        server.close()
        line.cut()
