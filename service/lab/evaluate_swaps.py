"""`hearthwatch evaluate swaps`: how often couples are asked "was this you?", and how rightly.

The cohort's couples who both have a cuff are taken as users 1 and 2 of one. In a quarter of couples
one session in fifty was in truth the other's; nobody answers. Beside it stand asking at random and
asking whenever a reading is far from the own usual, each as often.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from firmware_sim.cohort.files import Request, generate
from gateway.baselines import baselines, empty_state, horizon
from gateway.likeness import fit, is_warm
from gateway.packs import load_first_pack
from gateway.suspicion import Circle, Member, numbers_of
from gateway.teaching import teaches
from rules.pack import Pack
from rules.vocabulary import Profile, SubjectRef
from rules.window import Point, sessions
from service.lab.cohort_points import home_pressures
from service.lab.cohort_request import add_cohort_arguments, requested

_ZONE = ZoneInfo("Asia/Shanghai")
_FIRST = date(2025, 1, 1)
_CUFF = "Acme/BP-2/shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Couple:
    """Each one's readings, and which were in truth the other's."""

    points: Mapping[SubjectRef, tuple[Point, ...]]
    wrong: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Sessions of all couples: how many there were, were wrong, were asked about, and both."""

    sessions: int = 0
    wrong: int = 0
    asked: int = 0
    right: int = 0
    spared: int = 0

    def line(self, name: str, couples: int) -> str:
        """One row of a table."""
        precision = self.right / self.asked if self.asked else 0.0
        found = self.right / self.wrong if self.wrong else 0.0
        return (
            f"| {name} | {self.asked} | {self.asked / couples:.1f} | {precision:.0%} | {found:.0%}"
            f" | {self.spared / couples:.0%} |"
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_cohort_arguments(parser, people=1500)


def run(arguments: argparse.Namespace) -> int:
    """Print a table; 0."""
    request = requested(arguments, _FIRST)
    pack = load_first_pack()
    doubted, far = Tally(), list[tuple[float, bool]]()
    couples = 0
    for couple in couples_of(request):
        couples += 1
        _count(couple, _doubts(couple, pack), doubted)
        far += _distances(couple, pack)
    far.sort(reverse=True)
    own = [wrong for _, wrong in far[: doubted.asked]]
    alone = Tally(wrong=doubted.wrong, asked=len(own), right=sum(own))
    chance = Tally(wrong=doubted.wrong, asked=doubted.asked)
    chance.right = round(doubted.asked * doubted.wrong / max(1, doubted.sessions))
    sys.stdout.write(
        f"{couples} couples, {doubted.sessions} sessions, {doubted.wrong} by the other\n"
        "| asked | times | a couple | rightly | of the swaps | couples never asked |\n"
        "|---|---|---|---|---|---|\n"
        + "\n".join(
            [
                doubted.line("when the other fits clearly better", couples),
                alone.line("when farthest from the own usual", couples),
                chance.line("at random", couples),
            ]
        )
        + "\n"
    )
    return 0


def couples_of(request: Request) -> Iterator[Couple]:
    """The cohort's couples in which both have a cuff."""
    waiting: dict[int, tuple[SubjectRef, tuple[Point, ...], frozenset[str]]] = {}
    for readings in generate(request):
        person = readings.person
        if person.spouse is None or person.kit.cuff is None:
            continue
        lived = sorted(home_pressures(readings, _CUFF), key=lambda each: each.point.order)
        mine = (
            SubjectRef(person.id),
            tuple(each.point for each in lived),
            frozenset(each.point.identity for each in lived if each.by_spouse),
        )
        theirs = waiting.pop(person.spouse, None)
        if theirs is None:
            waiting[person.number] = mine
        else:
            yield Couple(points=dict([theirs[:2], mine[:2]]), wrong=theirs[2] | mine[2])


def _members(couple: Couple) -> dict[SubjectRef, Member]:
    return {
        subject: Member(subject=subject, state=empty_state(), points=points)
        for subject, points in couple.points.items()
    }


def _doubts(couple: Couple, pack: Pack) -> frozenset[str]:
    people = frozenset(couple.points)
    circle = Circle(
        members=_members(couple),
        profiles={subject: Profile(subject=subject) for subject in people},
        others=lambda _point, owner: people - {owner},
        settled={},
        pack=pack,
        zone=_ZONE,
    )
    return frozenset(circle.judge())


def _count(couple: Couple, doubts: frozenset[str], tally: Tally) -> None:
    before = tally.asked
    for session in _sessions(couple):
        wrong = any(point.identity in couple.wrong for point in session)
        asked = any(point.identity in doubts for point in session)
        tally.sessions += 1
        tally.wrong += wrong
        tally.asked += asked
        tally.right += wrong and asked
    tally.spared += tally.asked == before


def _distances(couple: Couple, pack: Pack) -> Iterator[tuple[float, bool]]:
    """How far each session lies from the own usual, and whether it was the other's."""
    for subject, member in _members(couple).items():
        for session in sessions(couple.points[subject]):
            farthest = 0.0
            for point in session:
                member.advance(
                    horizon(point.effective_at, _ZONE),
                    _ZONE,
                    lambda points: [each for each in points if teaches(each, pack)],
                )
                usual, values = baselines(member.state), numbers_of(point)
                if point.valid and is_warm(usual, frozenset(values)):
                    farthest = max(farthest, fit(values, usual).farthest)
            yield farthest, any(point.identity in couple.wrong for point in session)


def _sessions(couple: Couple) -> Iterator[Sequence[Point]]:
    for points in couple.points.values():
        yield from sessions(points)
