"""What every channel keeps: a repeat is recognisable, and the world's faults are outcomes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest
from standardwebhooks import Webhook

from gateway.clock import WallClock
from service.live import LiveBus
from service.notify.notifier import (
    LEASE,
    Channel,
    Message,
    Notifier,
    Outcome,
    Result,
    next_attempt_at,
)
from service.notify.page import PageNotifier
from service.notify.patient import PatientNotifier
from service.notify.webhook import SignedPost, WebhookNotifier

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 9, 1, tzinfo=UTC)


@dataclass(kw_only=True)
class Book:
    """The patient's messages as the store keeps them: one for each alert and step."""

    known: bool = True
    told: set[tuple[UUID, int]] = field(default_factory=set[tuple[UUID, int]])

    async def tell_patient(
        self, alert_id: UUID, step: int, account_id: UUID | None, now: datetime
    ) -> bool:
        del now, account_id
        if self.known:
            self.told.add((alert_id, step))
        return self.known


@dataclass(kw_only=True)
class Other:
    """The other end of a webhook: raw bytes in, the answer of the test out."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
    received: list[tuple[dict[str, str], str]] = field(
        default_factory=list[tuple[dict[str, str], str]]
    )
    port: int = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append((headers, body.decode()))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def other_end(answer: bytes | None = None) -> AsyncGenerator[Other]:
    other = Other() if answer is None else Other(answer=answer)
    server = await asyncio.start_server(other.take, "127.0.0.1", 0)
    other.port = server.sockets[0].getsockname()[1]
    async with server:
        yield other


@asynccontextmanager
async def webhook_to(port: int) -> AsyncGenerator[WebhookNotifier]:
    async with httpx2.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/"
        yield WebhookNotifier(
            SignedPost(client, url=url, secret=SECRET), public_url="https://county.example/"
        )


@asynccontextmanager
async def a_page() -> AsyncGenerator[Notifier]:
    yield PageNotifier(LiveBus())


@asynccontextmanager
async def a_patient() -> AsyncGenerator[Notifier]:
    yield PatientNotifier(Book())


@asynccontextmanager
async def a_webhook() -> AsyncGenerator[Notifier]:
    async with other_end() as other, webhook_to(other.port) as notifier:
        yield notifier


CHANNELS = {Channel.PAGE: a_page, Channel.PATIENT: a_patient, Channel.WEBHOOK: a_webhook}


def message(channel: Channel, *, attempt: int = 1) -> Message:
    return Message(
        delivery_id=UUID(int=1),
        alert_id=UUID(int=2),
        step=3,
        channel=channel,
        account_id=None if channel is Channel.WEBHOOK else UUID(int=4),
        attempt=attempt,
    )


def test_every_channel_is_under_contract() -> None:
    assert set(CHANNELS) == set(Channel)


@pytest.mark.row("A9")
@pytest.mark.parametrize("channel", Channel)
async def test_a_message_and_its_repeat_are_delivered_and_say_how(channel: Channel) -> None:
    async with CHANNELS[channel]() as notifier:
        for attempt in (1, 2):
            outcome = await notifier.send(message(channel, attempt=attempt), NOW)
            assert outcome.result is Result.DELIVERED
            assert outcome.detail


def test_a_repeat_carries_the_same_id_and_the_next_step_another() -> None:
    assert message(Channel.PAGE).message_id == message(Channel.PAGE, attempt=5).message_id
    assert message(Channel.PAGE).message_id == f"{UUID(int=2)}.3"


async def test_the_webhook_is_signed_and_says_nothing_but_where_to_look() -> None:
    now = WallClock().now()
    async with other_end() as other, webhook_to(other.port) as notifier:
        await notifier.send(message(Channel.WEBHOOK), now)
    headers, body = other.received[0]
    said = Webhook(SECRET).verify(body, headers)
    assert headers["webhook-id"] == f"{UUID(int=2)}.3"
    assert said["data"] == {
        "alert": str(UUID(int=2)),
        "step": 3,
        "link": f"https://county.example/doctor/alerts/{UUID(int=2)}",
    }
    assert set(said) == {"type", "timestamp", "data"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", Result.DELIVERED),
        (b"HTTP/1.1 500 Broken\r\nconnection: close\r\n\r\n", Result.RETRY_LATER),
        (b"HTTP/1.1 429 Slow\r\nconnection: close\r\n\r\n", Result.RETRY_LATER),
        (b"HTTP/1.1 302 Moved\r\nlocation: /x\r\nconnection: close\r\n\r\n", Result.RETRY_LATER),
        (b"HTTP/1.1 410 Gone\r\nconnection: close\r\n\r\n", Result.REFUSED),
        (b"garbage\r\n\r\n", Result.RETRY_LATER),
        (b"", Result.RETRY_LATER),
    ],
    ids=["200", "500", "429", "302", "410", "garbage", "hangs up"],
)
async def test_whatever_the_other_end_answers_is_an_outcome(
    answer: bytes, expected: Result
) -> None:
    async with other_end(answer) as other, webhook_to(other.port) as notifier:
        outcome = await notifier.send(message(Channel.WEBHOOK), NOW)
    assert outcome.result is expected
    assert len(other.received) == 1, "the channel itself never repeats"


async def test_nobody_listening_is_tried_again_later() -> None:
    async with other_end() as other:
        port = other.port
    async with webhook_to(port) as notifier:
        outcome = await notifier.send(message(Channel.WEBHOOK), NOW)
    assert outcome.result is Result.RETRY_LATER


async def test_what_can_never_arrive_is_refused() -> None:
    nowhere = replace(message(Channel.PAGE), account_id=None)
    page = await PageNotifier(LiveBus()).send(nowhere, NOW)
    assert page == Outcome(result=Result.REFUSED, detail="no account")
    patient = await PatientNotifier(Book(known=False)).send(nowhere, NOW)
    assert patient == Outcome(result=Result.REFUSED, detail="no known patient")


async def test_an_open_page_is_woken_with_an_id_only() -> None:
    bus = LiveBus()
    async with bus.subscribe(f"account:{UUID(int=4)}") as messages:
        outcome = await PageNotifier(bus).send(message(Channel.PAGE), NOW)
        assert await anext(messages) == f"alert {UUID(int=2)}"
    assert outcome.detail == "worklist, open pages: 1"


def test_attempts_back_off_and_end() -> None:
    times: list[datetime] = []
    attempt, now = 1, NOW
    while (later := next_attempt_at(attempt, now)) is not None:
        times.append(later)
        attempt, now = attempt + 1, later
    gaps = [after - before for before, after in zip([NOW, *times], times, strict=False)]
    assert gaps == sorted(gaps)
    assert (len(times), gaps[0]) == (7, timedelta(seconds=5))
    assert timedelta(seconds=10) < LEASE, "a slow webhook is not taken for a dead one"
