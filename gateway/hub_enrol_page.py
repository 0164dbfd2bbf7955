"""How a hub shows its code: as text with a QR code of half blocks, and as its local page."""

import io
from collections.abc import Mapping
from html import escape
from types import MappingProxyType

import segno

from gateway.hub_county import Codes
from gateway.hub_page import STYLE

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "zh": {
            "title": "守望 家庭网关 注册",
            "open": "请县管理员扫描二维码，或打开",
            "code": "并输入代码",
            "same": "页面上的指纹必须与这里相同",
        },
        "en": {
            "title": "Hearthwatch hub: enrolment",
            "open": "Ask the county's administrator to scan this, or to open",
            "code": "and type the code",
            "same": "The page must show the same fingerprint",
        },
    }
)


def for_terminal(codes: Codes, fingerprint: str) -> str:
    """The text for a terminal, zh and en; `fingerprint` in groups."""
    drawing = io.StringIO()
    segno.make_qr(codes.verification_uri_complete, error="m").terminal(drawing, compact=True)
    lines = [drawing.getvalue()]
    for texts in TEXTS.values():
        lines += [
            f"{texts['open']} {codes.verification_uri}",
            f"{texts['code']} {codes.user_code}",
            f"{texts['same']}: {fingerprint}",
            "",
        ]
    return "\n".join(lines)


def render(codes: Codes, fingerprint: str, language: str) -> str:
    """The local page as HTML; `language` is `zh` or `en`."""
    texts = TEXTS[language]
    code = segno.make_qr(codes.verification_uri_complete, error="m")
    picture = code.svg_inline(scale=6, border=4, light="#fff")
    return "\n".join(
        [
            f'<!doctype html><html lang="{language}"><meta charset="utf-8">',
            f"<title>{texts['title']}</title><style>{STYLE}</style>",
            f"<h1>{texts['title']}</h1>{picture}",
            f"<p>{texts['open']} {escape(codes.verification_uri)}",
            f"<p>{texts['code']} <b>{escape(codes.user_code)}</b>",
            f"<p>{texts['same']}: <b>{escape(fingerprint)}</b>",
            '<p><a href="/?lang=zh">中文</a> <a href="/?lang=en">English</a></html>',
        ]
    )
