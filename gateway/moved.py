"""An exact look at new readings whose place in the columns the screen has worked out. Pure.

The screen moves the columns on by a reading before it knows whether the reading matters. Where it
does, that work is done, and most rules are known to have nothing to say.
"""

from collections.abc import Sequence
from datetime import datetime

from gateway.beside import begun_beside, idle_rules
from gateway.case_ends import URGENT
from gateway.detect import (
    AROUND,
    Assessment,
    Judged,
    Name,
    Person,
    Rulebook,
    assess,
    came_after_a_wait,
    first_of,
    judged_at,
    judged_of,
    near_in,
    needed_from,
    next_wake,
    window_of,
)
from gateway.priors import person_baselines
from gateway.silences import NEVER, earliest_silence
from gateway.stored_state import MovedRow, StoredState
from rules.engine import evaluate
from rules.pack import Pack
from rules.screen import extremes_of
from rules.vocabulary import Priority, Vital
from rules.window import Point, Window


def assess_moved(  # noqa: PLR0913 - one argument a question
    person: Person,
    moved: Sequence[MovedRow],
    points: Sequence[Point],
    fresh: Sequence[Point],
    rules: Rulebook,
    now: datetime,
    *,
    whole: bool,
    silence: datetime | None = None,
) -> Assessment:
    """`detect.assess`, by what the columns tell already where they tell something.

    Only rules are looked at that a reading could make ask for somebody, or that wait or miss;
    where one is told of, all are, for what nearly fired beside it. `moved` are the columns after
    each of the `fresh`, or nothing; `silence` is `earliest_silence` of the last of them, where it
    is known already.
    """
    heard = None if whole else window_of(person, points, rules.zone)
    if (
        heard is not None
        and moved
        and _are_newest(fresh, heard)
        and not came_after_a_wait(fresh, heard, rules.pack, now)
    ):
        return _assess(person, moved, heard, rules, now, fresh=fresh, silence=silence)
    if heard is not None and not fresh and person.open_since is not None:
        return _assess(person, [_unmoved(person)], heard, rules, now, fresh=fresh)
    return assess(person, points, fresh, rules, now, whole=whole)


def _unmoved(person: Person) -> MovedRow:
    """Of who is woken without a new reading the columns stand as they were left."""
    recent = person.state.recent
    assert recent is not None
    return MovedRow(row=person.state.row, recent=recent, rules=frozenset(), watched=True)


def _are_newest(fresh: Sequence[Point], heard: Window) -> bool:
    """Whether all there is new are the last of the readings, at their own times."""
    last = heard.points[-len(fresh) :]
    return bool(fresh) and all(
        one.identity == point.identity and not one.rings_by_arrival
        for one, point in zip(fresh, last, strict=True)
    )


def _idle(moved: Sequence[MovedRow], state: StoredState, pack: Pack) -> frozenset[str]:
    """Rules that stand beside an urgent case, where none can be decided on now."""
    asked = (pack.rule(rule_id) for one in moved for rule_id in one.rules - pack.beside)
    if state.ends_on & URGENT or any(rule.priority >= Priority.URGENT for rule in asked):
        return frozenset()
    return pack.beside


def _asked(
    moved: MovedRow, heard: Window, pack: Pack, idle: frozenset[str]
) -> frozenset[str] | None:
    """The rules that could ask for somebody now, their absences aside; None for any of them.

    The screen takes it that no symptom was told within reach; whoever told of one is watched.
    """
    if not moved.watched:
        return moved.rules - idle
    if any(point.kind is Vital.SYMPTOM for point in heard.points):
        return None
    return moved.rules | pack.with_waits


def _judged_before(
    person: Person,
    moved: Sequence[MovedRow],
    heard: Window,
    rules: Rulebook,
    now: datetime,
    idle: frozenset[str],
) -> dict[Name, Judged]:
    """What is decided on all the new readings but the last, each as of itself, as in `assess`."""
    pack = rules.pack
    judged: dict[Name, Judged] = {}
    begin = len(heard.points) - len(moved)
    for place, row in enumerate(moved[:-1], start=begin):
        only = _asked(row, heard, pack, idle)
        if only is not None and not only:
            continue
        point = heard.points[place]
        usual = person_baselines(row.row, person.profile)
        window = heard.up_to(place + 1).with_usual(usual)
        judged = judged_at(point, window, pack, now, only=only) | judged
    return judged


def _assess(  # noqa: PLR0913 - as `assess_moved`
    person: Person,
    turns: Sequence[MovedRow],
    heard: Window,
    rules: Rulebook,
    now: datetime,
    *,
    fresh: Sequence[Point],
    silence: datetime | None = None,
) -> Assessment:
    pack, moved = rules.pack, turns[-1]
    window = heard.with_usual(person_baselines(moved.row, person.profile))
    silence = silence or earliest_silence(pack, person.profile, moved.row, moved.recent)
    idle = _idle(turns, person.state, pack)
    earlier = _judged_before(person, turns, heard, rules, now, idle)
    only = _asked(moved, heard, pack, idle)
    if only is not None and silence <= now:
        only |= pack.with_absences
    # Of whom nobody is watched, older readings have been told of: no wait is open.
    watched = heard.points if moved.watched else heard.points[-1:]
    extremes = extremes_of(watched)
    new = frozenset(point.identity for point in fresh[-1:])
    # Nobody has been told yet what these readings themselves have begun.
    told = person.open_since
    if told is not None and fresh:
        told = min(told, fresh[0].effective_at)
    found = evaluate(
        pack,
        window,
        now,
        new,
        absent=not fresh,
        silences=silence <= now,
        explain=False,
        extremes=extremes,
        only=only,
        open_since=told if moved.watched else now,
    )

    near = near_in(pack, window, now, new, absent=not fresh)
    begin = needed_from(person, fresh, rules, now) + AROUND
    judged = judged_of(found, near, window, pack, now, missing_since=begin) | earlier
    waits = [wake for wake in found.wakes if wake.due_at > now]
    decisions = [one.decision for one in judged.values()]
    idle = idle_rules(pack, person.state, decisions, new=fresh, open_since=person.open_since)
    beside = begun_beside(pack, person.state, window, now, idle)
    judged = judged_of(beside, near, window, pack, now, missing_since=begin) | judged
    waits = [wake for wake in {*waits, *beside.wakes} if wake.rule_id not in idle]
    silences = [max(wake.due_at, now) for wake in found.silences]
    silences += [silence] if now < silence < NEVER else []
    return Assessment(
        person=person,
        state=StoredState(
            row=moved.row,
            next_wake_at=next_wake(waits, silences),
            recent=moved.recent,
        ),
        window=window,
        watched=watched,
        judged=tuple(j for j in judged.values() if j.decision.rule_id not in idle),
        since=fresh[0].order if fresh else None,
        open_since=first_of(waits, window),
        idle=idle,
        extremes=extremes,
        silence=silence,
    )
