"""Who is responsible at an instant: the chain, its stand-ins, and that it never ends in nobody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.care.facts import (
    Cared,
    Days,
    Leave,
    Member,
    Part,
    Place,
    Registers,
    Shift,
    TeamPart,
    Terms,
)
from service.care.responsible import Link, Standing, owner_of, responsible
from service.permissions import Role

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 9, 10, 4, 0, tzinfo=UTC)  # 12:00 in the county
TODAY = date(2026, 9, 10)

HOMES = {
    "family": "township",
    "second": "township",
    "village": "clinic",
    "nurse": "township",
    "desk": "township",
    "night": "township",
    "county": "hospital",
    "admin": "hospital",
}
ROLES = {"county": Role.COUNTY_DUTY, "admin": Role.ADMINISTRATOR, "village": Role.VILLAGE_DOCTOR}
PLACES = {
    "clinic": Place(institution_id="clinic", level="village", parent_id="township"),
    "township": Place(institution_id="township", level="township", parent_id="hospital"),
    "hospital": Place(institution_id="hospital", level="county", parent_id=None),
}
CONTRACT = Terms(
    family_doctor="family",
    village_doctor="village",
    institution_id="township",
    team_id="team",
    days=Days(first=date(2026, 1, 1), last=date(2026, 12, 31)),
)
PERSON = Cared(terms=(CONTRACT,), home_places=("clinic", "township", "hospital"))


def member(staff_id: str) -> Member:
    return Member(
        account_id=uuid5(NAMESPACE_OID, staff_id),
        staff_id=staff_id,
        name=staff_id,
        role=ROLES.get(staff_id, Role.FAMILY_DOCTOR),
        institution_id=HOMES[staff_id],
        duty_desk=staff_id == "desk",
    )


def registers(
    reachable: Sequence[str] = tuple(HOMES),
    leaves: dict[str, tuple[Leave, ...]] | None = None,
    shifts: dict[str, tuple[Shift, ...]] | None = None,
) -> Registers:
    return Registers(
        members={staff_id: (member(staff_id),) for staff_id in reachable},
        places=PLACES,
        leaves=leaves or {},
        teams={
            "team": (
                TeamPart(staff_id="nurse", part=Part.NURSE, days=Days(first=date(2026, 1, 1))),
                TeamPart(staff_id="family", part=Part.DOCTOR, days=Days(first=date(2026, 1, 1))),
            )
        },
        shifts=shifts or {},
        desks={"township": ("desk",)} if "desk" in reachable else {},
        county_duty=("county",) if "county" in reachable else (),
        administrators=("admin",) if "admin" in reachable else (),
    )


def leave(first: int, last: int, deputy: str | None) -> Leave:
    return Leave(
        days=Days(first=TODAY + timedelta(days=first), last=TODAY + timedelta(days=last)),
        deputy=deputy,
    )


def asked(
    known: Registers, at: datetime = NOON, cared: Cared = PERSON
) -> tuple[str | None, Link | None]:
    acting = owner_of(cared, known, at, ZONE).acting
    return (acting.member.staff_id, acting.link) if acting else (None, None)


@pytest.mark.row("D15")
@pytest.mark.row("D16")
@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (registers(), ("family", Link.DOCTOR)),
        (registers(leaves={"family": (leave(0, 0, "second"),)}), ("second", Link.DEPUTY)),
        (
            registers(
                leaves={"family": (leave(-3, 3, "second"),), "second": (leave(0, 1, "night"),)}
            ),
            ("night", Link.DEPUTY),
        ),
        (registers(leaves={"family": (leave(0, 0, None),)}), ("nurse", Link.TEAM)),
        (  # each other's deputies, both off: a circle ends and the team answers
            registers(
                leaves={"family": (leave(0, 0, "second"),), "second": (leave(0, 0, "family"),)}
            ),
            ("nurse", Link.TEAM),
        ),
        (registers(["village", "desk", "county"]), ("village", Link.TEAM)),
        (registers(["desk", "county"]), ("desk", Link.DESK)),
        (
            registers(["desk", "county"], leaves={"desk": (leave(0, 0, None),)}),
            ("county", Link.COUNTY),
        ),
        (
            registers(["county"], leaves={"county": (leave(0, 0, None),)}),
            ("county", Link.LAST_RESORT),
        ),
        (registers(["admin"]), ("admin", Link.LAST_RESORT)),
        (registers([]), (None, None)),
    ],
)
def test_the_chain_goes_on_to_the_next_who_can_be_reached(
    known: Registers, expected: tuple[str | None, Link | None]
) -> None:
    assert asked(known) == expected


@pytest.mark.row("D15")
def test_a_contract_begins_and_ends_at_the_countys_midnight_and_then_the_desk_answers() -> None:
    contract = replace(CONTRACT, days=Days(first=TODAY, last=TODAY))
    person = replace(PERSON, terms=(contract,))
    begins = datetime(2026, 9, 9, 16, 0, tzinfo=UTC)  # 00:00 in the county
    instant = timedelta(microseconds=1)
    before = owner_of(person, registers(), begins - instant, ZONE)
    assert (before.acting and before.acting.member.staff_id, before.standing) == (
        "desk",
        Standing.NOT_BEGUN,
    )
    assert before.holds_until == begins
    within = owner_of(person, registers(), begins, ZONE)
    assert within.acting is not None
    assert (within.acting.member.staff_id, within.standing) == ("family", Standing.CONTRACTED)
    assert within.holds_until == begins + timedelta(days=1)
    after = owner_of(person, registers(), begins + timedelta(days=1), ZONE)
    assert (after.acting and after.acting.member.staff_id, after.standing) == (
        "desk",
        Standing.EXPIRED,
    )
    assert after.holds_until is None


@pytest.mark.row("D16")
def test_the_rota_takes_the_place_of_the_desk_for_its_hours() -> None:
    shift = Shift(staff_id="night", starts_at=NOON, ends_at=NOON + timedelta(hours=8))
    known = registers(["desk", "night", "county"], shifts={"township": (shift,)})
    nobody = replace(PERSON, terms=())
    assert asked(known, NOON - timedelta(seconds=1), nobody) == ("desk", Link.DESK)
    assert asked(known, NOON, nobody) == ("night", Link.DESK)
    assert asked(known, NOON + timedelta(hours=8), nobody) == ("desk", Link.DESK)
    first = owner_of(nobody, known, NOON - timedelta(hours=1), ZONE)
    assert (first.standing, first.holds_until) == (Standing.NONE, NOON)


def test_of_two_contracts_the_later_counts_and_a_merged_ones_only_without_an_own() -> None:
    later = replace(CONTRACT, family_doctor="second", days=Days(first=date(2026, 9, 1)))
    assert asked(registers(), cared=replace(PERSON, terms=(later, CONTRACT)))[0] == "second"
    merged = replace(later, own=False)
    assert asked(registers(), cared=replace(PERSON, terms=(merged, CONTRACT)))[0] == "family"
    over = replace(CONTRACT, days=Days(first=date(2026, 1, 1), last=date(2026, 8, 1)))
    assert asked(registers(), cared=replace(PERSON, terms=(merged, over)))[0] == "second"


@pytest.mark.row("D13")
def test_everybody_around_a_person_is_named_by_level() -> None:
    around = responsible(PERSON, registers(), NOON, ZONE)
    assert [a.member.staff_id for a in around.doctors] == ["family"]
    assert [a.member.staff_id for a in around.village] == ["village"]
    assert [a.member.staff_id for a in around.team] == ["nurse"]
    assert around.village_desk == ()
    assert [a.member.staff_id for a in around.township_desk] == ["desk"]
    assert [a.member.staff_id for a in around.county] == ["county"]
    assert [m.staff_id for m in around.administrators] == ["admin"]


@pytest.mark.row("D16")
def test_whoever_owns_the_person_is_among_those_whom_the_ladders_ask() -> None:
    off = registers(leaves={"family": (leave(0, 0, None),)})
    around = responsible(PERSON, off, NOON, ZONE)
    assert [a.member.staff_id for a in around.doctors] == ["nurse"]
    assert around.team == ()
    without_team = replace(PERSON, terms=(replace(CONTRACT, team_id=None),))
    around = responsible(without_team, off, NOON, ZONE)
    assert (around.doctors, [a.member.staff_id for a in around.village]) == ((), ["village"])


@pytest.mark.row("D13")
def test_a_referral_relation_leads_up_beside_the_tree() -> None:
    places = PLACES | {"clinic": replace(PLACES["clinic"], parent_id=None)}
    known = replace(registers(), places=places, refers_up={"clinic": ("township",)})
    person = Cared(terms=(), home_places=("clinic",))
    assert asked(known, cared=person) == ("desk", Link.DESK)


def test_everybody_around_a_person_is_named_once_the_nearest_first() -> None:
    around = responsible(PERSON, registers(), NOON, ZONE)
    names = [acting.member.staff_id for acting in around.everybody()]
    assert names == ["family", "village", "nurse", "desk", "county"]


STAFF = st.sampled_from(sorted(HOMES))
LEAVES = st.dictionaries(
    STAFF,
    st.lists(
        st.builds(leave, st.integers(-2, 2), st.integers(2, 4), st.none() | STAFF), max_size=2
    ).map(tuple),
)


@pytest.mark.row("D15")
@given(reachable=st.sets(STAFF), leaves=LEAVES, hours=st.integers(-72, 72))
def test_it_is_never_nobody_while_any_duty_or_administration_works(
    reachable: set[str], leaves: dict[str, tuple[Leave, ...]], hours: int
) -> None:
    known = registers(sorted(reachable), leaves)
    owner = owner_of(PERSON, known, NOON + timedelta(hours=hours), ZONE)
    if reachable & {"county", "admin"}:
        assert owner.acting is not None
    if owner.acting is not None:
        assert owner.acting.member.staff_id in reachable


@given(reachable=st.sets(STAFF, min_size=1), leaves=LEAVES, minutes=st.integers(0, 4 * 1440))
def test_the_answer_holds_until_it_says(
    reachable: set[str], leaves: dict[str, tuple[Leave, ...]], minutes: int
) -> None:
    known = registers(sorted(reachable), leaves)
    owner = owner_of(PERSON, known, NOON, ZONE)
    at = NOON + timedelta(minutes=minutes)
    if owner.holds_until is None or at < owner.holds_until:
        assert owner_of(PERSON, known, at, ZONE).acting == owner.acting
