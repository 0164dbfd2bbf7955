"""What one request has looked at, as the one row it leaves in the audit. Pure but for the task.

`service/doors/on_record.py` opens a gathering for each request and writes its row before the
answer leaves; outside a request each look is a row by itself.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service.store.viewing import Viewer

REFUSED = "refused"

Fact = str | int | None
Told = Mapping[str, Fact | list[Fact]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One read (`read …`) or one refusal (`refused …`); `shown` says whose lines, and how many.

    Lines that are nobody's stand under None.
    """

    account_id: UUID | None
    action: str
    at: datetime
    shown: Mapping[str | None, int]
    detail: Mapping[str, Fact]
    viewer: Viewer | None
    is_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRow:
    """The row: `subject` where it is one person (or whom a refusal was about), else `subjects`."""

    action: str
    subject: str | None
    subjects: list[str]
    detail: Told


@dataclass(slots=True)
class Gathering:
    """The looks of one request so far; closed, it takes no more."""

    looks: list[Look] = field(default_factory=list[Look])
    is_open: bool = True


_gathering: ContextVar[Gathering | None] = ContextVar("gathering", default=None)


@contextmanager
def gathering() -> Generator[Gathering]:
    """Within it looks are gathered, until somebody closes the gathering."""
    gathered = Gathering()
    token = _gathering.set(gathered)
    try:
        yield gathered
    finally:
        gathered.is_open = False
        _gathering.reset(token)


def open_gathering() -> Gathering | None:
    """Where this task's looks are gathered; None where each is a row by itself."""
    found = _gathering.get()
    return found if found is not None and found.is_open else None


def row_of(
    looks: Sequence[Look],
    refusal: Mapping[str, Fact] | None = None,
    about: str | None = None,
) -> LookRow:
    """One row for all of it; `refusal` is what the request was told no to, `about` whom."""
    reads = [look for look in looks if not look.action.startswith(REFUSED)]
    lines: Counter[str | None] = Counter()
    for look in reads:
        lines.update(look.shown)
    subjects = sorted(subject for subject in lines if subject is not None)
    tried = [look for look in looks if look.action.startswith(REFUSED)]
    action = " + ".join(dict.fromkeys(look.action for look in (*reads, *tried)))
    detail = _merged(looks)
    if any(look.is_list for look in reads):
        detail |= _counts(lines, subjects)
    if refusal is not None:
        detail |= {**refusal, **({"looked": action} if looks else {})}
        return LookRow(action=REFUSED, subject=about, subjects=subjects, detail=detail)
    if len(subjects) > 1:
        return LookRow(action=action, subject=None, subjects=subjects, detail=detail)
    single = next((s for look in reads or tried for s in look.shown if s is not None), None)
    return LookRow(action=action, subject=single, subjects=[], detail=detail)


def _counts(
    lines: Mapping[str | None, int], subjects: Sequence[str]
) -> dict[str, Fact | list[Fact]]:
    """How many lines of each, in the order of the subjects; of nobody apart."""
    if len(subjects) <= 1:
        return {"shown": sum(lines.values())}
    nobodys: dict[str, Fact | list[Fact]] = {"nobodys": lines[None]} if None in lines else {}
    return {"shown": [lines[subject] for subject in subjects], **nobodys}


def _merged(looks: Sequence[Look]) -> dict[str, Fact | list[Fact]]:
    """What the looks say by name; different values under one name stand beside each other."""
    values: dict[str, list[Fact]] = {}
    for look in looks:
        for name, value in look.detail.items():
            kept = values.setdefault(name, [])
            if value not in kept:
                kept.append(value)
    return {name: kept[0] if len(kept) == 1 else kept for name, kept in values.items()}
