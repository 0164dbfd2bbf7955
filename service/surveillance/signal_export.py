"""The record of every signal, 形成-传递-应答-反馈, as JSON and CSV (row C20). Pure.

Formed, passed on, answered, fed back: the four phases that the national rules for monitoring and
early warning ask to be recorded (国疾控 〔2025〕11号). What the reader may not know is not in it.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from service.surveillance.showing import shown_number
from service.surveillance.signal_records import Signal, SignalEvent, VerificationRecord

PHASES: Mapping[str, str] = {
    "formed": "formation",
    "watched": "formation",
    "grew": "formation",
    "ask": "transmission",
    "rose": "transmission",
    "escalate": "transmission",
    "triage": "response",
    "note": "response",
    "answer": "response",
    "confirm": "response",
    "set_aside": "response",
    "assess": "response",
    "respond": "response",
    "reopen": "response",
    "dismiss": "feedback",
    "merge": "feedback",
    "close": "feedback",
}
"""To which of the four phases an entry of the record belongs."""

_COLUMNS = ("signal", "place", "drill", "phase", "at", "minutes", "who", "what", "why", "state")


class ExportedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; `minutes` since the signal became known."""

    phase: str
    at: datetime
    minutes: int
    who: str
    what: str
    why: str
    state: str


class ExportedVerification(msgspec.Struct, frozen=True, kw_only=True):
    """The township's part; `cases` as the reader may see it."""

    asked_at: datetime
    due_at: datetime
    answered_at: datetime | None
    finding: str
    cases: str


class ExportedSignal(msgspec.Struct, frozen=True, kw_only=True):
    """One signal with its whole record."""

    signal: str
    place: str
    county: str
    drill: bool
    watched: bool
    colour: str
    first_day: date
    last_day: date
    sources: tuple[str, ...]
    driver: str
    known_since: datetime
    state: str
    verified: str
    cause: str
    risk: str
    reported_to_level: int
    minutes_to_first_answer: int | None
    verifications: tuple[ExportedVerification, ...]
    record: tuple[ExportedEntry, ...]


def exported(
    signals: Sequence[Signal],
    events: Iterable[SignalEvent],
    verifications: Iterable[VerificationRecord],
    since: Mapping[str, datetime],
) -> list[ExportedSignal]:
    """The records of signals, in their order; `since` is when the reader knows each of them."""
    by_signal: dict[str, list[SignalEvent]] = {}
    for event in events:
        by_signal.setdefault(str(event.signal_id), []).append(event)
    asked: dict[str, list[VerificationRecord]] = {}
    for one in verifications:
        asked.setdefault(str(one.signal_id), []).append(one)
    return [
        found
        for signal in signals
        if (
            found := _one(
                signal,
                by_signal.get(str(signal.signal_id), []),
                asked.get(str(signal.signal_id), []),
                since[str(signal.signal_id)],
            )
        )
    ]


def as_csv(signals: Iterable[ExportedSignal]) -> str:
    """One line an entry, for a spreadsheet; the first line names the columns."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for signal in signals:
        for one in signal.record:
            writer.writerow(
                [
                    signal.signal,
                    _plain(signal.place),
                    str(signal.drill).lower(),
                    one.phase,
                    one.at.isoformat(),
                    one.minutes,
                    _plain(one.who),
                    one.what,
                    _plain(one.why),
                    one.state,
                ]
            )
    return out.getvalue()


def _one(
    signal: Signal,
    events: Sequence[SignalEvent],
    verifications: Sequence[VerificationRecord],
    since: datetime,
) -> ExportedSignal | None:
    showing = signal.showing()
    if showing is None:
        return None
    standing = signal.standing
    record = tuple(_entry(one, since) for one in events)
    answers = [one.minutes for one in record if one.who and one.phase != "formation"]
    return ExportedSignal(
        signal=str(signal.signal_id),
        place=signal.area_name,
        county=signal.county_name or "",
        drill=signal.drill,
        watched=signal.watched,
        colour=showing.colour.value,
        first_day=showing.first_day,
        last_day=showing.last_day,
        sources=tuple(dict.fromkeys(one.source for one in showing.sources)),
        driver=next((one.source for one in showing.sources if one.drives), ""),
        known_since=since,
        state=standing.state.value,
        verified=standing.verified or "",
        cause=standing.cause or "",
        risk=standing.risk or "",
        reported_to_level=int(standing.level),
        minutes_to_first_answer=min(answers, default=None),
        verifications=tuple(_verification(one, signal) for one in verifications),
        record=record,
    )


def _entry(one: SignalEvent, since: datetime) -> ExportedEntry:
    is_source = PHASES[one.what] == "formation"
    return ExportedEntry(
        phase=PHASES[one.what],
        at=one.at,
        minutes=max(0, (one.at - since) // timedelta(minutes=1)),
        who=one.actor,
        what=one.what,
        why="" if is_source else one.reason,  # a driving source may be one that is not named
        state=one.to_state,
    )


def _verification(one: VerificationRecord, signal: Signal) -> ExportedVerification:
    return ExportedVerification(
        asked_at=one.asked_at,
        due_at=one.due_at,
        answered_at=one.answered_at,
        finding=one.finding or "",
        cases=shown_number(one.cases, signal.sight, signal.floor),
    )


def _plain(text: str) -> str:
    """Text that a spreadsheet does not take for a formula (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
