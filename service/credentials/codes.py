"""The codes of enrolment: one that only the hub knows, one that a person types.

The shape is that of RFC 8628 (device authorization): a device code of 256 random bits, of which the
store keeps the SHA-256, and a user code of eight consonants (§6.1: no vowel, so no word; 20^8, some
34 bits, which only a signed-in administrator may try).
"""

import secrets
from datetime import timedelta
from hashlib import sha256

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8

APPLICATION_LASTS = timedelta(minutes=15)
"""A user code is good for so long (RFC 8628 §3.2 `expires_in`)."""

POLL_EVERY_S = 5
"""The hub asks no more often; each time it does, five seconds are added (RFC 8628 §3.5)."""

_CLAIM_GROUPS = 4

CLAIM_LASTS = timedelta(hours=1)
"""A device's one-time code is good for so long."""


def new_device_code() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def new_user_code() -> str:
    """Eight letters, as stored; `shown` writes them for people."""
    return "".join(secrets.choice(ALPHABET) for _ in range(USER_CODE_LENGTH))


def shown(user_code: str) -> str:
    """`WDJB-MJHT`: what the hub displays."""
    middle = USER_CODE_LENGTH // 2
    return f"{user_code[:middle]}-{user_code[middle:]}"


def typed(text: str) -> str | None:
    """The user code in what somebody typed or scanned; None where it is none.

    Case, blanks and dashes do not matter.
    """
    letters = "".join(sign for sign in text.upper() if sign.isalnum())
    is_one = len(letters) == USER_CODE_LENGTH and set(letters) <= set(ALPHABET)
    return letters if is_one else None


def digest(code: str) -> bytes:
    """What the store keeps of a code that is a secret (SHA-256: it is random and long)."""
    return sha256(code.encode()).digest()


def new_hub_id() -> str:
    """A name nobody has yet: `hub-` and ten hexadecimal digits."""
    return f"hub-{secrets.token_hex(5)}"


def new_claim() -> str:
    """A device's one-time code as shown: 16 consonants, some 69 bits, in groups of four."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(4 * _CLAIM_GROUPS))
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def plain_claim(text: str) -> str:
    """The letters of a one-time code as typed: case, blanks and dashes do not matter."""
    return "".join(sign for sign in text.upper() if sign.isalnum())
