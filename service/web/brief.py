"""What the morning brief and a signal's report say: titles, sentences and tables. Pure.

Written from the same `Morning` and `SignalPage` as the pages, so nobody types anything twice, and
nothing stands in a document that the page hides. `brief_docx` and `brief_pdf` only set it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from service.web.language import LOCALES, mark, say
from service.web.signal_page_view import SignalPage
from service.web.signal_view import Morning, SignalLine
from service.web.words import word


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One heading with its sentences, or with a table of which the first row is the head."""

    title: str
    lines: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A document; `language` is its own, `file_name` without an ending."""

    language: str
    title: str
    subtitle: str
    sections: tuple[Section, ...]
    foot: str
    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a document writes: language, zone, who asks for it and when, the smallest count."""

    language: str
    zone: ZoneInfo
    writer: str
    county: str
    now: datetime
    floor: int

    def moment(self, at: datetime) -> str:
        """Day and minute in the county's zone."""
        pattern = "M月d日 HH:mm" if self.language == "zh" else "d MMM HH:mm"
        return format_datetime(at, pattern, tzinfo=self.zone, locale=LOCALES[self.language])

    def span(self, line: SignalLine) -> str:
        """The days of a signal."""
        locale = LOCALES[self.language]
        pattern = "M月d日" if self.language == "zh" else "d MMM"
        first = format_date(line.first_day, pattern, locale=locale)
        if line.last_day == line.first_day:
            return first
        return f"{first} – {format_date(line.last_day, pattern, locale=locale)}"

    def say(self, text: str) -> str:
        """A sentence in the document's language."""
        return say(self.language, text)


def morning_brief(
    morning: Morning, setting: Setting, duty: Sequence[str], verified: Sequence[str] = ()
) -> Brief:
    """The brief of the page of eight o'clock; exercises are marked and not counted."""
    lists = (
        (setting.say(mark("New since yesterday")), morning.new),
        (setting.say(mark("Waits for me")), morning.waiting),
        (setting.say(mark("Townships are verifying")), morning.asked),
        (setting.say(mark("What I closed that grew")), morning.grew),
        (setting.say(mark("Left since yesterday")), morning.left),
    )
    sections = [_counts(lists, setting)]
    sections += [_list(title, lines, setting) for title, lines in lists if lines]
    closed = [f"{one.place} · {one.source}: {one.why}" for one in morning.gates]
    closed += [f"{one.place} · {one.sources}" for one in morning.set_aside]
    nothing = setting.say(mark("Every source that should report has reported."))
    sections.append(
        Section(title=setting.say(mark("Not assessable")), lines=tuple(closed) or (nothing,))
    )
    if verified:
        title = setting.say(mark("Homes and villages"))
        sections.append(Section(title=title, lines=tuple(verified)))
    day = setting.now.astimezone(setting.zone).date()
    named = ("、" if setting.language == "zh" else ", ").join(duty) or setting.say(
        "nobody is named"
    )
    return Brief(
        language=setting.language,
        title=setting.say(mark("Brief on warning signals")),
        subtitle=f"{setting.county} · {setting.moment(setting.now)} · "
        + setting.say(mark("Duty officer today:"))
        + f" {named}",
        sections=tuple(sections),
        foot=_foot(setting),
        file_name=f"brief-{day.isoformat()}",
    )


def signal_brief(page: SignalPage, setting: Setting) -> Brief:
    """The report of one signal, without exact counts: a document leaves the house."""
    line = page.line
    about = [
        page.why,
        *page.beside,
        f"{setting.say(mark('Since when'))}: {setting.span(line)}",
        f"{setting.say(mark('State'))}: {word(setting.language, 'signal_state', line.state)}",
    ]
    for kind, code in (("finding", page.verified), ("cause", line.cause), ("risk", page.risk)):
        if code:
            about.append(word(setting.language, kind, code))
    record = tuple(
        f"{setting.moment(one.at)} {one.who}: {one.what}" + (f" – {one.why}" if one.why else "")
        for one in page.record
    )
    return Brief(
        language=setting.language,
        title=f"{setting.say(mark('Warning signal'))} · {line.place} · "
        f"{word(setting.language, 'colour', line.colour)}"
        + (f" · {setting.say(mark('Exercise'))}" if line.drill else ""),
        subtitle=f"{page.county} · {setting.moment(setting.now)}",
        sections=(
            Section(title=setting.say(mark("Why")), lines=tuple(about)),
            Section(
                title=setting.say(mark("Which source")),
                table=_sources(page, setting),
            ),
            Section(
                title=setting.say(mark("Verification by the township")),
                lines=tuple(
                    f"{one.question} — {one.finding} {one.account}".strip() for one in page.asked
                )
                or (setting.say(mark("The township has not been asked.")),),
            ),
            Section(title=setting.say(mark("Record")), lines=record),
        ),
        foot=_foot(setting),
        file_name=f"signal-{line.first_day.isoformat()}-{str(line.signal_id)[:8]}",
    )


def _sources(page: SignalPage, setting: Setting) -> tuple[tuple[str, ...], ...]:
    """Source, observed, expected and p as every officer is told them, and which one drives."""
    head = (
        setting.say(mark("Source type")),
        setting.say(mark("Counted")),
        setting.say(mark("Days over the threshold")),
        setting.say(mark("Observed")),
        setting.say(mark("Expected")),
        "p",
        setting.say(mark("Judged by")),
    )
    rows = tuple(
        (
            word(setting.language, "source", row.source)
            + (f" ({setting.say(mark('drives it'))})" if row.drives else ""),
            word(setting.language, "counted", row.indicator),
            ", ".join(f"{day:%m-%d}" for day in row.days),
            row.observed,
            row.expected,
            row.p,
            "; ".join(word(setting.language, "detector", one) for one in row.detectors),
        )
        for row in page.rows
    )
    return (head, *rows)


def _counts(lists: Sequence[tuple[str, Sequence[SignalLine]]], setting: Setting) -> Section:
    numbers = tuple(str(sum(not one.drill for one in lines)) for _, lines in lists)
    return Section(
        title=setting.say(mark("Summary")), table=(tuple(title for title, _ in lists), numbers)
    )


def _list(title: str, lines: Sequence[SignalLine], setting: Setting) -> Section:
    head = (
        setting.say(mark("Township")),
        setting.say(mark("Colour")),
        setting.say(mark("Source type")),
        setting.say(mark("Days")),
        setting.say(mark("State")),
        setting.say(mark("Due")),
    )
    rows = tuple(
        (
            one.place + (f" ({setting.say(mark('Exercise'))})" if one.drill else ""),
            word(setting.language, "colour", one.colour),
            one.sources,
            setting.span(one),
            word(setting.language, "signal_state", one.state)
            + (f", {word(setting.language, 'cause', one.cause)}" if one.cause else ""),
            setting.moment(one.due_at) if one.due_at else "–",
        )
        for one in lines
    )
    return Section(title=title, table=(head, *rows))


def _foot(setting: Setting) -> str:
    written = setting.say(mark("Written by %(who)s with Hearthwatch.")) % {"who": setting.writer}
    return f"{written} " + setting.say(
        mark("No count below %(floor)s and no person stands in it. It is no diagnosis.")
    ) % {"floor": setting.floor}
