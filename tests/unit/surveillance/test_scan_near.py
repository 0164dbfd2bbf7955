"""Rules over neighbouring places: count x window x distance, and the scan over judged places."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from service.cli import main
from service.surveillance.fusion import Place
from service.surveillance.scan_near import CountRule, gatherings, scan_places
from service.surveillance.signal_words import Colour, SourceEvidence

DAY = date(2026, 11, 20)
LINE = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [90.0, 0.0]])


def _rule(at_least: int = 6, days: int = 3, within_km: float = 12.0) -> CountRule:
    return CountRule(at_least=at_least, days=days, within_km=within_km)


@pytest.mark.row("C2")
def test_cases_of_neighbours_within_the_days_add_up_and_others_do_not() -> None:
    counts = np.array([[9, 0, 0, 2], [0, 0, 1, 1], [0, 1, 1, 0], [0, 2, 2, 1]], dtype=np.float64)
    # the middle place reaches both neighbours: 2 + 2 + 2; the far one has five alone
    (found,) = gatherings(counts, LINE, _rule())
    assert (found.places, found.cases) == ((1, 0, 2), 6)
    assert gatherings(counts, LINE, _rule(at_least=7)) == []
    assert gatherings(counts, LINE, _rule(within_km=9)) == []
    assert [one.places for one in gatherings(counts, LINE, _rule(at_least=5))] == [(1, 0, 2), (3,)]
    longer = gatherings(counts, LINE, _rule(days=4))
    assert longer[0].cases == 15


@pytest.mark.row("C2")
def test_what_lies_inside_a_larger_gathering_is_not_told_twice_and_holes_are_no_cases() -> None:
    counts = np.array([[np.nan, 5.0], [np.nan, 5.0], [0.0, 0.0], [np.nan, np.nan]])
    (found,) = gatherings(counts, LINE, _rule(days=2, at_least=5))
    assert found.cases == 10


def _place(number: int, excess: int, *, noise: np.random.Generator) -> Place:
    def rows(first: int, last: int, more: int) -> tuple[SourceEvidence, ...]:
        return tuple(
            SourceEvidence(
                source="clinic",
                indicator="influenza_like",
                day=DAY - timedelta(days=ago),
                observed=int(noise.poisson(6)) + (more if ago < 4 else 0),
                expected=6.0,
                upperbound=16.0,
                p=0.2,
            )
            for ago in range(last, first - 1, -1)
        )

    return Place(area=f"t{number:02}", sources=rows(0, 6, excess), history=rows(7, 34, 0))


@pytest.mark.row("C16")
def test_a_rise_too_small_for_each_place_is_told_where_neighbours_share_it() -> None:
    noise = np.random.default_rng(5)
    positions = {f"t{n:02}": (30.0 + 0.1 * (n // 5), 120.0 + 0.1 * (n % 5)) for n in range(20)}
    struck = {6, 7, 11, 12}
    places = [_place(n, 4 if n in struck else 0, noise=noise) for n in range(20)]
    found = scan_places(places, positions, DAY, seed=1)
    areas = {one.area for one in found}
    assert len(areas & {f"t{n:02}" for n in struck}) >= 3
    assert len(areas) <= 6
    assert {(one.colour, one.driver) for one in found} == {(Colour.BLUE, "clinic")}
    assert scan_places(places, positions, DAY, seed=1) == found
    assert scan_places(places, {}, DAY, seed=1) == []


def test_quiet_places_are_not_told() -> None:
    noise = np.random.default_rng(6)
    positions = {f"t{n:02}": (30.0 + 0.1 * (n // 5), 120.0 + 0.1 * (n % 5)) for n in range(20)}
    places = [_place(n, 0, noise=noise) for n in range(20)]
    assert scan_places(places, positions, DAY, seed=1) == []


def _file(tmp_path: Path) -> str:
    path = tmp_path / "places.json"
    places = [
        {
            "id": f"p{n}",
            "latitude": 30 + n / 10,
            "longitude": 120,
            "counts": [2, 2, 9 if n < 2 else 2],
            "expected": [2, 2, 2],
        }
        for n in range(6)
    ]
    path.write_text(json.dumps({"places": places}), encoding="utf-8")
    return str(path)


@pytest.mark.row("C2")
def test_the_command_tells_both_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _file(tmp_path)
    assert main(["surveillance", "scan", "--places", file, "--replicas", "99"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["places"], told["periods"], told["observed"]) == (["p0", "p1"], 1, 18)
    assert told["score"] == pytest.approx(18 * np.log(18 / 4) - 14)
    rule = ["--at-least", "15", "--days", "1", "--within-km", "12"]
    assert main(["surveillance", "scan", "--places", file, *rule]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["cases"] == 20


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"places": []}', "places"),
        ('{"places": [{"id": "a"}]}', "latitude"),
        ('{"plces": []}', "plces"),
    ],
)
def test_a_file_that_cannot_be_scanned_is_named(
    text: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    assert main(["surveillance", "scan", "--places", str(path)]) == 2
    assert named in capsys.readouterr().err
