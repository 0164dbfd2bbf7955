"""Replays a model's captured frames through the decoders and says of each what passed.

Pure: a capture in, reports out. Besides what the file expects, each frame must hold what every
measurement must: numbers that a device of the kind can measure, no second reading out of a repeat,
and refusal of the same frame cut short or prolonged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import msgspec
from msgspec import UNSET

from device_adapters.adapter import NOT_OBSERVATIONS, DecodeError, Record
from device_adapters.ble.captures import Capture, CapturedFrame, Expect, Shown
from device_adapters.ble.decoders.glucose import settled
from device_adapters.ble.quirks import quirk_of
from device_adapters.ble.registry import DECODERS, FACTS, decode, decode_facts
from rules.codes import UnitError, from_canonical, is_measurable, to_canonical
from rules.vocabulary import Quantity, QuantityName

_SEVERAL_LENGTHS = frozenset({"2A37", "2AA7"})
"""A frame of these may end after any of its repeated parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `reason` says why it failed, or what to know although not."""

    name: str
    passed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReport:
    """What was looked at in the frame at `place`, in the order of looking."""

    place: int
    characteristic: str
    hex: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(check.passed for check in self.checks)


def replay(capture: Capture) -> list[FrameReport]:
    """One report a frame; a context of glucose settles the measurement with its number."""
    contexts = _contexts(capture)
    return [
        FrameReport(
            place=place,
            characteristic=frame.characteristic,
            hex=frame.hex,
            checks=tuple(_checks(capture, frame, contexts)),
        )
        for place, frame in enumerate(capture.frames)
    ]


def _contexts(capture: Capture) -> Mapping[int | None, Mapping[str, str]]:
    found: dict[int | None, Mapping[str, str]] = {}
    for frame in capture.frames:
        if frame.characteristic == "2A34" and frame.expect.refused_at_byte is UNSET:
            try:
                (record,) = decode("2A34", frame.payload, capture.model, capture.maker)
            except DecodeError:
                continue  # its own report says so
            found[record.sequence] = record.context
    return found


def _checks(
    capture: Capture, frame: CapturedFrame, contexts: Mapping[int | None, Mapping[str, str]]
) -> list[Check]:
    refusal = frame.expect.refused_at_byte
    try:
        if frame.characteristic in FACTS:
            said = _compared("facts", frame.expect.facts, _facts(frame))
            return [_met([said] if said else []), _no_refusal(refusal)]
        records = decode(frame.characteristic, frame.payload, capture.model, capture.maker)
    except DecodeError as error:
        return [_refused(refusal, error)]
    if refusal is not UNSET:
        return [_no_refusal(refusal)]
    if frame.record >= len(records):
        reason = f"the packet holds {len(records)} records"
        return [Check(name="decodes", passed=False, reason=reason)]
    record = records[frame.record]
    context = contexts.get(record.sequence, {})
    record = settled(record, context, quirk_of(capture.model, capture.maker))
    return [
        Check(name="decodes", passed=True),
        _met(_differences(frame.expect, record)),
        *([_on_display(frame.display, record)] if frame.display else []),
        _measurable(record),
        _told_apart(record),
        _other_lengths(capture, frame),
    ]


def _facts(frame: CapturedFrame) -> dict[str, str]:
    return dict(decode_facts(frame.characteristic, frame.payload))


def _refused(wanted: object, error: DecodeError) -> Check:
    if wanted is UNSET:
        return Check(name="decodes", passed=False, reason=str(error))
    passed = wanted == error.at_byte
    reason = "" if passed else f"{error}; the file expects byte {wanted}"
    return Check(name="refused", passed=passed, reason=reason)


def _no_refusal(wanted: object) -> Check:
    if wanted is UNSET:
        return Check(name="decodes", passed=True)
    return Check(name="refused", passed=False, reason=f"not refused at byte {wanted}")


def _met(differences: list[str]) -> Check:
    return Check(
        name="says what is expected", passed=not differences, reason="; ".join(differences)
    )


def _differences(expect: Expect, record: Record) -> list[str]:
    said = {
        "device_time": record.device_time.isoformat() if record.device_time else None,
        "sequence": record.sequence,
        "time_offset_min": record.time_offset_min,
        "user_id": record.user_id,
        "flags": list(record.flags),
        "context": dict(record.context),
    }
    found = [_compared(name, getattr(expect, name), value) for name, value in said.items()]
    if expect.quantities is not UNSET:
        wanted = {
            name: Quantity(**msgspec.structs.asdict(quantity))
            for name, quantity in expect.quantities.items()
        }
        found += [
            _compared(name, wanted.get(name), record.quantities.get(name))
            for name in dict.fromkeys([*wanted, *record.quantities])
        ]
    return [text for text in found if text]


def _compared(name: str, wanted: object, said: object) -> str:
    if wanted is UNSET or wanted == said:
        return ""
    return f"{name} is {_text(said)}, expected {_text(wanted)}"


def _text(value: object) -> str:
    if not isinstance(value, Quantity):
        return "absent" if value is None else str(value)
    said = value.value if value.value is not None else value.censored or value.no_value
    return f"{said} {value.unit}"


def _on_display(display: Mapping[QuantityName, Shown], record: Record) -> Check:
    found: list[str] = []
    for name, shown in display.items():
        quantity = record.quantities.get(name)
        value = None if quantity is None else quantity.value
        if quantity is None or value is None:
            found.append(f"{name} has no value, the display showed {shown.value} {shown.unit}")
            continue
        try:
            converted = _converted(name, value, quantity.unit, shown)
        except UnitError as error:
            found.append(str(error))
            continue
        if converted != shown.value:
            found.append(f"{name} is {converted} {shown.unit}, the display showed {shown.value}")
    return Check(name="agrees with the display", passed=not found, reason="; ".join(found))


def _converted(name: QuantityName, value: Decimal, unit: str | None, shown: Shown) -> Decimal:
    exact = from_canonical(name, to_canonical(name, value, unit), shown.unit)
    return exact.quantize(shown.value, rounding=ROUND_HALF_UP)


def _measurable(record: Record) -> Check:
    found: list[str] = []
    for name, quantity in record.quantities.items():
        if quantity.value is None:
            continue
        try:
            canonical = to_canonical(name, quantity.value, quantity.unit)
        except UnitError as error:
            found.append(str(error))
            continue
        if not is_measurable(name, canonical):
            found.append(f"{name} of {quantity.value} {quantity.unit} cannot be measured")
    return Check(name="can be measured", passed=not found, reason="; ".join(found))


def _told_apart(record: Record) -> Check:
    undated = record.device_time is None and record.sequence is None
    kept = undated and record.quantities and record.characteristic not in NOT_OBSERVATIONS
    reason = "neither time nor number: a repeat is kept as a second reading" if kept else ""
    return Check(name="repeats are told apart", passed=True, reason=reason)


def _other_lengths(capture: Capture, frame: CapturedFrame) -> Check:
    payload, taken = frame.payload, list[int]()
    others = [payload[:length] for length in range(len(payload))] + [payload + b"\0"]
    if frame.characteristic in _SEVERAL_LENGTHS:
        others = others[:2] + others[-1:]
    for other in others:
        try:
            decode(frame.characteristic, other, capture.model, capture.maker)
        except DecodeError:
            continue
        taken.append(len(other))
    reason = f"also reads as {taken} bytes" if taken else ""
    return Check(name="no other length is read", passed=not taken, reason=reason)


def readable(characteristic: str) -> bool:
    """Whether a captured frame of this characteristic can be replayed."""
    return characteristic in DECODERS or characteristic in FACTS
