"""Signals as officers read them: one line each, and the page of eight o'clock made of such lines.

Pure. Every word about a signal comes out of its `showing()`: what that withholds is not here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from service.surveillance.showing import Showing
from service.surveillance.signal_records import Signal, SignalEvent
from service.surveillance.signal_words import Colour
from service.surveillance.workflow import Act, State, possible
from service.web.language import say
from service.web.words import word

MORNING = time(8)
_ONE_TAP = (Act.ASK, Act.NOTE, Act.MERGE, Act.DISMISS)
_FOR_A_PERSON = frozenset(Act) - {Act.ANSWER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A signal into which another one may be merged."""

    signal_id: UUID
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalLine:
    """One signal in a list.

    `waits_for` is `officer`, `township` or empty; `since` when it began to wait; `acts` are those
    that the reader may do now, `blocked` the guard rail that keeps one back.
    """

    signal_id: UUID
    place: str
    colour: str
    state: str
    first_day: date
    last_day: date
    sources: str
    driver: str
    drill: bool
    watched: bool
    raised_at: datetime
    since: datetime
    due_at: datetime | None
    overdue: bool
    rung: int
    level: int
    waits_for: str
    cause: str
    acts: tuple[str, ...]
    others: tuple[Other, ...]
    question: str
    arriving_until: datetime | None
    grew_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A place whose source says nothing just now: it cannot be assessed, and why."""

    place: str
    source: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """The page of eight o'clock."""

    since: datetime
    new: tuple[SignalLine, ...]
    waiting: tuple[SignalLine, ...]
    asked: tuple[SignalLine, ...]
    set_aside: tuple[SignalLine, ...]
    gates: tuple[Gate, ...]
    grew: tuple[SignalLine, ...]
    watched: tuple[SignalLine, ...]
    left: tuple[SignalLine, ...]


def yesterday_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The last eight o'clock but one: what came after it is new to whoever reads at eight."""
    today = now.astimezone(zone).date()
    latest = datetime.combine(today, MORNING, tzinfo=zone)
    if latest > now:
        latest -= timedelta(days=1)
    return latest - timedelta(days=1)


def signal_lines(
    signals: Sequence[Signal],
    events: Iterable[SignalEvent],
    language: str,
    now: datetime,
    zone: ZoneInfo,
) -> list[SignalLine]:
    """A line for every signal that may be known of, in the order given."""
    last: dict[UUID, datetime] = {}
    for event in events:
        if event.what != "rose":
            last[event.signal_id] = event.at
    shown = [(one, showing) for one in signals if (showing := one.showing()) is not None]
    # What officers know of is merged into nothing that they do not.
    public = {one.signal_id for one, _ in shown if one.on_paper().showing() is not None}
    # The highest colour first: what is merged is most likely part of that.
    into = sorted(
        (one for one in shown if one[0].is_open), key=lambda one: one[1].colour.rank, reverse=True
    )
    return [
        _line(
            one,
            (one.known_since(zone), last.get(one.signal_id, one.known_since(zone))),
            _into(one, into, public, language),
            language,
            now,
        )
        for one, _ in shown
    ]


def _into(
    signal: Signal,
    candidates: Sequence[tuple[Signal, Showing]],
    public: Collection[UUID],
    language: str,
) -> tuple[Other, ...]:
    """What a signal may be merged into, those of its own place first; see `Signals.act`."""
    return tuple(
        Other(signal_id=one.signal_id, text=_name(one, showing, language))
        for one, showing in sorted(candidates, key=lambda each: each[0].area != signal.area)
        if one.signal_id != signal.signal_id
        and one.drill == signal.drill
        and (one.signal_id in public or signal.signal_id not in public)
    )


