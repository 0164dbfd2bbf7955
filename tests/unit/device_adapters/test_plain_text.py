"""Text that enters identities and text columns, whatever octets or characters came in."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_adapters.ble.name_plate import read_device
from device_adapters.plain_text import escaped, is_plain, text_of
from rules.vocabulary import DeviceRef

ANY_TEXT = st.text(st.characters(exclude_categories=()))


class Plate:
    """A link to a device of which only Device Information is asked."""

    def __init__(self, manufacturer: bytes, model: bytes, serial: bytes | None) -> None:
        self._values = {"2A29": manufacturer, "2A24": model, "2A25": serial}

    @property
    def characteristics(self) -> frozenset[str]:
        return frozenset(self._values)

    async def read(self, characteristic: str) -> bytes | None:
        return self._values.get(characteristic)

    async def write(self, characteristic: str, octets: bytes) -> None:
        raise AssertionError(characteristic, octets)

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        raise AssertionError(characteristic, on_value)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"BP-1", "BP-1"),
        (b"\0\0BP-1 \0\0", "BP-1"),
        (b"BP-1\r\n", "BP-1"),
        (b"BP\0-1", "BP\\x00-1"),
        (b"BP\x85\x1b[2J", "BP\\x85\\x1b[2J"),
        (b"BP\xc2\x85 1", "BP\\x85 1"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        ("血压计　1".encode(), "血压计　1"),
        (b"", ""),
        (b"\0\0", ""),
    ],
)
def test_octets_of_a_name_plate_become_text_that_can_be_kept(octets: bytes, text: str) -> None:
    assert text_of(octets) == text


async def test_a_name_plate_with_nuls_and_bad_utf8_still_names_its_device() -> None:
    assert await read_device(Plate(b"Ac\0me", b"BP-1\0", b"\x00\xfe7\n"), "C0:01") == DeviceRef(
        manufacturer="Ac\\x00me", model="BP-1", serial="\\xfe7"
    )
    other = await read_device(Plate(b"Ac\0me", b"BP-1\0", b"\x00\xff7\n"), "C0:02")
    assert other.serial == "\\xff7"  # two serial numbers stay two
    blank = await read_device(Plate(b"Acme", b"BP-1", b"\0\n"), "C0:03")
    assert blank.serial == "@C0:03"


@given(ANY_TEXT)
def test_escaped_text_is_plain_encodable_and_one_line(text: str) -> None:
    shown = escaped(text)
    assert is_plain(shown)
    assert len(shown.encode().decode().splitlines()) <= 1
    assert escaped(shown) == shown
    assert (shown == text) is is_plain(text)


@given(st.binary(max_size=64))
def test_any_octets_give_plain_text(octets: bytes) -> None:
    assert is_plain(text_of(octets))
