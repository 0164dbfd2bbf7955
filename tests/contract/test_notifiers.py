"""What every channel keeps: a repeat is recognisable, and the world's faults are outcomes."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import Message as EmailMessage
from functools import partial
from hashlib import sha256
from socket import socket
from uuid import UUID

import httpx2
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Message_
from standardwebhooks import Webhook

from gateway.clock import WallClock
from rules.vocabulary import Priority
from service.live import LiveBus
from service.notify.bounded import Answer, post
from service.notify.by_apprise import AppriseCarrier
from service.notify.carrier import CarriedNotifier, Carrier
from service.notify.group_robots import ROBOTS, RobotCarrier
from service.notify.notifier import (
    LEASE,
    PERSONAL,
    Channel,
    Item,
    Message,
    Notifier,
    Outcome,
    Result,
    next_attempt_at,
)
from service.notify.page import PageNotifier
from service.notify.patient import PatientNotifier
from service.notify.webhook import SignedPost, WebhookNotifier
from service.notify.wording import Wording

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


@dataclass(kw_only=True)
class Keys:
    """Makes keys as the store does, without keeping them."""

    made: int = 0

    async def make_link(
        self, message: Message, now: datetime, *, drill_id: UUID | None = None
    ) -> str:
        del message, now, drill_id
        self.made += 1
        return f"key-{self.made}"


class Letters(Message_):
    """The other end of the mail channel: keeps every letter that was handed over."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[EmailMessage] = []

    def handle_message(self, message: EmailMessage) -> None:
        self.kept.append(message)


