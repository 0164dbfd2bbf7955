"""Who hears the hub at home: its page, where it can be opened, and the word that nobody can."""

import asyncio
from pathlib import Path

import pytest

from gateway.broker import LocalBroker
from gateway.clock import ManualClock
from gateway.hub import Hub
from gateway.hub_page import serve
from gateway.hub_status import decode_status
from tests.integration.test_hub import settings
from tests.unit.gateway.observations import START

pytestmark = pytest.mark.peer


async def _page(language: str) -> str:
    return f"page in {language}"


async def answer(port: int, host: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    said = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return said.partition("\r\n")[0]


@pytest.mark.parametrize(
    ("address", "host", "status"),
    [
        ("127.0.0.1", "localhost:8088", "200 OK"),
        ("127.0.0.1", "192.168.1.7:8088", "400 Bad Request"),
        ("0.0.0.0", "192.168.1.7:8088", "200 OK"),  # noqa: S104 - what a home may choose
        ("0.0.0.0", "localhost", "200 OK"),  # noqa: S104
        ("0.0.0.0", "evil.example", "400 Bad Request"),  # noqa: S104
    ],
)
async def test_the_page_answers_to_addresses_and_to_no_name(
    address: str, host: str, status: str
) -> None:
    async with serve(port=0, language="zh", page=_page, address=address) as port:
        assert await answer(port, host) == f"HTTP/1.1 {status}"


async def test_a_port_that_is_taken_costs_the_page_and_not_the_hub(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async with serve(port=0, language="zh", page=_page) as taken:
        given = settings(broker, tmp_path, broker_port=1, page_port=taken)
        async with Hub(given, ManualClock(START)) as hub:
            assert hub.page_port is None
            assert hub.is_voiceless()
            assert decode_status(await hub.status()).voiceless
    async with Hub(settings(broker, tmp_path, broker_port=1), ManualClock(START)) as hub:
        assert not hub.is_voiceless()
        assert not decode_status(await hub.status()).voiceless
    deaf = settings(broker, tmp_path, broker_port=1, mqtt_devices=False, page_port=None)
    async with Hub(deaf, ManualClock(START)) as hub:
        assert not hub.is_voiceless()  # it hears nobody either
