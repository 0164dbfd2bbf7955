"""The code that a resident shows at a clinic: opaque, signed, and replaced at will. Pure.

`HW` and 34 characters of base 32 (RFC 4648): a random number of 128 bits that stands for the
person in the registry, and 40 bits of HMAC-SHA-256 over it. It says nothing about anybody; the
signature tells a mistyped or made-up code from one that was replaced.
"""

import hmac
import re
import unicodedata
from base64 import b32decode, b32encode
from binascii import Error
from hashlib import sha256
from uuid import UUID

PREFIX = "HW"

_SIGNATURE_BYTES = 5
_CHARACTERS = 34  # of the 21 bytes
_NOISE = re.compile(r"[\s\-]")


def code_text(code: UUID, key: bytes) -> str:
    """The characters of a code, in upper case and without separators, as a QR code carries them."""
    body = code.bytes + _signature(code.bytes, key)
    return PREFIX + b32encode(body).decode().rstrip("=")


def read_code(text: str, key: bytes) -> UUID | None:
    """The number in what a scanner or a person typed; None where we did not sign it.

    Case, blanks, hyphens and full-width letters (a Chinese keyboard's) do not matter.
    """
    typed = _NOISE.sub("", unicodedata.normalize("NFKC", text)).upper()
    said = typed.removeprefix(PREFIX)
    if said == typed or len(said) != _CHARACTERS:
        return None
    try:
        body = b32decode(said + "=" * (-len(said) % 8))
    except (Error, ValueError):
        return None
    number, signature = body[:-_SIGNATURE_BYTES], body[-_SIGNATURE_BYTES:]
    genuine = hmac.compare_digest(signature, _signature(number, key))
    return UUID(bytes=number) if genuine else None


def _signature(number: bytes, key: bytes) -> bytes:
    return hmac.new(key, number, sha256).digest()[:_SIGNATURE_BYTES]
