"""One signal's page: why, where, since when, which source, what was normal, what was done. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from service.surveillance.beside import Beside
from service.surveillance.daily_judge import ALPHA
from service.surveillance.feedback import MOST
from service.surveillance.indicators import SourceKind
from service.surveillance.showing import Showing, ShownSource, Sight, shown_number
from service.surveillance.signal_records import Signal, SignalEvent, VerificationRecord
from service.surveillance.signal_words import SourceEvidence
from service.surveillance.workflow import Act
from service.web.language import say
from service.web.signal_pictures import Curve, curves
from service.web.signal_view import SignalLine
from service.web.words import WORDS, word


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One row of the table of sources; unless `exact` the numbers are the bounds that are told."""

    source: str
    indicator: str
    days: tuple[date, ...]
    drives: bool
    observed: str
    expected: str
    p: str
    detectors: tuple[str, ...]
    threshold: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry of the record."""

    at: datetime
    who: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question to the township with its answer."""

    question: str
    asked_by: str
    asked_at: datetime
    due_at: datetime
    answered_by: str
    answered_at: datetime | None
    finding: str
    cases: str
    looked_at: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalPage:
    """What the template shows of one signal."""

    line: SignalLine
    county: str
    why: str
    exact: bool
    all_named: bool
    may_look: bool
    rows: tuple[SourceRow, ...]
    curves: tuple[Curve, ...]
    adjusted: str
    beside: tuple[str, ...]
    asked: tuple[Asked, ...]
    record: tuple[Told, ...]
    acts: tuple[str, ...]
    verified: str
    risk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was read beside the signal itself; `provisional` by source, see `curves`."""

    line: SignalLine
    events: Sequence[SignalEvent]
    verifications: Sequence[VerificationRecord]
    provisional: Mapping[str, int]
    today: date
    beside: Beside


def signal_page(signal: Signal, known: Known, language: str) -> SignalPage:
    """The page of a signal that the reader may know of."""
    showing = signal.showing()
    standing = signal.standing
    return SignalPage(
        line=known.line,
        county=signal.county_name or "",
        why=_why(known.line, language),
        exact=showing is not None and showing.exact,
        all_named=signal.sight is not Sight.OFFICER,
        may_look=signal.is_duty and signal.is_open,
        rows=_rows(signal, language),
        curves=tuple(curves(signal.exact_evidence, known.provisional, known.today)),
        adjusted=_adjusted(signal, language),
        beside=tuple(_beside(showing, known.beside, language)),
        asked=tuple(_asked(one, signal, language) for one in known.verifications),
        record=tuple(_told(one, language) for one in known.events),
        acts=tuple(act for act in known.line.acts if act != Act.ANSWER),
        verified="" if standing.verified is None else standing.verified.value,
        risk="" if standing.risk is None else standing.risk.value,
    )


def _why(line: SignalLine, language: str) -> str:
    if "、" in line.sources or "," in line.sources:
        text = say(language, "%(sources)s are over their own thresholds, within seven days.")
    else:
        text = say(language, "%(sources)s: over its own threshold.")
    return text % {"sources": line.sources}


def _rows(signal: Signal, language: str) -> tuple[SourceRow, ...]:
    showing = signal.showing()
    if showing is None:
        return ()
    rows: list[SourceRow] = []
    for source in showing.sources:
        if not source.evidence:
            rows.append(_bounds(source, signal.floor, language))
        rows += [_exact(one, drives=source.drives and one.crossed) for one in source.evidence]
    return tuple(rows)


def _bounds(source: ShownSource, floor: int, language: str) -> SourceRow:
    """What being named implies: it reaches the floor, and crossed at the level of alarms."""
    counts = [f"<{floor}"] * source.small + [f"≥{floor}"] * source.large
    return SourceRow(
        source=source.source,
        indicator=source.indicator,
        days=source.days,
        drives=source.drives,
        observed=", ".join(counts),
        expected=say(language, "fewer") if source.crossed else "–",
        p=f"≤{ALPHA:g}" if source.crossed else "–",
        detectors=tuple(one.value for one in source.detectors),
    )


def _exact(one: SourceEvidence, *, drives: bool) -> SourceRow:
    return SourceRow(
        source=one.source,
        indicator=one.indicator,
        days=(one.day,),
        drives=drives,
        observed=str(one.observed),
        expected=_number(one.expected),
        threshold=_number(one.adjusted_bound),
        p=_p(one.p),
        detectors=() if one.detector is None else (one.detector.value,),
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"  # noqa: PLR2004 -- four decimals


def _adjusted(signal: Signal, language: str) -> str:
    said = [
        one
        for one in signal.evidence
        if one.may_be_named(signal.floor) or signal.sight is not Sight.OFFICER
    ]
    factor = max((one.factor for one in said), default=1.0)
    if factor <= 1:
        return ""
    return say(
        language,
        "Earlier signals of this series were dismissed: the distance to the threshold is "
        "%(percent)s %% larger (at most %(most)s %%).",
    ) % {"percent": round(factor * 100 - 100), "most": round(MOST * 100 - 100)}


def _beside(showing: Showing | None, beside: Beside, language: str) -> Iterator[str]:
    """What is looked at before anything else is believed: devices first, then the weather."""
    sources = () if showing is None else showing.sources
    if any(one.source == SourceKind.HOME for one in sources):
        text = say(language, "No model or delivery of devices began to read differently lately.")
        if beside.shifted:
            names = [f"{one.key} ({one.since:%m-%d})" for one in beside.shifted]
            joined = ("、" if language == "zh" else ", ").join(names)
            text = say(
                language, "Devices first: %(what)s read differently than before. Check them."
            ) % {"what": joined}
        yield text
    if beside.temperature is not None:
        during, before = beside.temperature
        yield say(
            language,
            "Weather: %(during)s °C on average on these days, %(before)s °C in the four weeks "
            "before.",
        ) % {"during": f"{during:.1f}", "before": f"{before:.1f}"}


def _asked(one: VerificationRecord, signal: Signal, language: str) -> Asked:
    names = [word(language, "looked_at", code) for code in one.looked_at]
    return Asked(
        question=one.question,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        due_at=one.due_at,
        answered_by=one.answered_by,
        answered_at=one.answered_at,
        finding="" if one.finding is None else word(language, "finding", one.finding.value),
        cases=shown_number(one.cases, signal.sight, signal.floor),
        looked_at=("、" if language == "zh" else ", ").join(names),
        account=one.account,
    )


def _told(one: SignalEvent, language: str) -> Told:
    why = one.reason
    if why in WORDS["because"]:
        why = word(language, "because", why)
    elif why in WORDS["source"]:
        why = ""  # the driving source of a hidden row is not for everybody
    return Told(
        at=one.at,
        who=one.actor or say(language, "the program"),
        what=word(language, "done", one.what),
        why=why,
    )
