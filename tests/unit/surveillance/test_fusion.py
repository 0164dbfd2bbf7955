"""Fusion: Simes and Benjamini-Hochberg by hand, votes of source types, colours, home channel."""

from datetime import date, timedelta
from math import erfc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.surveillance.fusion import DISCOVERY, HOME_PEOPLE, Place, fuse, place_pvalue, votes
from service.surveillance.fusion_statistics import benjamini_hochberg, simes, simes_rows
from service.surveillance.signal_words import Colour, Finding, SourceEvidence

DAY = date(2026, 11, 20)


def _row(
    source: str,
    p: float | None = 0.5,
    *,
    crossed: bool = False,
    ago: int = 0,
    indicator: str = "",
) -> SourceEvidence:
    return SourceEvidence(
        source=source,
        indicator=indicator or f"{source}_indicator",
        day=DAY - timedelta(days=ago),
        observed=30 if crossed else 8,
        expected=8.0,
        upperbound=20.0,
        p=p,
    )


def _fuse(*rows: SourceEvidence, people: int = 100) -> Finding | None:
    quiet = [Place(area=f"quiet{n}", sources=(_row("clinic", 0.4 + n / 40),)) for n in range(19)]
    found = fuse([Place(area="t1", sources=rows, home_people=people), *quiet], DAY)
    assert len(found) <= 1
    return found[0] if found else None


def test_simes_is_the_smallest_of_p_times_n_over_rank() -> None:
    assert simes([0.01, 0.5, 0.9]) == pytest.approx(0.03)
    assert simes([0.04, 0.03, 0.02]) == pytest.approx(0.04)  # 3/3 x 0.04 = 3/2 x 0.03 less
    assert simes([0.2]) == pytest.approx(0.2)
    assert simes([]) == 1.0


def test_a_source_of_weight_zero_is_not_there_and_half_a_weight_doubles_its_p() -> None:
    assert simes([0.001, 0.5], [0.0, 1.0]) == pytest.approx(0.5)
    # mean weight 0.75: the shares are 2/3 and 4/3
    assert simes([0.03, 0.9], [0.5, 1.0]) == pytest.approx(0.03 / (2 / 3) * 2)