@contextmanager
def post_office() -> Generator[tuple[Letters, int]]:
    letters = Letters()
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    controller = Controller(letters, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield letters, port
    finally:
        controller.stop()


def carried(carrier: Carrier) -> CarriedNotifier:
    return CarriedNotifier(carrier, Keys(), public_url="https://county.example/")


@asynccontextmanager
async def a_letter() -> AsyncGenerator[Notifier]:
    with post_office() as (_, port):
        yield carried(AppriseCarrier(mail_template(port)))


def mail_template(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=hearthwatch@county.example&mode=insecure&to={{address}}"


@asynccontextmanager
async def by_apprise(scheme: str, answer: bytes | None = None) -> AsyncGenerator[Notifier]:
    async with other_end(answer or TAKEN) as other:
        yield carried(AppriseCarrier(f"{scheme}://127.0.0.1:{other.port}/{{address}}"))


@asynccontextmanager
async def robot(channel: Channel, answer: bytes) -> AsyncGenerator[tuple[Notifier, Other]]:
    async with other_end(answer) as other, httpx2.AsyncClient() as client:
        url = f"http://127.0.0.1:{other.port}/hook?key={{address}}"
        yield carried(RobotCarrier(ROBOTS[channel], client, url=url)), other


@asynccontextmanager
async def a_robot(channel: Channel) -> AsyncGenerator[Notifier]:
    code = b'{"code":0}' if channel is Channel.FEISHU else b'{"errcode":0,"errmsg":"ok"}'
    async with robot(channel, http(code)) as (notifier, _):
        yield notifier


def http(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


TAKEN = http(b"{}")
CHANNELS: dict[Channel, Callable[[], AbstractAsyncContextManager[Notifier]]] = {
    Channel.PAGE: a_page,
    Channel.PATIENT: a_patient,
    Channel.WEBHOOK: a_webhook,
    Channel.EMAIL: a_letter,
    Channel.SMS: partial(by_apprise, "json"),
    Channel.NTFY: partial(by_apprise, "ntfy"),
    Channel.WECOM: partial(a_robot, Channel.WECOM),
    Channel.DINGTALK: partial(a_robot, Channel.DINGTALK),
    Channel.FEISHU: partial(a_robot, Channel.FEISHU),
}
ADDRESSES = {Channel.EMAIL: "doctor@clinic.example", Channel.SMS: "13800000000"}


def message(channel: Channel, *, attempt: int = 1, language: str = "zh") -> Message:
    if channel in PERSONAL:
        return Message(
            delivery_id=UUID(int=1),
            alert_id=UUID(int=2),
            step=3,
            channel=channel,
            account_id=UUID(int=4),
            attempt=attempt,
            bundle=UUID(int=5),
            items=(
                Item(
                    delivery_id=UUID(int=1),
                    alert_id=UUID(int=2),
                    step=3,
                    priority=Priority.EMERGENCY,
                    raised_at=NOW,
                ),
            ),
            address=ADDRESSES.get(channel, "room-7"),
            language=language,
        )
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


@pytest.mark.row("I6")
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


@dataclass(kw_only=True)
class Dribbler:
    """Takes a message and answers a byte now and then, for ever; or without an end, at once."""

    endless: bool = False
    port: int = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * (65536 if self.endless else 1))
                await writer.drain()
                await asyncio.sleep(0 if self.endless else 0.02)
        except ConnectionError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def dribbling(*, endless: bool) -> AsyncGenerator[int]:
    dribbler = Dribbler(endless=endless)
    server = await asyncio.start_server(dribbler.take, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close()


async def test_a_server_that_dribbles_holds_nothing_up() -> None:
    """Each byte comes in time, the answer never ends: the whole of it has a limit."""
    async with dribbling(endless=False) as port, httpx2.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/"
        async with asyncio.timeout(60):
            outcome = await post(client, url, content=b"{}", headers={}, longest_s=0.3)
    assert outcome == Outcome(result=Result.RETRY_LATER, detail="timed out")


async def test_an_answer_without_an_end_is_read_to_a_limit() -> None:
    async with dribbling(endless=True) as port, httpx2.AsyncClient() as client:
        async with asyncio.timeout(60):
            answer = await post(
                client, f"http://127.0.0.1:{port}/", content=b"", headers={}, longest_s=30
            )
    assert isinstance(answer, Answer)
    assert len(answer.body) == 64 * 1024


@pytest.mark.parametrize(
    "address", ["a@x\nbcc: b@y.example", "号码@邮局", "\ud800@x.example", "%", "x" * 400, "@"]
)
async def test_an_address_that_nobody_thought_of_ends_no_process(address: str) -> None:
    with post_office() as (_, port):
        text = Wording(title="t", body="b")
        outcome = await AppriseCarrier(mail_template(port)).carry(address, text, "id", NOW)
    assert outcome.result in set(Result)


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


@pytest.mark.row("A13")
@pytest.mark.parametrize("channel", sorted(ROBOTS))
@pytest.mark.parametrize(
    ("answer", "expected", "detail"),
    [
        (http(b'{"errcode":0,"errmsg":"ok"}'), Result.DELIVERED, "taken by the messenger"),
        (http(b'{"errcode":45009}'), Result.RETRY_LATER, "messenger says 45009"),
        (http(b"<html>maintenance</html>"), Result.RETRY_LATER, "answer not understood"),
        (http(b"{}"), Result.RETRY_LATER, "answer not understood"),
        (b"HTTP/1.1 502 Bad\r\nconnection: close\r\n\r\n", Result.RETRY_LATER, "HTTP 502"),
        (b"", Result.RETRY_LATER, "RemoteProtocolError"),
    ],
    ids=["taken", "too many", "garbage", "empty", "502", "hangs up"],
)
async def test_a_messenger_that_says_200_to_what_it_refuses_has_delivered_nothing(
    channel: Channel, answer: bytes, expected: Result, detail: str
) -> None:
    async with robot(channel, answer) as (notifier, other):
        outcome = await notifier.send(message(channel), NOW)
    assert (outcome.result, outcome.detail) == (expected, detail)
    assert len(other.received) == 1


async def test_a_robot_whose_key_is_none_is_never_asked_again() -> None:
    for channel, code in (
        (Channel.WECOM, b'{"errcode":93000}'),
        (Channel.DINGTALK, b'{"errcode":300001}'),
        (Channel.FEISHU, b'{"code":19001}'),
    ):
        async with robot(channel, http(code)) as (notifier, _):
            outcome = await notifier.send(message(channel), NOW)
        assert outcome.result is Result.REFUSED, channel


async def test_a_signed_robot_is_signed() -> None:
    """Feishu: the key is time, line feed and secret; the text is empty; base64 of SHA-256."""
    async with robot(Channel.FEISHU, http(b'{"code":0}')) as (notifier, other):
        await notifier.send(replace(message(Channel.FEISHU), address="room-7:hush"), NOW)
    said = json.loads(other.received[0][1])
    key = f"{int(NOW.timestamp())}\nhush".encode()
    assert said["sign"] == base64.b64encode(hmac.new(key, b"", sha256).digest()).decode()
    assert "hush" not in other.received[0][1]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_letter_says_how_many_and_where_and_nothing_of_anybodys_health(
    language: str,
) -> None:
    with post_office() as (letters, port):
        notifier = carried(AppriseCarrier(mail_template(port)))
        outcome = await notifier.send(message(Channel.EMAIL, language=language), NOW)
    assert outcome.result is Result.DELIVERED
    (letter,) = letters.kept
    assert letter["to"] == "doctor@clinic.example"
    parts = [part.get_payload(decode=True) for part in letter.walk() if not part.is_multipart()]
    text = b"".join(part for part in parts if isinstance(part, bytes)).decode()
    assert "https://county.example/answer/key-1" in text
    assert ("紧急" if language == "zh" else "emergency") in text
    for secret in ("张", "mmHg", "血压", "glucose", "HW-"):
        assert secret not in text


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SMS, Channel.NTFY])
async def test_a_service_that_is_away_is_tried_again(channel: Channel) -> None:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    scheme = {Channel.SMS: "json", Channel.NTFY: "ntfy"}.get(channel)
    template = f"{scheme}://127.0.0.1:{port}/{{address}}" if scheme else mail_template(port)
    outcome = await carried(AppriseCarrier(template)).send(message(channel), NOW)
    assert outcome == Outcome(result=Result.RETRY_LATER, detail="refused or unreachable")


async def test_an_address_nobody_gave_or_nobody_can_read_is_refused() -> None:
    nowhere = replace(message(Channel.EMAIL), address="")
    notifier = carried(AppriseCarrier("nonsense://{address}"))
    assert (await notifier.send(nowhere, NOW)).detail == "no address"
    assert (await notifier.send(message(Channel.EMAIL), NOW)).detail == "unusable address"


async def test_a_service_that_hangs_takes_no_thread_from_another() -> None:
    """Attempts that were given up go on in threads of their own service, a few at a time."""
    taken = 0

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(hangs, "127.0.0.1", 0)
    template = f"json://127.0.0.1:{silent.sockets[0].getsockname()[1]}/{{address}}"
    carrier = AppriseCarrier(template)
    letter = Wording(title="t", body="b")
    async with silent:
        async with asyncio.TaskGroup() as group:
            trying = [group.create_task(carrier.carry("a", letter, "m", NOW)) for _ in range(40)]
            async with asyncio.timeout(60):
                while not taken:  # noqa: ASYNC110 - a socket sets no event
                    await asyncio.sleep(0.01)
            for one in trying:
                one.cancel()
        with post_office() as (letters, port):
            notifier = carried(AppriseCarrier(mail_template(port)))
            outcome = await notifier.send(message(Channel.EMAIL), NOW)
        assert outcome.result is Result.DELIVERED
        assert len(letters.kept) == 1
        assert 0 < taken <= 4, "of forty"
