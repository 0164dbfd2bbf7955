"""The shape of a frame: fixed fields, then those that its flags announce, all little-endian.

The layout of each combination of flags is prepared once, so that a frame is taken apart in one
step and every field stands at its own place. Only a frame that does not fit is walked field by
field, to name the byte and the field.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from operator import itemgetter
from typing import Any  # noqa: TID251 - what `struct` returns is typed by the field's code

from device_adapters.adapter import DecodeError


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a frame: its name in refusals and its `struct` code."""

    name: str
    code: str

    @property
    def size(self) -> int:
        """Its length in octets."""
        return struct.calcsize(f"<{self.code}")


def u8(name: str) -> Field:
    """An unsigned octet."""
    return Field(name, "B")


def u16(name: str) -> Field:
    """Two octets, unsigned; an SFLOAT is one, see `fields.sfloat`."""
    return Field(name, "H")


def s16(name: str) -> Field:
    """Two octets, signed."""
    return Field(name, "h")


def u32(name: str) -> Field:
    """Four octets, unsigned; a FLOAT is one, see `fields.float32`."""
    return Field(name, "I")


def octets(count: int, name: str) -> Field:
    """Octets that are read on their own: a date-time is 7, a 24-bit number 3."""
    return Field(name, f"{count}s")


DATE_TIME = octets(7, "time stamp")
"""See `fields.date_time`."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """One combination of flags: how to unpack it, and how its values come to their places."""

    packed: struct.Struct
    placed: Callable[[tuple[Any, ...]], tuple[Any, ...]]


_ABSENT, _LAST = (None,), -1


class Shapes:
    """Every layout of one characteristic: `fixed` fields, then `optional` ones by their flag bit.

    The first fixed field are the flags. Bits without a field, reserved ones included, change
    nothing.
    """

    __slots__ = ("_characteristic", "_fixed", "_known", "_layouts", "_optional", "_wide")

    def __init__(
        self, characteristic: str, fixed: Sequence[Field], optional: Sequence[tuple[int, Field]]
    ) -> None:
        self._characteristic = characteristic
        self._fixed = tuple(fixed)
        self._optional = tuple(optional)
        self._wide = fixed[0].size > 1
        self._known = 0
        for bit, _ in optional:
            self._known |= bit
        self._layouts: dict[int, _Layout] = {}

    def read(self, payload: bytes, always: int = 0) -> tuple[Any, ...]:
        """The values of all fields in their order, the flags as sent first; None for an absent one.

        `always` are flag bits whose field is there whatever the flags say.

        Raises:
            DecodeError: the frame is shorter or longer than its flags announce.
        """
        try:
            layout = self._layout(payload, always)
            return layout.placed(layout.packed.unpack(payload) + _ABSENT)
        except (IndexError, struct.error):
            raise self._refusal(payload, always) from None

    def read_head(self, payload: bytes, always: int = 0) -> tuple[tuple[Any, ...], int]:
        """As `read` for a frame whose announced fields are followed by more, and where they end."""
        try:
            layout = self._layout(payload, always)
            values = layout.packed.unpack_from(payload)
            return layout.placed(values + _ABSENT), layout.packed.size
        except (IndexError, struct.error):
            raise self._refusal(payload, always) from None

    def _layout(self, payload: bytes, always: int) -> _Layout:
        flags = payload[0] | payload[1] << 8 if self._wide else payload[0]
        present = (flags | always) & self._known
        try:
            return self._layouts[present]
        except KeyError:
            layout = self._layouts[present] = self._prepare(present)
            return layout

    def _prepare(self, present: int) -> _Layout:
        codes = "".join(field.code for field in self._fields(present))
        place = count(len(self._fixed))
        optional = [next(place) if present & bit else _LAST for bit, _ in self._optional]
        return _Layout(
            packed=struct.Struct(f"<{codes}"),
            placed=itemgetter(*range(len(self._fixed)), *optional),
        )

    def _fields(self, present: int) -> list[Field]:
        return [*self._fixed, *(field for bit, field in self._optional if present & bit)]

    def _refusal(self, payload: bytes, always: int) -> DecodeError:
        flags_size = self._fixed[0].size
        flags = int.from_bytes(payload[:flags_size], "little") | always
        end = 0
        for field in self._fields(flags):
            end += field.size
            if end > len(payload):
                return ends_inside(self._characteristic, payload, field.name, end)
        return too_long(self._characteristic, payload, end)


def ends_inside(characteristic: str, payload: bytes, name: str, end: int) -> DecodeError:
    """The refusal of a frame that ends inside the field `name`, which would reach to `end`."""
    missing = end - len(payload)
    reason = f"frame ends inside {name}, {missing} more byte{'s' * (missing > 1)} needed"
    return DecodeError(characteristic, len(payload), reason)


def too_long(characteristic: str, payload: bytes, end: int) -> DecodeError:
    """The refusal of a frame that goes on after `end`: it is not the record it claims to be."""
    over = len(payload) - end
    return DecodeError(characteristic, end, f"{over} byte{'s' * (over > 1)} too many")
