"""The county's data keys: names, phones and addresses leave this process sealed, or not at all.

A sealed text is `hw1.<key id>.<base64url of nonce and AES-256-GCM box>`. Keys lie in a file beside
the database, never in it: a copy of the database without the file is unreadable. The newest key
seals, every key of the file opens, so that a key is changed while the county works. A word of the
index is an HMAC-SHA-256 under a key of its own.
"""

import json
import re
import secrets
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hmac import digest
from pathlib import Path
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_SEALED = re.compile(r"hw1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+={0,2})\Z")
_WORD_BYTES = 16
_PURPOSE = b"hearthwatch"

UNREADABLE = "🔒"
"""What stands for a text whose key is not here: nothing waits for a name, least of all an alert."""


class KeyringError(Exception):
    """The keys cannot be read, or a sealed text cannot be opened with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The keys of one county, newest first; without any, texts stay as they are (the demo's)."""

    keys: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    index_key: bytes = field(default=b"", repr=False)

    @property
    def current(self) -> str | None:
        """The id of the key that seals; None where nothing is sealed."""
        return next(iter(self.keys), None)

    def seal(self, text: str) -> str:
        """`text` unreadable without the keys; the same text never gives the same box twice."""
        if self.current is None:
            return text
        nonce = secrets.token_bytes(_NONCE_BYTES)
        box = AESGCM(self.keys[self.current]).encrypt(nonce, text.encode(), _PURPOSE)
        return f"hw1.{self.current}.{urlsafe_b64encode(nonce + box).decode()}"

    def open(self, text: str) -> str:
        """What was sealed; a text that was never sealed is given back as it is.

        Raises:
            KeyringError: the key is not in this ring, or the box was altered.
        """
        found = _SEALED.match(text)
        if found is None:
            return text
        key = self.keys.get(found.group(1))
        if key is None:
            raise KeyringError(f"key {found.group(1)} is not in the key file")
        packed = urlsafe_b64decode(found.group(2))
        try:
            box = AESGCM(key).decrypt(packed[:_NONCE_BYTES], packed[_NONCE_BYTES:], _PURPOSE)
        except InvalidTag as error:
            raise KeyringError("a sealed text was altered") from error
        return box.decode()

    def index_word(self, text: str) -> bytes:
        """What finds `text` in the keyed index, and tells nothing without the key."""
        return digest(self.index_key, text.encode(), "sha256")[:_WORD_BYTES]


def sealed_with(text: str) -> str | None:
    """The id of the key that sealed `text`; None where it is not sealed."""
    found = _SEALED.match(text)
    return found.group(1) if found else None


def new_keyring() -> Keyring:
    """A ring with one fresh key."""
    return Keyring(
        keys={secrets.token_hex(4): secrets.token_bytes(_KEY_BYTES)},
        index_key=secrets.token_bytes(_KEY_BYTES),
    )


def rotated(ring: Keyring) -> Keyring:
    """The ring with a fresh key first; what is sealed stays readable."""
    fresh = {secrets.token_hex(4): secrets.token_bytes(_KEY_BYTES)}
    return Keyring(keys={**fresh, **ring.keys}, index_key=ring.index_key)


def retired(ring: Keyring, key_id: str) -> Keyring:
    """The ring without a key that nothing is sealed with any more.

    Raises:
        KeyringError: it is the current one, or not in the ring.
    """
    if key_id == ring.current or key_id not in ring.keys:
        raise KeyringError(f"{key_id} is the current key, or none of this file")
    kept = {name: key for name, key in ring.keys.items() if name != key_id}
    return Keyring(keys=kept, index_key=ring.index_key)


def read_keyring(file: Path) -> Keyring:
    """The ring of a key file.

    Raises:
        KeyringError: it cannot be read, or is none.
    """
    try:
        told = cast("dict[str, object]", json.loads(file.read_text(encoding="utf-8")))
        named = cast("dict[str, str]", told["keys"])
        keys = {name: b64decode(key) for name, key in named.items()}
        index_key = b64decode(str(told["index_key"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyringError(f"{file}: {type(error).__name__}") from error
    if not keys or any(len(key) != _KEY_BYTES for key in (*keys.values(), index_key)):
        raise KeyringError(f"{file}: no keys of {_KEY_BYTES} bytes")
    return Keyring(keys=keys, index_key=index_key)


def write_keyring(file: Path, ring: Keyring) -> None:
    """Puts the ring in place whole, readable for its owner only."""
    told = {
        "keys": {name: b64encode(key).decode() for name, key in ring.keys.items()},
        "index_key": b64encode(ring.index_key).decode(),
    }
    fresh = file.with_name(f"{file.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    fresh.replace(file)


class Keys:
    """The ring of a running process, read again when its file has changed."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._seen = self._stamp()
        self.ring = Keyring() if file is None else read_keyring(file)

    def renew(self) -> None:
        """Reads the file again where it has changed; a broken file leaves the ring as it is."""
        if self._file is None or self._stamp() == self._seen:
            return
        self._seen = self._stamp()
        with suppress(KeyringError):
            self.ring = read_keyring(self._file)

    def seal(self, text: str) -> str:
        """See `Keyring.seal`."""
        return self.ring.seal(text)

    def seal_if(self, text: str | None) -> str | None:
        """The same, where there is a text."""
        return None if text is None else self.ring.seal(text)

    def read(self, text: str) -> str:
        """What was sealed, `UNREADABLE` without its key; any other text as it is."""
        if not text.startswith("hw1."):
            return text
        try:
            return self.ring.open(text)
        except KeyringError:
            self.renew()
        try:
            return self.ring.open(text)
        except KeyringError:
            return UNREADABLE

    def word(self, text: str) -> bytes:
        """See `Keyring.index_word`; letters count alike in either case."""
        return self.ring.index_word(text.casefold().strip())

    def _stamp(self) -> int:
        return 0 if self._file is None else self._file.stat().st_mtime_ns
