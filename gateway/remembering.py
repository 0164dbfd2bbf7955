"""What the screen must remember of whom the exact stage has just looked at. Pure."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from msgspec import structs

from gateway.baselines import TRACKED, StateRow
from gateway.detect import Assessment, Rulebook, may_begin_wait
from gateway.person_bits import bits_of
from gateway.recent import (
    BEGINNING,
    SILENCE_TOLD,
    Memory,
    RecentRow,
    micros,
    recent_of,
    waits_of,
)
from gateway.recent_many import closed
from gateway.row_copies import copied
from gateway.silences import NEVER, earliest_silence
from rules.pack import Pack
from rules.rule import Rule
from rules.screen import Extremes, extremes_of, is_for
from rules.silence import delayed
from rules.vocabulary import Profile, QuantityName, Stage, Vital
from rules.window import Blind, Point

_MINUTE_US = 60_000_000


def remembered(
    found: Assessment, rules: Rulebook, mark: int, now: datetime, *, complete: bool
) -> Assessment:
    """The assessment with the columns of the person's last days.

    The person is woken no later than the columns would have it of a reading of now: how long a
    silence may last is a question of this person's habit, which calm readings change, and these
    leave the wake-up where it stands.

    Args:
        found: what became of the person.
        rules: the rulebook it was looked at under; `mark` is its fingerprint.
        mark: see there.
        now: the instant of the look.
        complete: whether the points that were looked at reach back over all day columns from the
            newest reading; where they do not, what was remembered before is carried on.
    """
    before = found.person.state.recent
    heard = found.window.points
    memory = Memory(
        folded_through=int(found.state.row["folded_through"]),
        rules=mark,
        watch_until=watch_until(
            heard if found.watched is None else found.watched,
            rules.pack,
            found.window.blind,
            profile=found.person.profile,
            extremes=found.extremes,
            idle=found.idle,
        ),
        open_since=found.open_since,
        silence_told=_is_silence_told(found),
        person=bits_of(found.person.profile, rules.pack),
        before=before,
    )
    if found.state.recent is not None:
        recent = _with(found.state.recent, memory)
        return _woken_in_time(found.with_recent(recent), recent, rules.pack, now)
    if not complete:
        carried = _carried(found, memory)
        return _woken_in_time(found.with_recent(carried), carried, rules.pack, now)
    open_days = memory.folded_through
    learned = [
        point
        for point in found.taught
        if point.effective_at.astimezone(rules.zone).toordinal() > open_days
    ]
    learned.sort(key=lambda point: point.order)
    recent = recent_of(heard, learned, rules.zone, memory)
    return _woken_in_time(found.with_recent(recent), recent, rules.pack, now)


def _woken_in_time(
    found: Assessment, recent: RecentRow | None, pack: Pack, now: datetime
) -> Assessment:
    known = found.state.next_wake_at
    if found.since is not None and found.silence is not None and now < found.silence:
        return found
    if recent is None or (known is None and found.since is None):
        return found
    row, profile = found.state.row, found.person.profile
    earliest = earliest_silence(pack, profile, row, recent)
    if found.since is None or earliest <= now:
        # Of what was not measured now the next reading may be from now on; it moves no wake-up.
        earliest = earliest_silence(pack, profile, row, _measured_at(recent, row, now))
    if earliest is NEVER or earliest <= now:
        return found
    wake_at = earliest if known is None else min(known, earliest)
    state = structs.replace(found.state, next_wake_at=wake_at)
    return structs.replace(found, state=state)


def _measured_at(recent: RecentRow, row: StateRow, now: datetime) -> RecentRow:
    """The columns as if everything that this person ever measured were measured now."""
    recent = copied(recent)
    at = micros(now)
    pressure, glucose = (
        row["readings"][TRACKED.index(name)] > 0
        for name in (QuantityName.SYSTOLIC, QuantityName.GLUCOSE)
    )
    recent["systolic_at"] = at if recent["systolic_at"] or pressure else 0
    recent["glucose_at"] = at // _MINUTE_US if recent["glucose_at"] or glucose else 0
    return recent


def _is_silence_told(found: Assessment) -> bool:
    """Whether a clock of silence is over, which the next reading begins anew.

    A calm reading leaves the person's wake-up where it stood, and of this silence there is none any
    more. So the next reading is looked at exactly, as where something is still waited for.
    """
    before = found.person.state.recent
    if found.since is None and before is not None and int(before["open_since"]) & SILENCE_TOLD:
        return True
    return any(one.decision.stage is Stage.ABSENCE for one in found.judged)


def _carried(found: Assessment, memory: Memory) -> RecentRow | None:
    """The former memory, with the days that have closed since taken out of it."""
    before = found.person.state.recent
    if before is None or int(before["rules"]) != memory.rules:
        return None
    rows = copied(before).reshape(1)
    days = memory.folded_through - int(found.person.state.row["folded_through"])
    closed(rows, np.array([days], dtype=np.int64))
    return _with(rows[0], memory)


def _with(row: RecentRow, memory: Memory) -> RecentRow:
    """A copy of a row with what does not follow from the readings; nobody is watched shorter."""
    row = copied(row)
    row["open_since"], row["person"] = waits_of(memory), memory.person
    until = -(-micros(memory.watch_until) // 60_000_000)
    row["watch_until"] = max(int(row["watch_until"]), until)
    return row


def watch_until(
    points: Sequence[Point],
    pack: Pack,
    blind: Sequence[Blind] = (),
    *,
    profile: Profile | None = None,
    extremes: Extremes | None = None,
    idle: frozenset[str] = frozenset(),
) -> datetime:
    """Until when a new reading could still change what became of these, or rest on a symptom.

    What confirms or ends a wait for a confirmation looks at readings around it (`pair_within`: none
    lower may come within its span). After that the wait is settled and was told, so nothing new can
    come of it; time in which nothing could arrive (`blind`) prolongs it. The screen takes it that
    nobody has told of a symptom within any rule's reach. What cannot ask for somebody with this
    `profile` is left out; `extremes` are those of the points, where they are known already;
    `idle` rules wait for nothing.
    """
    extremes = extremes_of(points) if extremes is None else extremes
    told = [point.effective_at for point in points if point.kind is Vital.SYMPTOM]
    latest = (
        max(told) + max(rule.reach for rule in pack.rules if _hears(rule)) if told else BEGINNING
    )
    newest = points[-1].effective_at if points else BEGINNING
    arrived = [(point, max(point.received_at, point.effective_at)) for point in points]
    for rule in pack.waiting:
        if (
            rule.pending is None
            or rule.id in idle
            or not _may_ask(rule, extremes, symptoms=bool(told))
        ):
            continue
        if profile is not None and not is_for(rule.pending.when.tree, profile):
            continue
        reach, wait = rule.reach, rule.pending.wait
        for point, heard in arrived:
            # What ends before the newest reading is behind every reading to come.
            behind = max(latest, newest) - reach
            if not blind and heard + wait <= behind:
                continue
            due = delayed(heard, wait, blind)
            if due <= behind or not point.usable:
                continue
            if may_begin_wait(rule, point):
                latest = due + reach
    return latest


def _hears(rule: Rule) -> bool:
    return Vital.SYMPTOM in rule.vitals


def _may_ask(rule: Rule, extremes: Extremes, *, symptoms: bool) -> bool:
    pending = rule.pending
    if pending is None:
        return False
    needs_cause = pending.when.needs_level_or_symptom
    return not needs_cause or rule.level_is_in(extremes) or (symptoms and _hears(rule))
