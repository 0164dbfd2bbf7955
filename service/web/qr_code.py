"""A QR code as inline SVG; the only file that talks to segno."""

import segno

SCALE = 6
"""Pixels a module; a hand scanner reads it from a phone's screen at arm's length."""


def qr_svg(text: str) -> str:
    """The QR code (ISO/IEC 18004, error level M) of `text`, as markup that holds no text of it."""
    code = segno.make_qr(text, error="m")
    # the quiet zone belongs to the code: without its four white modules scanners fail
    return code.svg_inline(scale=SCALE, border=4, light="#fff", svgclass="qr")
