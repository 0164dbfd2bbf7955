"""What happened to an alert, in sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.store.records import TimelineEntry
from service.web.language import mark, say
from service.web.words import WORDS, word

_WHAT: Mapping[str, str] = {
    "raised": mark("the alert was raised"),
    "taken": mark("the alert was taken up"),
    "told": mark("was told"),
    "asked": mark("was told"),
    "delivered": mark("delivered"),
    "escalated": mark("went on to the next person"),
    "restarted": mark("nobody answered; the ladder began again"),
    "answered": mark("answered"),
    "acknowledged": mark("acknowledged"),
    "check due": mark("the next check has passed; it asks again"),
    "resurfaced": mark("the next check has passed; it asks again"),
    "closed": mark("closed"),
    "patient told": mark("the patient was told"),
}
_KINDS = ("said", "outcome", "channel", "role")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the timeline."""

    at: datetime
    text: str


def timeline_view(entries: Sequence[TimelineEntry], language: str) -> list[Event]:
    """The entries as sentences, in the order given; a word that is not known stands as it is."""
    return [Event(at=entry.at, text=_sentence(entry, language)) for entry in entries]


def _sentence(entry: TimelineEntry, language: str) -> str:
    who = say(language, "System") if entry.actor == "system" else entry.actor
    what = say(language, _WHAT[entry.what]) if entry.what in _WHAT else entry.what
    details = [_detail(value, language) for value in entry.detail.values() if value]
    colon = say(language, ": ")
    return f"{who}{colon}{what}" + (f" ({', '.join(details)})" if details else "")


def _detail(value: str, language: str) -> str:
    for kind in _KINDS:
        if value in WORDS[kind]:
            return word(language, kind, value)
    return value
