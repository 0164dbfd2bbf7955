"""The hub's one local page, on 127.0.0.1 by default: what it knows, and what to do now. zh and en.

It works without uplink, broker or county: a small HTTP/1.1 responder (RFC 9112) on asyncio streams,
for GET, and for POST of an answer to what it asks (`hub_asking.py`). It shows devices and values
but no name, because a hub knows none.
"""

import asyncio
import base64
import contextlib
import hashlib
import ipaddress
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape
from types import MappingProxyType

from gateway.availability import Availability
from gateway.hub_asking import LONGEST_ANSWER, HubAsk, forms
from gateway.spool_rows import Waiting

_LARGEST_REQUEST = 8192
_PATIENCE_S = 5.0
LOOPBACK = "127.0.0.1"
STYLE = (
    "body{font:20px/1.5 sans-serif;max-width:40em;margin:1em auto;padding:0 1em}"
    ".now{border:4px solid #b00020;padding:1em;font-size:28px}"
    "table{border-collapse:collapse}td{padding:.2em 1em .2em 0}"
    "form{border:4px solid #9a3412;padding:0 1em 1em;margin:1em 0}"
    "button{font:inherit;padding:.6em .8em;margin:.3em .5em .3em 0;background:#fff;color:#15202b;"
    "border:2px solid #15202b;border-radius:.4em}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "zh": {
            "title": "守望 家庭网关",
            "devices": "已配对的设备",
            "last": "最近的读数",
            "none": "还没有",
            "uplink": "与县中心的连接",
            "up": "已连接",
            "down": "未连接，读数保存在本机",
            "waiting": "等待县中心确认的读数",
            "full": "本机现在无法保存读数。请不要关机，并通知管理员。",
            "damaged": "本机存储曾损坏，旧文件已另存。请通知管理员。",
            "asleep": "休眠中，测量时会自动连接",
            "overdue": "比平时更久没有测量，请检查电池或重新测量一次",
            "never_heard": "已配对，还没有收到读数",
            "silent": "县中心从 {} 起没有应答测试读数。医生可能看不到新的读数。身体不适请拨打120。",
        },
        "en": {
            "title": "Hearthwatch home hub",
            "devices": "Paired devices",
            "last": "Latest readings",
            "none": "none yet",
            "uplink": "Connection to the county",
            "up": "connected",
            "down": "not connected, readings are kept here",
            "waiting": "Readings not yet confirmed by the county",
            "full": "Readings cannot be saved here now. Leave it on and tell the operator.",
            "damaged": "The storage here was damaged; the old file was kept. Tell the operator.",
            "asleep": "asleep, it connects by itself when you measure",
            "overdue": "silent for longer than usual: check its battery, or measure once",
            "never_heard": "paired, nothing heard yet",
            "silent": "Since {} the county has not answered test readings. Doctors may not see new "
            "readings. If you feel ill, call 120.",
        },
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReading:
    """The newest record of a device, as sent: `138/88 mm[Hg]`."""

    device: str
    text: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDevice:
    """A paired device and what its silence means; None where nobody keeps its rhythm."""

    key: str
    availability: Availability | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubView:
    """Everything the page shows; `instructions` are those of the local red path, newest first."""

    hub: str
    connected: bool
    waiting: Waiting
    damaged: bool
    full: bool = False
    county_silent_since: datetime | None = None
    devices: tuple[ShownDevice, ...]
    readings: tuple[LastReading, ...]
    instructions: tuple[Mapping[str, str], ...]
    questions: tuple[Mapping[str, str], ...] = ()
    asks: tuple[HubAsk, ...] = ()
    key: str = ""


