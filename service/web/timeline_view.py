"""What happened to an alert, in sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.store.reads import HANDING
from service.store.records import TimelineEntry
from service.web.language import mark, say
from service.web.words import WORDS, word

_WHAT: Mapping[str, str] = {
    "rang": mark("asked"),
    "tier skipped": mark("nobody there, passed over"),
    "ladder restarted": mark("nobody answered; asking begins again from below"),
    "check overdue": mark("the next check has passed; it asks again"),
    "answered": mark("answered"),
    "answered again": mark("answered the same again"),
    "held": mark("comes later"),
    "moved": mark("moved"),
    "grouped": mark("a later alert of this case asks for it too"),
    "returned to normal": mark("the values are back in range"),
    "shelved": mark("put aside"),
    "shelf ended": mark("no longer put aside; it asks again"),
    "followed up": mark("looked back after two weeks"),
    "receipt": mark("the messenger says"),
    "receipt replayed": mark("the messenger says the same again; nothing changed"),
    "closed": mark("closed"),
    "handed over": mark("handed over to another"),
    "responsible changed": mark("another is responsible now; who answered goes on"),
    "person died": mark("the person is recorded as deceased; nobody is asked any more"),
    "person lives": mark("the death was an error; it asks again"),
    "symptoms told": mark("says how the patient feels"),
    "all right": mark("says that the patient is all right"),
    "delivery delivered": mark("delivered"),
    "delivery failed": mark("failed, will be tried again"),
    "delivery dead": mark("could not be delivered"),
}
_UNDELIVERED = frozenset({"delivery failed", "delivery dead"})
"""Whoever reads these wants to know why; what the other end said itself stands as it is."""

_KINDS: Mapping[str, str] = {
    "tier": "tier",
    "answer": "said",
    "outcome": "outcome",
    "channel": "channel",
    "hold": "hold",
    "reason": "shelf",
    "why_not": "why_not",
    "verdict": "verdict",
    "said": "receipt",
    "link": "link",
    "teller": "teller",
}
"""Details of an entry that a reader wants, and the kind of their word; others are for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the timeline."""

    at: datetime
    text: str


def timeline_view(
    entries: Sequence[TimelineEntry], names: Mapping[str, str], language: str
) -> list[Event]:
    """The entries as sentences, in the order given; a word that is not known stands as it is.

    `names` maps the account ids that entries mention to who they are.
    """
    return [Event(at=entry.at, text=_sentence(entry, names, language)) for entry in entries]


def doubts_of(entries: Sequence[TimelineEntry], language: str) -> tuple[str, ...]:
    """What the last ring left in doubt: an expired contract, an unknown person."""
    for entry in reversed(entries):
        if entry.what == "rang":
            codes = [code for code in entry.detail.get("doubts", "").split(",") if code]
            return tuple(word(language, "doubt", code) for code in codes)
    return ()


def _sentence(entry: TimelineEntry, names: Mapping[str, str], language: str) -> str:
    who = say(language, "System") if entry.actor == "system" else entry.actor
    what = say(language, _WHAT[entry.what]) if entry.what in _WHAT else entry.what
    details = [
        word(language, kind, entry.detail[name])
        for name, kind in _KINDS.items()
        if entry.detail.get(name, "") in WORDS[kind]
    ]
    details += [
        word(language, "symptom", code)
        for code in filter(None, entry.detail.get("symptoms", "").split(","))
    ]
    details += [
        word(language, "doubt", code)
        for code in filter(None, entry.detail.get("doubts", "").split(","))
    ]
    told = names.get(entry.detail.get("to", ""))
    if told is not None:
        details.append(told)
    elif entry.what in HANDING and entry.detail.get("to"):
        details.append(f"{entry.detail.get('from') or '–'} → {entry.detail['to']}")
    if entry.what in _UNDELIVERED and entry.detail.get("result"):
        details.append(word(language, "result", entry.detail["result"]))
    colon = say(language, ": ")
    return f"{who}{colon}{what}" + (f" ({say(language, ', ').join(details)})" if details else "")
