"""Readings that may be another user's, as a page asks about them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.store.doubts import Doubted
from service.store.whose import Choice
from service.web.language import say
from service.web.whose_view import TOGETHER, Measured, Person, device_name, measured, people_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtQuestion:
    """Some readings of one user of one device, made together: were they really theirs?

    `ids` are identities; `why` says to staff what speaks for whom, `meanwhile` what becomes of
    them until somebody answers.
    """

    ids: tuple[str, ...]
    place: str
    device: str
    user_slot: int | None
    values: tuple[Measured, ...]
    people: tuple[Person, ...]
    why: str
    meanwhile: str


def doubt_questions(
    found: Sequence[Doubted], choices: Sequence[Choice], language: str
) -> list[DoubtQuestion]:
    """What is asked, in the order found: by place, device, user and time."""
    groups: list[list[Doubted]] = []
    for item in found:
        if groups and _belongs(item, groups[-1][-1]):
            groups[-1].append(item)
        else:
            groups.append([item])
    return [_question(group, choices, language) for group in groups]


def _question(group: Sequence[Doubted], choices: Sequence[Choice], language: str) -> DoubtQuestion:
    first = group[0]
    people = people_of(choices, first.household)
    return DoubtQuestion(
        ids=tuple(item.identity for item in group),
        place=first.place,
        device=device_name(first.device),
        user_slot=first.user_slot,
        values=tuple(measured(item.point, language) for item in group),
        people=people,
        why=say(language, "The device says %(name)s; the values are more like those of %(other)s.")
        % {"name": first.name, "other": first.other_name or say(language, "another user")},
        meanwhile=_meanwhile(language, waits=any(item.waits for item in group)),
    )


def _meanwhile(language: str, *, waits: bool) -> str:
    if waits:
        return say(language, "Until somebody has answered it counts in no average and no warning.")
    return say(
        language,
        "It was passed on at once because the value is serious; no warning waits for the answer.",
    )


def _belongs(item: Doubted, before: Doubted) -> bool:
    same = (item.household, item.device, item.user_slot, item.subject, item.other_name) == (
        before.household,
        before.device,
        before.user_slot,
        before.subject,
        before.other_name,
    )
    return same and item.effective_at - before.effective_at <= TOGETHER