def test_benjamini_hochberg_gives_the_q_values_of_the_paper_s_first_steps() -> None:
    # p sorted 0.01 0.02 0.03 0.5: x 4/rank = 0.04 0.04 0.04 0.5
    assert benjamini_hochberg([0.5, 0.02, 0.01, 0.03]) == pytest.approx([0.5, 0.04, 0.04, 0.04])
    assert benjamini_hochberg([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_simes_is_a_p_value_between_the_least_and_bonferroni(pvalues: list[float]) -> None:
    combined = simes(pvalues)
    assert min(pvalues) - 1e-12 <= combined <= min(1.0, min(pvalues) * len(pvalues)) + 1e-12
    rows = simes_rows(np.array([[*pvalues, np.nan]]))
    assert rows[0] == pytest.approx(combined)


def test_simes_and_bh_keep_the_false_discovery_rate_where_sources_move_together() -> None:
    rng = np.random.default_rng(20261122)
    false = days = 0
    for _ in range(400):
        shared = rng.normal(size=(50, 1))
        z = np.sqrt(0.3) * shared + np.sqrt(0.7) * rng.normal(size=(50, 5))
        from_normal = 0.5 * np.vectorize(erfc)(z / np.sqrt(2))
        q = benjamini_hochberg(list(simes_rows(from_normal)))
        false += any(value <= DISCOVERY for value in q)
        days += 1
    assert false / days < DISCOVERY + 0.03  # two standard errors of 400 days


@pytest.mark.row("C14")
@pytest.mark.parametrize(
    ("sources", "colour"),
    [
        (["clinic"], Colour.BLUE),
        (["clinic", "pharmacy"], Colour.YELLOW),
        (["clinic", "pharmacy", "school"], Colour.ORANGE),
        (["clinic", "pharmacy", "school", "laboratory"], Colour.ORANGE),
    ],
)
def test_one_type_is_blue_two_yellow_three_orange(sources: list[str], colour: Colour) -> None:
    rows = [_row(source, crossed=True, ago=number) for number, source in enumerate(sources)]
    finding = _fuse(*rows)
    assert finding is not None
    assert finding.colour is colour


@pytest.mark.row("C14")
def test_votes_come_from_different_source_types_within_seven_days() -> None:
    twice = _fuse(
        _row("clinic", crossed=True, indicator="rash"),
        _row("clinic", crossed=True, indicator="respiratory"),
    )
    assert twice is not None
    assert twice.colour is Colour.BLUE
    late = _fuse(_row("clinic", crossed=True), _row("school", crossed=True, ago=6))
    assert late is not None
    assert late.colour is Colour.YELLOW
    too_late = _fuse(_row("clinic", crossed=True), _row("school", crossed=True, ago=7))
    assert too_late is not None
    assert too_late.colour is Colour.BLUE


@pytest.mark.row("C14")
def test_red_is_only_a_verified_cluster_of_unknown_cause() -> None:
    (finding,) = fuse([Place(area="t1", sources=(), unknown_cause_verified=True)], DAY)
    assert finding.colour is Colour.RED


def test_a_confirmed_laboratory_case_is_reported_and_no_vote() -> None:
    rows = (
        _row("clinic", crossed=True),
        _row("laboratory", 1e-6, crossed=True, indicator="notifiable_confirmed"),
    )
    finding = _fuse(*rows)
    assert finding is not None
    assert finding.colour is Colour.BLUE
    (laboratory,) = [v for v in votes(Place(area="a", sources=rows), DAY) if v.source != "clinic"]
    assert laboratory.reported
    assert laboratory.pvalue is None


def test_the_home_channel_is_off_below_thirty_people_and_half_a_voice_above() -> None:
    rows = (_row("home", 1e-9, crossed=True, indicator="fever"), _row("clinic", 0.4))
    few = votes(Place(area="a", sources=rows, home_people=HOME_PEOPLE - 1), DAY)
    assert [vote.weight for vote in few if vote.source == "home"] == [0.0]
    assert place_pvalue(few) == pytest.approx(0.4)
    enough = votes(Place(area="a", sources=rows, home_people=HOME_PEOPLE), DAY)
    assert [vote.weight for vote in enough if vote.source == "home"] == [0.5]
    assert place_pvalue(enough) == pytest.approx(1e-9 / (2 / 3) * 2)


def test_fever_at_home_joins_a_vote_and_opens_nothing_by_the_rule_alone() -> None:
    fever = _row("home", 0.2, crossed=True, indicator="fever")
    assert _fuse(fever) is None
    joined = _fuse(fever, _row("school", 0.2, crossed=True))
    assert joined is not None
    assert joined.colour is Colour.YELLOW
    assert joined.driver == "home"
    assert _fuse(_row("home", 0.2, crossed=True, indicator="systolic_160")) is not None


def test_the_statistic_speaks_where_no_source_crossed_alone_and_names_the_driver() -> None:
    finding = _fuse(_row("clinic", 0.003), _row("pharmacy", 0.004), _row("school", 0.002))
    assert finding is not None
    assert finding.driver == "school"
    assert finding.simes_p == pytest.approx(0.004)
    assert finding.q == pytest.approx(0.08)  # 20 places
    assert _fuse(_row("clinic", 0.03), _row("pharmacy", 0.04)) is None


def test_the_newest_p_value_of_each_indicator_counts() -> None:
    rows = (_row("clinic", 1e-5, ago=3), _row("clinic", 0.6, ago=1), _row("clinic", None))
    assert place_pvalue(votes(Place(area="a", sources=rows), DAY)) == pytest.approx(0.6)


def test_silence_is_no_vote_and_no_finding() -> None:
    assert fuse([Place(area="t1", sources=())], DAY) == []
    assert fuse([], DAY) == []
