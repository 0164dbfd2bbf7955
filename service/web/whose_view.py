"""Measurements of unknown people as a page asks about them; users of shared devices. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from rules.codes import MAIN_QUANTITIES
from rules.vocabulary import Bound
from rules.window import Point, Value
from service.store.whose import Choice, Settled, Slot, Unclaimed
from service.web.language import say
from service.web.vitals import NAMES, unit_text

TOGETHER = timedelta(minutes=30)
"""Measurements of one user of a device no further apart than this are asked about at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One value as it stands on a page."""

    name: str
    text: str
    unit: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody to choose."""

    person_id: UUID
    subject: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Some measurements of one user of one device, made together: whose are they?"""

    ids: tuple[int, ...]
    place: str
    clinic: bool
    device: str
    user_slot: int | None
    values: tuple[Measured, ...]
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotLine:
    """One user of a shared device and whom the account may name for it; `mine`: is the reader."""

    place: str
    key: str
    device: str
    user_slot: int
    subject: str | None
    people: tuple[Person, ...]
    mine: bool
    others: bool


def measured(point: Point, language: str) -> Measured:
    """The main numbers of a point, LO and HI as the device shows them."""
    main = MAIN_QUANTITIES[point.kind]
    name = NAMES.get(point.kind)
    return Measured(
        name=say(language, name) if name else point.kind.value,
        text="/".join(_text(point.values.get(quantity)) for quantity in main),
        unit=unit_text(point.kind, language),
        at=point.effective_at,
    )


def questions(
    found: Sequence[Unclaimed], choices: Sequence[Choice], language: str
) -> list[Question]:
    """What is asked, in the order found: by place, device, user and time."""
    groups: list[list[Unclaimed]] = []
    for item in found:
        if groups and _belongs(item, groups[-1][-1]):
            groups[-1].append(item)
        else:
            groups.append([item])
    return [
        Question(
            ids=tuple(item.quarantine_id for item in group),
            place=group[0].place,
            clinic=group[0].clinic is not None,
            device=device_name(group[0].device),
            user_slot=group[0].user_slot,
            values=tuple(measured(item.point, language) for item in group),
            people=people_of(choices, group[0].household),
        )
        for group in groups
    ]


def slot_lines(slots: Sequence[Slot], choices: Sequence[Choice], own: str | None) -> list[SlotLine]:
    """The users of shared devices; `own` is the reader's own subject, None for staff."""
    return [
        SlotLine(
            place=slot.place,
            key=slot.device,
            device=device_name(slot.device),
            user_slot=slot.user_slot,
            subject=slot.subject,
            people=people_of(choices, slot.household),
            mine=own is not None and slot.subject == own,
            others=slot.subject not in {None, own},
        )
        for slot in slots
    ]


def settled_lines(settled: Sequence[Settled], language: str) -> list[str]:
    """A sentence for each measurement of an alert of which somebody has said whose it was."""
    lines: list[str] = []
    for item in settled:
        if item.name is not None:
            text = say(language, "Since then: somebody said that this was %(name)s's measurement.")
            lines.append(text % {"name": item.name})
        elif item.dismissed == "test":
            lines.append(say(language, "Since then: somebody said that this was only a test."))
        else:
            lines.append(say(language, "Since then: somebody said that this was nobody's here."))
    return list(dict.fromkeys(lines))


def device_name(key: str) -> str:
    """`Acme BP-2 · 7` of the key `Acme/BP-2/7`."""
    maker, _, rest = key.partition("/")
    model, _, serial = rest.partition("/")
    return f"{maker} {model} · {serial}"


def _belongs(item: Unclaimed, before: Unclaimed) -> bool:
    same = (item.household, item.device, item.user_slot) == (
        before.household,
        before.device,
        before.user_slot,
    )
    return same and item.effective_at - before.effective_at <= TOGETHER


def people_of(choices: Sequence[Choice], household: str) -> tuple[Person, ...]:
    """Who may be named for a measurement of this household."""
    return tuple(
        Person(
            person_id=each.person_id,
            subject=each.subject,
            name=f"{each.name} ({each.birth_year})" if each.birth_year else each.name,
        )
        for each in choices
        if each.household == household
    )


def _text(value: Value | None) -> str:
    if value is None:
        return "–"
    if value.value is None:
        return {Bound.BELOW: "LO", Bound.ABOVE: "HI"}.get(value.censored or Bound.BELOW, "–")
    return f"{value.value.normalize():f}"