def render(view: HubView, language: str, zone: tzinfo) -> str:
    """The page as HTML; `language` is `zh` or `en`, times are shown in `zone`."""
    texts = TEXTS[language]
    uplink = texts["up"] if view.connected else texts["down"]
    since = view.county_silent_since
    count = view.waiting.live + view.waiting.backlog + view.waiting.undecided
    rows = "".join(
        f"<tr><td>{escape(reading.device)}<td>{escape(reading.text)}"
        f"<td>{reading.received_at.astimezone(zone):%m-%d %H:%M}</tr>"
        for reading in view.readings
    )
    now = "".join(
        f'<p class="now" role="alert">{escape(instruction[language])}</p>'
        for instruction in view.instructions
    )
    asked = "".join(f"<p>{escape(question[language])}" for question in view.questions)
    parts = [
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">',
        '<meta http-equiv="refresh" content="5">',
        f"<title>{texts['title']}</title><style>{STYLE}</style>",
        f"<h1>{texts['title']} <small>{escape(view.hub)}</small></h1>{now}{asked}",
        forms(view.asks, view.key, language),
        f"<p>{texts['uplink']}: {uplink}<p>{texts['waiting']}: {count}",
        f'<p role="alert">{texts["damaged"]}' if view.damaged else "",
        f'<p role="alert">{texts["full"]}' if view.full else "",
        f'<p role="alert">{texts["silent"].format(_clock(since, zone))}' if since else "",
        f"<h2>{texts['last']}</h2><table>{rows}</table>" + ("" if rows else texts["none"]),
        f"<h2>{texts['devices']}</h2><ul>",
        "".join(_device(device, texts) for device in view.devices) or texts["none"],
        '</ul><p><a href="/?lang=zh">中文</a> <a href="/?lang=en">English</a></html>',
    ]
    return "\n".join(parts)


def _device(device: ShownDevice, texts: Mapping[str, str]) -> str:
    if device.availability is None:
        return f"<li>{escape(device.key)}"
    return f"<li>{escape(device.key)}: {texts[device.availability.value]}"


def _clock(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%m-%d %H:%M}"


@contextlib.asynccontextmanager
async def serve(
    *,
    port: int,
    language: str,
    page: Callable[[str], Awaitable[str]],
    take: Callable[[bytes], Awaitable[bool]] | None = None,
    address: str = LOOPBACK,
) -> AsyncGenerator[int]:
    """Answer requests on `address` until the end of the block; gives the port in use.

    `page` makes the HTML for a language, `take` gets the form that was posted and says whether it
    was an answer to something asked; afterwards the page is shown anew. Requests under a host name
    are refused, so that no web site can read the page through a name of its own: beside `localhost`
    it answers to 127.0.0.1, and to the machine's other addresses where it is to be seen from them.

    Raises:
        OSError: the port is taken.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                request = await reader.readuntil(b"\r\n\r\n")
                status, body = 200, ""
                method, path, host, length = _parse(request)
                posted = method == "POST" and take is not None and length <= LONGEST_ANSWER
                if not _is_ours(host, address) or not (method == "GET" or posted):
                    status = 400
                elif path.partition("?")[0] != "/":
                    status = 404
                elif posted and take is not None:
                    status = 303 if await take(await reader.readexactly(length)) else 400
                else:
                    asked = path.partition("lang=")[2][:2]
                    body = await page(asked if asked in TEXTS else language)
                writer.write(_response(status, body))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a browser that went away
        finally:
            writer.close()

    server = await asyncio.start_server(answer, address, port, limit=_LARGEST_REQUEST)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _is_ours(host: str, address: str) -> bool:
    if host in {LOOPBACK, "localhost"} or address == LOOPBACK:
        return host in {LOOPBACK, "localhost"}
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _parse(request: bytes) -> tuple[str, str, str, int]:
    """Method (empty where it is no request), path, host name without port, length of the body."""
    first, *fields = request.decode("latin-1").split("\r\n")
    words = first.split(" ")
    host = _field(fields, "host").partition(":")[0]
    length = _field(fields, "content-length")
    method, path = words[:2] if len(words) > 1 else ("", "")
    return method, path, host, int(length) if length.isascii() and length.isdigit() else 0


def _field(fields: Sequence[str], name: str) -> str:
    """The value of a header field; empty where it does not stand there exactly once."""
    found = [text.partition(":")[2] for text in fields if text.lower().startswith(f"{name}:")]
    return found[0].strip() if len(found) == 1 else ""


def _response(status: int, body: str) -> bytes:
    reason = {200: "OK", 303: "See Other", 400: "Bad Request", 404: "Not Found"}[status]
    content = body.encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/html; charset=utf-8\r\n"
        + ("Location: /\r\n" if status == 303 else "")  # noqa: PLR2004 - See Other
        + f"Content-Length: {len(content)}\r\nConnection: close\r\nCache-Control: no-store\r\n"
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none';"
        f" style-src 'sha256-{_STYLE_HASH}'\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )
    return head.encode() + content
