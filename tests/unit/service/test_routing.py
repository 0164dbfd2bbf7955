"""Who is told, from the contract of today; a table of circles and the ladders they give."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary import PersonStatus, Priority
from service.alerts.priorities import PrioritiesError, routes_with
from service.alerts.routing import Because, Circle, Doubt, DutyDay, Patient, Route, route
from service.alerts.rule_routes import Post, RuleRoute
from service.care.facts import (
    Cared,
    Days,
    Leave,
    Member,
    Part,
    Place,
    Registers,
    TeamPart,
    Terms,
)
from service.care.responsible import responsible
from service.permissions import Role

TODAY = date(2026, 9, 1)
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)  # 09:00 there
NAMES = UUID(int=7)
PATIENT = Patient(person_id=UUID(int=1), account_id=None, status=PersonStatus.ALIVE)
PLACES = {
    "clinic": Place(institution_id="clinic", level="village", parent_id="township"),
    "township": Place(institution_id="township", level="township", parent_id="hospital"),
    "hospital": Place(institution_id="hospital", level="county", parent_id=None),
}


def member(staff_id: str, role: Role, place: str, *, duty_desk: bool = False) -> Member:
    return Member(
        account_id=uuid5(NAMES, staff_id),
        staff_id=staff_id,
        name=staff_id,
        role=role,
        institution_id=place,
        duty_desk=duty_desk,
    )


VILLAGE = member("village", Role.VILLAGE_DOCTOR, "clinic")
FAMILY = member("family", Role.FAMILY_DOCTOR, "township")
DESK = member("desk", Role.FAMILY_DOCTOR, "township", duty_desk=True)
COUNTY = member("county", Role.COUNTY_DUTY, "hospital", duty_desk=True)
ADMIN = member("admin", Role.ADMINISTRATOR, "hospital")
EVERYBODY = (VILLAGE, FAMILY, DESK, COUNTY, ADMIN)


def terms(valid_to: date | None = None, *, village: str | None = "village") -> Terms:
    return Terms(
        family_doctor="family",
        village_doctor=village,
        institution_id="township",
        days=Days(first=date(2026, 1, 1), last=valid_to),
    )


def circle(
    members: tuple[Member, ...] = EVERYBODY,
    contracts: tuple[Terms, ...] = (terms(),),
    patient: Patient | None = PATIENT,
    leaves: dict[str, str | None] | None = None,
) -> Circle:
    known = Days(first=TODAY, last=TODAY)
    registers = Registers(
        members={m.staff_id: (m,) for m in members},
        places=PLACES,
        leaves={s: (Leave(days=known, deputy=d),) for s, d in (leaves or {}).items()},
        desks={m.institution_id: (m.staff_id,) for m in members if m.duty_desk},
        county_duty=tuple(m.staff_id for m in members if m.role is Role.COUNTY_DUTY),
        administrators=tuple(m.staff_id for m in members if m.role is Role.ADMINISTRATOR),
    )
    cared = Cared(
        terms=contracts, home_places=("clinic", "township", "hospital"), known=patient is not None
    )
    return Circle(
        patient=patient,
        answering=responsible(cared, registers, NOW, ZONE),
        clinic=tuple(m for m in members if m.role is Role.VILLAGE_DOCTOR),
    )


def ladder(found: Route) -> list[list[str]]:
    return [[m.staff_id for m in tier.members] for tier in found.tiers]


def ask(
    priority: Priority, around: Circle, *, dated: bool = False, at: time | None = None
) -> Route:
    return route(priority=priority, dated=dated, circle=around, at=at)


@pytest.mark.parametrize(
    ("priority", "dated", "expected"),
    [
        (Priority.ROUTINE, False, [["village"], ["family"], ["desk"], ["county"]]),
        (Priority.SOON, False, [["village"], ["family"], ["desk"], ["county"]]),
        (Priority.URGENT, False, [["village", "family"], ["county"]]),
        (Priority.EMERGENCY, False, [["village", "family", "county"], ["desk"]]),
        (Priority.EMERGENCY, True, [["village"], ["family"], ["desk"], ["county"]]),
    ],
)
def test_the_ladder_of_a_contract_in_force(
    priority: Priority, dated: bool, expected: list[list[str]]
) -> None:
    assert ladder(ask(priority, circle(), dated=dated)) == expected


@pytest.mark.parametrize(
    ("contracts", "doubt"),
    [((), Doubt.NO_CONTRACT), ((terms(date(2026, 8, 31)),), Doubt.CONTRACT_EXPIRED)],
)
def test_without_a_contract_the_duty_desk_takes_the_doctors_place(
    contracts: tuple[Terms, ...], doubt: Doubt
) -> None:
    found = ask(Priority.URGENT, circle(contracts=contracts))
    assert ladder(found) == [["desk"], ["county"]]
    assert doubt in found.doubts


def test_the_last_day_of_a_contract_still_counts() -> None:
    found = ask(Priority.URGENT, circle(contracts=(terms(TODAY),)))
    assert ladder(found)[0] == ["village", "family"]
    assert found.doubts == ()


def test_of_two_contracts_in_force_the_later_one_counts() -> None:
    later = Terms(
        family_doctor="desk",
        village_doctor=None,
        institution_id="township",
        days=Days(first=date(2026, 6, 1)),
    )
    found = ask(Priority.URGENT, circle(contracts=(later, terms())))
    assert ladder(found)[0] == ["desk"]
    assert found.doubts == (Doubt.CONTRACTS_OVERLAP,), "and says so"
    same = replace(later, family_doctor="family")
    assert ask(Priority.URGENT, circle(contracts=(same, terms()))).doubts == ()


def test_a_doctor_without_an_account_is_nobody() -> None:
    found = ask(Priority.SOON, circle(members=(FAMILY, DESK, COUNTY)))
    assert ladder(found) == [[], ["family"], ["desk"], ["county"]]
    both_gone = ask(Priority.EMERGENCY, circle(members=(DESK, COUNTY)))
    assert ladder(both_gone)[0] == ["desk", "county"]


def test_somebody_in_a_home_goes_to_the_doctors_of_everybody_there() -> None:
    other = Terms(
        family_doctor="desk",
        village_doctor="village",
        institution_id="township",
        days=Days(first=date(2026, 2, 1)),
    )
    found = ask(Priority.URGENT, circle(contracts=(terms(), other), patient=None))
    assert ladder(found)[0] == ["village", "family", "desk"]
    assert found.doubts == (Doubt.UNKNOWN_PERSON,)


def test_when_nobody_else_is_left_the_administrator_is_told() -> None:
    found = ask(Priority.EMERGENCY, circle(members=(ADMIN,)))
    assert ladder(found)[-1] == ["admin"]
    assert Doubt.NOBODY_REACHABLE in found.doubts


@given(
    members=st.lists(st.sampled_from(EVERYBODY), unique=True),
    contracts=st.lists(
        st.builds(
            terms,
            st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2027, 1, 1))),
            village=st.sampled_from(["village", "gone", None]),
        ),
        max_size=3,
    ),
    priority=st.sampled_from(Priority),
    dated=st.booleans(),
    known=st.booleans(),
)
def test_whoever_is_there_somebody_is_told(
    members: list[Member],
    contracts: list[Terms],
    priority: Priority,
    *,
    dated: bool,
    known: bool,
) -> None:
    """No combination of contract, staff and priority leaves an alert without a person."""
    around = circle(tuple(members), tuple(contracts), PATIENT if known else None)
    found = ask(priority, around, dated=dated)
    reachable = {m.staff_id for tier in found.tiers for m in tier.members}
    useful = {m.staff_id for m in members} & {"desk", "county", "admin"}
    assert bool(reachable) >= bool(useful)
    for tier in found.tiers:
        assert len({m.account_id for m in tier.members}) == len(tier.members)


@pytest.mark.row("A7")
def test_a_doctor_on_leave_is_skipped_or_stood_in_for() -> None:
    nobody = ask(Priority.URGENT, circle(leaves={"family": None}))
    assert ladder(nobody) == [["village"], ["county"]]
    deputy = ask(Priority.URGENT, circle(leaves={"family": "desk"}))
    assert ladder(deputy)[0] == ["village", "desk"]
    stands_in = deputy.tiers[0].members[1]
    assert (stands_in.because, stands_in.stands_for) == (Because.DEPUTY, "family")


@pytest.mark.row("A1")
def test_an_urgent_alert_at_night_comes_to_the_duty_phone_at_the_same_moment() -> None:
    day = ask(Priority.URGENT, circle(), at=time(12, 0))
    night = ask(Priority.URGENT, circle(), at=time(2, 0))
    assert ladder(day)[0] == ["village", "family"]
    assert ladder(night)[0] == ["village", "family", "desk"]
    assert night.tiers[0].members[2].because is Because.DUTY_PHONE
    assert ladder(ask(Priority.SOON, circle(), at=time(2, 0)))[0] == ["village"]


NURSE = member("nurse", Role.FAMILY_DOCTOR, "township")
HEALTH = member("health", Role.FAMILY_DOCTOR, "township")


def with_a_team(*, village: str | None) -> Circle:
    """A contract with a team of a nurse and a public-health physician."""
    everybody = (VILLAGE, FAMILY, NURSE, HEALTH, DESK, COUNTY, ADMIN)
    registers = Registers(
        members={m.staff_id: (m,) for m in everybody},
        places=PLACES,
        leaves={},
        teams={
            "t": tuple(
                TeamPart(staff_id=one, part=part, days=Days(first=TODAY, last=None))
                for one, part in (("health", Part.PUBLIC_HEALTH), ("nurse", Part.NURSE))
            )
        },
        desks={"township": ("desk",), "hospital": ("county",)},
        county_duty=("county",),
        administrators=("admin",),
    )
    cared = Cared(
        terms=(replace(terms(village=village), team_id="t"),), home_places=("township",), known=True
    )
    return Circle(patient=PATIENT, answering=responsible(cared, registers, NOW, ZONE))


@pytest.mark.row("D13")
def test_without_a_village_doctor_what_can_wait_comes_to_the_teams_nurse_first() -> None:
    around = with_a_team(village=None)
    assert ladder(ask(Priority.SOON, around)) == [["nurse"], ["family"], ["desk"], ["county"]]
    assert ask(Priority.SOON, around).tiers[0].members[0].because is Because.TEAM
    assert ladder(ask(Priority.URGENT, around)) == [["family"], ["county"]]


@pytest.mark.row("D13")
@pytest.mark.row("A1")
@pytest.mark.parametrize(
    ("priority", "dated", "undampable", "expected"),
    [
        (
            Priority.ROUTINE,
            False,
            False,
            [["nurse"], ["village", "health"], ["family"], ["desk"], ["county"]],
        ),
        (Priority.SOON, False, True, [["village", "nurse", "health"], ["family"], ["desk"]]),
        (Priority.URGENT, False, False, [["village", "family", "nurse", "health"], ["county"]]),
        (Priority.URGENT, True, False, [["nurse"], ["village", "health"], ["family"]]),
        (Priority.EMERGENCY, False, False, [["village", "family", "county", "nurse", "health"]]),
    ],
)
def test_a_rule_adds_to_the_ladder_and_leaves_nobody_out(
    priority: Priority, dated: bool, undampable: bool, expected: list[list[str]]
) -> None:
    """First only where it may wait; where nothing moves it, together with the first rung."""
    rule = RuleRoute(first=(Post.NURSE,), also=(Post.PUBLIC_HEALTH,))
    around = with_a_team(village="village")
    found = route(priority=priority, dated=dated, circle=around, rule=rule, undampable=undampable)
    assert ladder(found)[: len(expected)] == expected
    usual = {one for rung in ladder(ask(priority, around, dated=dated)) for one in rung}
    assert usual <= {one for rung in ladder(found) for one in rung}
    named = {m.staff_id: m.because for tier in found.tiers for m in tier.members}
    assert (named["nurse"], named["health"]) == (Because.RULE, Because.RULE)


@pytest.mark.row("A7")
def test_a_rule_that_names_nobody_who_is_there_delays_nothing() -> None:
    rule = RuleRoute(first=(Post.NURSE,))
    found = route(priority=Priority.SOON, dated=False, circle=circle(), rule=rule)
    assert ladder(found) == [[], ["village"], ["family"], ["desk"], ["county"]], "passed over"


def test_a_countys_own_file_holds_instead_of_what_the_program_comes_with(tmp_path: Path) -> None:
    own = tmp_path / "routes.yaml"
    own.write_text("rule_routes: {HW-12: {also: [family_doctor]}, ZZ-01: {first: [nurse]}}\n")
    routes = routes_with(own)
    assert routes["HW-12"] == RuleRoute(also=(Post.FAMILY_DOCTOR,))
    assert routes["ZZ-01"] == RuleRoute(first=(Post.NURSE,))
    assert routes["HW-03"] == RuleRoute(also=(Post.PUBLIC_HEALTH,), answers=2), "as shipped"
    for wrong in ("rule_routes: {HW-12: {first: [porter]}}", "rules: {}", "\tnone"):
        own.write_text(wrong)
        with pytest.raises(PrioritiesError):
            routes_with(own)
    with pytest.raises(PrioritiesError):
        routes_with(tmp_path / "nowhere.yaml")


@pytest.mark.row("A7")
def test_where_the_township_has_no_desk_the_countys_duty_phone_rings_at_night() -> None:
    nobody = circle(members=(VILLAGE, FAMILY, COUNTY, ADMIN))
    night = ask(Priority.URGENT, nobody, at=time(2, 0))
    assert ladder(night)[0] == ["village", "family", "county"]
    assert night.tiers[0].members[2].because is Because.DUTY_PHONE
    assert ladder(ask(Priority.URGENT, nobody, at=time(12, 0)))[0] == ["village", "family"]


@pytest.mark.row("A1")
def test_nobodys_emergency_at_a_clinic_goes_by_area() -> None:
    """A reading on the clinic's cuff without a turn: the village doctors there, and the county."""
    found = ask(Priority.EMERGENCY, circle(contracts=(), patient=None))
    assert ladder(found)[0] == ["village", "county"]
    assert found.tiers[0].members[0].because is Because.CLINIC


def test_a_duty_day_ends_with_its_closing_minute() -> None:
    day = DutyDay(opens=time(8, 0), closes=time(17, 30))
    assert [day.holds(t) for t in (time(7, 59), time(8, 0), time(17, 29), time(17, 30))] == [
        False,
        True,
        True,
        False,
    ]