def morning(
    lines: Sequence[SignalLine], gates: Sequence[Gate], now: datetime, zone: ZoneInfo
) -> Morning:
    """The lines where an officer looks for them; each stands in one place only."""
    since = yesterday_morning(now, zone)
    rest = list(lines)

    def taken(found: Iterable[SignalLine]) -> tuple[SignalLine, ...]:
        picked = tuple(found)
        for one in picked:
            rest.remove(one)
        return picked

    watched = taken([one for one in rest if one.watched])
    grew = taken([one for one in rest if one.grew_at is not None])
    left = taken([one for one in rest if one.state in {"false", "duplicate", "closed"}])
    set_aside = taken([one for one in rest if one.state == State.NOT_ASSESSABLE])
    asked = taken([one for one in rest if one.waits_for == "township"])
    new = taken([one for one in rest if one.raised_at >= since and one.state == State.NEW])
    return Morning(
        since=since,
        new=_urgent_first(new),
        waiting=_urgent_first(rest),
        asked=_urgent_first(asked),
        set_aside=set_aside,
        gates=tuple(gates),
        grew=_urgent_first(grew),
        watched=watched,
        left=tuple(one for one in left if one.since >= since),
    )


def source_words(showing: Showing, language: str) -> str:
    """The sources that crossed, the driving one first."""
    ordered = sorted(showing.sources, key=lambda one: not one.drives)
    names = dict.fromkeys(word(language, "source", one.source) for one in ordered)
    return ("、" if language == "zh" else ", ").join(names)


def _urgent_first(lines: Iterable[SignalLine]) -> tuple[SignalLine, ...]:
    return tuple(
        sorted(
            lines,
            key=lambda one: (not one.overdue, -Colour(one.colour).rank, one.since, one.place),
        )
    )


def _name(signal: Signal, showing: Showing, language: str) -> str:
    colour = word(language, "colour", showing.colour.value)
    return f"{signal.area_name} · {colour} · {showing.first_day:%m-%d}"


def _line(
    signal: Signal,
    times: tuple[datetime, datetime],
    others: tuple[Other, ...],
    language: str,
    now: datetime,
) -> SignalLine:
    standing, showing = signal.standing, signal.showing()
    if showing is None:
        raise ValueError("a line is made of what may be known")
    raised_at, since = times
    acts = possible(standing, now) & _FOR_A_PERSON if signal.is_owner else frozenset[Act]()
    driver = next((one.source for one in showing.sources if one.drives), "")
    arriving = standing.arriving_until
    return SignalLine(
        signal_id=signal.signal_id,
        place=signal.area_name,
        colour=showing.colour.value,
        state=standing.state.value,
        first_day=showing.first_day,
        last_day=showing.last_day,
        sources=source_words(showing, language),
        driver=driver,
        drill=signal.drill,
        watched=signal.watched,
        raised_at=raised_at,
        since=since,
        due_at=standing.due_at if signal.is_open or signal.grew_at else None,
        overdue=int(standing.rung) > 0,
        rung=int(standing.rung),
        level=int(standing.level),
        waits_for=_waits_for(signal),
        cause=standing.cause or "",
        acts=tuple(act.value for act in Act if act in acts),
        others=others,
        # Officers read the question later: it names what they may know, where they may know it.
        question=_question(signal.on_paper().showing() or showing, language),
        arriving_until=arriving if arriving is not None and arriving > now else None,
        grew_at=signal.grew_at,
    )


def _waits_for(signal: Signal) -> str:
    if not signal.is_open or signal.watched:
        return ""
    unanswered = signal.standing.state is State.VERIFYING and signal.standing.verified is None
    return "township" if unanswered else "officer"


def _question(showing: Showing, language: str) -> str:
    return say(
        language,
        "More than usual since %(day)s: %(sources)s. Please look and say what you find; no names.",
    ) % {"day": f"{showing.first_day:%m-%d}", "sources": source_words(showing, language)}


def one_tap(line: SignalLine) -> tuple[str, ...]:
    """The acts that a list offers beside a line, the others stand on the signal's page."""
    return tuple(act.value for act in _ONE_TAP if act.value in line.acts)


def all_acts(line: SignalLine) -> tuple[str, ...]:
    """Everything the reader may do with it now."""
    return line.acts


def taken_back(line: SignalLine) -> tuple[str, ...]:
    """What undoes the tap that left a line, where the reader may."""
    return tuple(act for act in line.acts if act == Act.REOPEN.value)
