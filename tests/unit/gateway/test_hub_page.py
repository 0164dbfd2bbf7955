import asyncio
from collections.abc import AsyncGenerator
from zoneinfo import ZoneInfo

import pytest

from gateway.availability import Availability
from gateway.hub_page import TEXTS, HubView, LastReading, ShownDevice, render, serve
from gateway.hub_view import LatestReadings
from gateway.spool_rows import Waiting
from tests.unit.gateway.observations import START, blood_pressure

ZONE = ZoneInfo("Asia/Shanghai")


def view(**changes: object) -> HubView:
    latest = LatestReadings()
    latest.note(blood_pressure(1))
    parts: dict[str, object] = {
        "hub": "hub-1",
        "connected": False,
        "waiting": Waiting(live=1, backlog=2, undecided=3),
        "damaged": False,
        "devices": (ShownDevice(key="Acme/BP1/S1"),),
        "readings": latest.readings(),
        "instructions": ({"zh": "请拨打120", "en": "call 120"},),
    }
    return HubView(**{**parts, **changes})  # pyright: ignore[reportArgumentType] - test table


def test_the_page_says_what_to_do_in_both_languages() -> None:
    assert "请拨打120" in render(view(), "zh", ZONE)
    english = render(view(), "en", ZONE)
    assert "call 120" in english
    assert "systolic 138 mm[Hg], diastolic 88 mm[Hg]" in english
    assert "15:30" in english  # 07:30 UTC in the home's zone
    assert ": 6" in english  # everything that waits


def test_what_devices_say_of_themselves_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    reading = LastReading(device=evil, text=evil, received_at=START)
    page = render(view(devices=(ShownDevice(key=evil),), readings=(reading,), hub=evil), "en", ZONE)
    assert "<script" not in page


@pytest.mark.row("L3")
@pytest.mark.parametrize("state", Availability)
def test_what_a_devices_silence_means_is_said_in_both_languages(state: Availability) -> None:
    device = ShownDevice(key="Acme/BP1/S1", availability=state)
    for language in ("zh", "en"):
        page = render(view(devices=(device,)), language, ZONE)
        assert f"Acme/BP1/S1: {TEXTS[language][state.value]}" in page


def test_a_damaged_spool_is_said_loudly() -> None:
    assert TEXTS["zh"]["damaged"] in render(view(damaged=True), "zh", ZONE)
    assert TEXTS["zh"]["damaged"] not in render(view(), "zh", ZONE)


def test_both_languages_have_every_text() -> None:
    assert TEXTS["zh"].keys() == TEXTS["en"].keys()
    assert all(text for texts in TEXTS.values() for text in texts.values())


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    async def page(language: str) -> str:
        return f"page in {language}"

    async with serve(port=0, language="zh", page=page) as port:
        yield port


async def ask(port: int, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode() + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


@pytest.mark.parametrize(
    ("request_text", "status", "body"),
    [
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:8001", "200", "page in zh"),
        ("GET /?lang=en HTTP/1.1\r\nHost: localhost", "200", "page in en"),
        ("GET /?lang=xx HTTP/1.1\r\nHost: localhost", "200", "page in zh"),
        ("GET /etc/passwd HTTP/1.1\r\nHost: localhost", "404", ""),
        ("POST / HTTP/1.1\r\nHost: localhost", "400", ""),
        ("GET / HTTP/1.1\r\nHost: evil.example", "400", ""),
        ("GET / HTTP/1.1", "400", ""),
        ("nonsense", "400", ""),
    ],
)
async def test_only_plain_local_gets_are_answered(
    port: int, request_text: str, status: str, body: str
) -> None:
    head, _, content = (await ask(port, request_text)).partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "Content-Security-Policy: default-src 'none'" in head
    assert content == body


def test_the_page_asks_whose_a_reading_was_and_escapes_it() -> None:
    question = {"zh": "真的是本人测的吗 <b>", "en": "was it really them <b>"}
    page = render(view(questions=(question,)), "en", ZONE)
    assert "was it really them &lt;b&gt;" in page
    assert "<b>" not in page
