"""Orders to the simulated homes: one line of JSON over TCP on loopback, one line back."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from firmware_sim.publisher import Kind
from service.lab.homes_settings import ControlAddress, forget_control, read_control, write_control

_log = structlog.get_logger()

_PATIENCE_S = 30.0

Deed = Literal["list", "measure", "publish", "fault", "battery", "pairing_mode", "go_live"]


class OrderError(Exception):
    """The homes cannot do that; the text says why."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants the homes to do.

    Attributes:
        do: The deed.
        person: A login (`wang`) or a person id (`p017`).
        systolic: mmHg.
        diastolic: mmHg.
        pulse: Per minute.
        glucose: mmol/L, LO or HI.
        ketone: mmol/L, of a meter that measures ketones.
        resets_clock: For `battery`: whether the clock starts again at 2000-01-01.
        clock: What the device's clock shows from now on; unchanged when not given.
        fault: A word of `hearthwatch sim publish` or `sim fault`.
        kind: What an MQTT device is to publish: blood_pressure, glucose, temperature...
        first_start: For `go_live`: whether the history was new.
        token: Proves the right to give orders.
    """

    do: Deed
    person: str | None = None
    systolic: float | None = None
    diastolic: float | None = None
    pulse: float | None = None
    glucose: float | Literal["LO", "HI"] | None = None
    ketone: float | None = None
    resets_clock: bool = False
    clock: Literal["right", "reset", "never-set", "absent"] | None = None
    fault: str | None = None
    kind: Kind | None = None
    first_start: bool = False
    token: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order; `error` is set where it could not be carried out."""

    error: str | None = None
    lines: tuple[str, ...] = ()


Obey = Callable[[Order], Awaitable[tuple[str, ...]]]
"""Carries out an order and says what was done; raises `OrderError`.

A `ValueError` is told to whoever ordered, too.
"""


@asynccontextmanager
async def taking_orders(folder: Path, obey: Obey) -> AsyncGenerator[None]:
    """Take orders until the end of the block; the address stands in the data directory."""
    token = secrets.token_urlsafe(24)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = await _answer(await reader.readline(), token, obey)
            writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()
        except (TimeoutError, OSError, ValueError) as error:
            # Whoever ordered has gone, or sent an endless line.
            _log.info("order not answered", reason=str(error))
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        write_control(folder, ControlAddress(port=port, token=token))
        try:
            yield
        finally:
            forget_control(folder)


async def order(folder: Path, wanted: Order) -> tuple[str, ...]:
    """Give an order to the homes of a running demo; returns what they say.

    Raises:
        OrderError: no demo runs over this data directory, or it refused.
    """
    try:
        address = read_control(folder)
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    except (OSError, msgspec.DecodeError) as error:
        raise OrderError(f"no demo is running over {folder}") from error
    try:
        addressed = msgspec.structs.replace(wanted, token=address.token)
        writer.write(msgspec.json.encode(addressed) + b"\n")
        async with asyncio.timeout(_PATIENCE_S):
            line = await reader.readline()
        answer = msgspec.json.decode(line, type=Answer)
    except (OSError, TimeoutError, msgspec.DecodeError) as error:
        raise OrderError("the homes did not answer") from error
    finally:
        writer.close()
    if answer.error is not None:
        raise OrderError(answer.error)
    return answer.lines


async def _answer(line: bytes, token: str, obey: Obey) -> Answer:
    try:
        wanted = msgspec.json.decode(line, type=Order)
    except msgspec.DecodeError as error:
        return Answer(error=f"not an order: {error}")
    if not secrets.compare_digest(wanted.token, token):
        return Answer(error="the token is not that of this demo")
    try:
        return Answer(lines=await obey(wanted))
    except OrderError as error:
        return Answer(error=str(error))
    except ValueError as error:
        return Answer(error=f"that cannot be done: {error}")
