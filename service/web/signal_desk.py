"""What every page about signals reads first: the reader's signals, places, gates, and the day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from service.services import Services
from service.store.records import Account
from service.surveillance.assess import Gap
from service.surveillance.places import Closed
from service.surveillance.signal_records import Signal, SignalEvent
from service.surveillance.signal_store import Gates, NoSignalError, Signals, VerifiedWeek
from service.web.language import mark, say
from service.web.signal_pictures import DAYS_SHOWN
from service.web.signal_view import Gate, Morning, SignalLine, morning, signal_lines
from service.web.words import word

_WHY = {
    Gap.SILENT: mark("no report since %(day)s"),
    Gap.PROVISIONAL: mark("most of its reports are still to come"),
    Gap.FEW_PEOPLE: mark("too few people with a suitable device report"),
    Gap.FEW_OF_USUAL: mark("clearly fewer people report than usually"),
    Gap.NO_HISTORY: mark("too little history to know what is usual"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One reader's view at one instant."""

    store: Signals
    language: str
    now: datetime
    zone: ZoneInfo
    signals: Sequence[Signal]
    events: Sequence[SignalEvent]
    lines: Sequence[SignalLine]
    names: Mapping[str, str]
    closed: Sequence[Closed]
    watched: Mapping[str, Mapping[str, int]]
    provisional: Mapping[str, int]
    duty: Sequence[str]
    place: str
    verified: VerifiedWeek | None

    @property
    def today(self) -> date:
        """The county's day."""
        return self.now.astimezone(self.zone).date()

    def unjudged(self) -> Mapping[tuple[str, date], str]:
        """Township-days of which `all` sources, or `some`, could not be judged.

        A kind of source counts as judged when one of its numbers could be.
        """
        closed = Counter((one.area, one.day, one.source) for one in self.closed)
        kinds: dict[tuple[str, date], set[str]] = {}
        for (area, day, source), number in closed.items():
            if number >= self.watched[area][source]:
                kinds.setdefault((area, day), set()).add(source)
        return {
            (area, day): "all" if found >= self.watched[area].keys() else "some"
            for (area, day), found in kinds.items()
        }

    def verified_lines(self) -> list[str]:
        """A sentence for each township that verified clusters of homes or villages last week."""
        if self.verified is None:
            return []
        text = say(self.language, "%(place)s: %(people)s people in verified clusters")
        return [
            text % {"place": self.names[area], "people": people}
            for area, people in self.verified.people.items()
            if area in self.names
        ]

    def gates(self) -> list[Gate]:
        """Each township and source kind that could not be judged yesterday, and why."""
        yesterday = self.today - timedelta(days=1)
        found: dict[tuple[str, str], Gate] = {}
        for one in self.closed:
            if one.day == yesterday:
                why = say(self.language, _WHY[one.gap]) % {"day": f"{self._since(one):%m-%d}"}
                name = word(self.language, "source", one.source)
                gate = Gate(place=self.names[one.area], source=name, why=why)
                found.setdefault((one.area, one.source), gate)
        return list(found.values())

    def _since(self, one: Closed) -> date:
        days = {
            each.day
            for each in self.closed
            if (each.area, each.indicator, each.gap) == (one.area, one.indicator, one.gap)
        }
        since = one.day
        while since - timedelta(days=1) in days:
            since -= timedelta(days=1)
        return since


async def open_desk(
    parts: Services,
    account: Account,
    language: str,
    signal_id: UUID | None = None,
    *,
    paper: bool = False,
) -> Desk:
    """Reads what the reader may know; of one signal alone where it is named.

    `paper` gives what every officer may know, whoever reads: a document can be passed on.
    """
    now = parts.clock.now()
    store = Signals(parts.store.pool, parts.store.zone, parts.settings.release_floor)
    if signal_id is None:
        signals = await store.signals(account, now)
    else:
        try:
            signals = [await store.signal(account, signal_id, now)]
        except NoSignalError:
            signals = []
    if paper:
        signals = [one for each in signals if (one := each.on_paper()).showing() is not None]
    events = await store.history(signals)
    names = await store.townships(account)
    gates = Gates() if signal_id else await store.gates(list(names), DAYS_SHOWN, now)
    return Desk(
        store=store,
        language=language,
        now=now,
        zone=parts.settings.county_zone,
        signals=signals,
        events=events,
        lines=signal_lines(signals, events, language, now, parts.settings.county_zone),
        names=names,
        closed=gates.closed,
        watched=gates.sources,
        provisional=await store.provisional(),
        duty=await store.duty_today(account, now),
        place=await store.place(account),
        verified=None if signal_id else await store.verified_clusters(list(names), now),
    )


def morning_of(desk: Desk) -> Morning:
    """The page of eight o'clock; the brief is written from the same."""
    return morning(desk.lines, desk.gates(), desk.now, desk.zone)
