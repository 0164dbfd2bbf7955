"""Frames that a real device sent, kept as a file of its model: the format, and the shipped ones.

A file is one JSON object: `model`, `maker`, `source`, `frames`. Each frame has `characteristic` and
`hex`, what it must say (`expect`, see `Expect`) and, where somebody wrote it down, what the display
showed (`display`). `docs/adding_a_device.md` walks through one.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import UNSET, UnsetType

from device_adapters.adapter import AdapterError
from rules.vocabulary import Bound, NoValue, QualityFlag, QuantityName

_LONGEST = 512  # an attribute value (Core, part F, 3.2.9)


class CaptureError(AdapterError, ValueError):
    """A file of frames cannot be used; text `frames[2].hex: reason`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing in a file is passed over: a misspelt name is an error."""


class ExpectedQuantity(_Part, frozen=True, kw_only=True):
    """A number as it must come off the wire; one of `value`, `censored`, `no_value` says it."""

    unit: str
    value: Decimal | None = None
    censored: Bound | None = None
    no_value: NoValue | None = None


class Expect(_Part, frozen=True, kw_only=True):
    """What a frame must say; what is left out is not looked at.

    `refused_at_byte` is the byte that a refusal must name; `facts` are for what a device says
    about itself; everything else is named as `hearthwatch decode` prints it.
    """

    quantities: dict[QuantityName, ExpectedQuantity] | UnsetType = UNSET
    device_time: str | UnsetType | None = UNSET
    sequence: int | UnsetType | None = UNSET
    time_offset_min: int | UnsetType | None = UNSET
    user_id: int | UnsetType | None = UNSET
    flags: list[QualityFlag] | UnsetType = UNSET
    context: dict[str, str] | UnsetType = UNSET
    facts: dict[str, str] | UnsetType = UNSET
    refused_at_byte: int | UnsetType = UNSET


class Shown(_Part, frozen=True, kw_only=True):
    """A number on the device's display, with the digits that it showed."""

    value: Decimal
    unit: str


class CapturedFrame(_Part, frozen=True, kw_only=True):
    """One value of a characteristic; `record` is its place in a packet of several."""

    characteristic: str
    hex: str
    expect: Expect
    record: int = 0
    display: dict[QuantityName, Shown] = {}
    note: str = ""

    @property
    def payload(self) -> bytes:
        """The octets; checked when the file was read."""
        return bytes.fromhex(self.hex)


class Capture(_Part, frozen=True, kw_only=True):
    """A model's file; `source` says where the octets were published."""

    model: str
    maker: str
    source: str
    frames: list[CapturedFrame]


def read_capture(text: bytes) -> Capture:
    """The capture in a file's `text`.

    Raises:
        CaptureError: not JSON, a member is missing, unknown or of another type, octets that are no
            hexadecimal, or no frame at all; it names the member.
    """
    try:
        capture = msgspec.json.decode(text, type=Capture)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at ")
        path = place.rpartition("`$")[2].strip("`.") if "`$" in place else ""
        raise CaptureError(path, reason) from error
    except msgspec.DecodeError as error:
        raise CaptureError("", f"not JSON: {error}") from error
    if not capture.frames:
        raise CaptureError("frames", "holds no frame")
    for place, frame in enumerate(capture.frames):
        try:
            octets = frame.payload
        except ValueError as error:
            raise CaptureError(f"frames[{place}].hex", str(error)) from error
        if not 0 < len(octets) <= _LONGEST:
            reason = f"holds {len(octets)} octets; a value has 1 to {_LONGEST}"
            raise CaptureError(f"frames[{place}].hex", reason)
        if frame.expect == Expect() and not frame.display:
            raise CaptureError(f"frames[{place}].expect", "expects nothing")
    return capture


@cache
def shipped_captures() -> Mapping[str, Capture]:
    """Every capture that comes with the program, by model; the files of `captured_frames/`."""
    folder = files("device_adapters.ble") / "captured_frames"
    found = [
        read_capture(file.read_bytes())
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    ]
    return {capture.model: capture for capture in found}
