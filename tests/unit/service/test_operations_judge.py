"""What is dark, from looks alone: no clock, no database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.pulse import Meter
from service.blind import Board, Place, Trouble, TroubleKind
from service.operations.judge import Judge
from service.permissions import Role
from service.release_settings import FLOOR
from service.store.health import Canary, CorePulse, DarkArea, Seen
from service.store.records import Account
from service.web.blind_view import blind_lines

START = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOCTOR, OTHER = UUID(int=1), UUID(int=2)


def core(at: datetime, *, broker_lost_at: datetime | None = None) -> CorePulse:
    meter = Meter(START)
    meter.broker_lost_at = broker_lost_at
    return CorePulse(
        at=at, epoch=1, holder="core", pulse=meter.pulse(people=0, waiting=0, at_s=0.0)
    )


def seen(at: datetime, **parts: object) -> Seen:
    look = Seen(core=core(at), ping_s=0.01, dark=(), canaries=())
    return replace(look, **parts)  # type: ignore[arg-type]


def dark(since: datetime, *, hubs: int = 4, silent: int = 3) -> DarkArea:
    return DarkArea(area="v-1", hubs=hubs, silent=silent, since=since)


def canary(arrived_at: datetime | None) -> Canary:
    return Canary(
        hub="hub-1",
        account_id=DOCTOR,
        every=5 * MINUTE,
        since=START,
        arrived_at=arrived_at,
        took_s=None,
    )


def kinds(judge: Judge, look: Seen, now: datetime) -> set[TroubleKind]:
    return {trouble.kind for trouble in judge.verdict(look, now).troubles}


@pytest.mark.row("L7")
def test_a_core_is_missed_after_fifteen_seconds_from_its_last_word_on() -> None:
    judge = Judge(START)
    last = START + MINUTE
    assert kinds(judge, seen(last), last + timedelta(seconds=14)) == set()
    found = judge.verdict(seen(last), last + timedelta(seconds=15)).troubles
    assert [(t.kind, t.since) for t in found] == [(TroubleKind.CORE_DOWN, last)]


def test_a_core_that_never_reported_is_missed_from_the_services_start_on() -> None:
    judge = Judge(START)
    nobody = seen(START, core=None)
    assert kinds(judge, nobody, START + timedelta(seconds=14)) == set()
    assert kinds(judge, nobody, START + timedelta(seconds=15)) == {TroubleKind.CORE_DOWN}


def test_a_lost_broker_is_the_brokers_trouble_and_not_the_cores() -> None:
    now = START + 10 * MINUTE
    lost = seen(now, core=core(now, broker_lost_at=now - timedelta(seconds=20)))
    assert kinds(Judge(START), lost, now) == {TroubleKind.BROKER_LOST}


def test_silent_hubs_are_judged_only_after_the_core_has_listened_long_enough() -> None:
    judge = Judge(START)
    now = START + 20 * MINUTE
    gone = seen(START, dark=(dark(START),))
    assert kinds(judge, gone, now) == {TroubleKind.CORE_DOWN}  # its silence, not theirs
    back = now + timedelta(seconds=2)
    verdict = judge.verdict(seen(back, dark=(dark(START),)), back)
    assert verdict.troubles == ()
    assert verdict.unjudged == {(TroubleKind.HUBS_SILENT, None)}
    later = back + 5 * MINUTE
    found = judge.verdict(seen(later, dark=(dark(START),)), later).troubles
    assert [(t.kind, t.place, t.silent, t.hubs) for t in found] == [
        (TroubleKind.HUBS_SILENT, "v-1", 3, 4)
    ]


def test_one_slow_answer_is_an_accident_and_three_are_a_trouble() -> None:
    judge = Judge(START)
    for second, expected in ((0, False), (2, False), (4, True)):
        now = START + timedelta(seconds=second)
        found = kinds(judge, seen(now, ping_s=1.5), now)
        assert (TroubleKind.DATABASE_SLOW in found) is expected
    now += timedelta(seconds=2)
    assert kinds(judge, seen(now), now) == set()


@pytest.mark.row("L4")
def test_a_canary_is_late_two_minutes_after_it_was_expected() -> None:
    judge = Judge(START)
    arrived = START + 10 * MINUTE
    for minutes, expected in ((6, set[TroubleKind]()), (7, {TroubleKind.CANARY_LATE})):
        now = arrived + minutes * MINUTE
        assert kinds(judge, seen(now, canaries=(canary(arrived),)), now) == expected
    found = judge.verdict(seen(now, canaries=(canary(arrived),)), now).troubles
    assert found[0].since == arrived + 5 * MINUTE


def test_a_service_that_was_away_itself_gives_the_canary_time() -> None:
    now = START + 60 * MINUTE
    look = seen(now, canaries=(canary(START),))
    fresh = Judge(now - MINUTE).verdict(look, now)
    assert fresh.troubles == ()
    # Neither rings nor ends what rang before.
    assert (TroubleKind.CANARY_LATE, "hub-1") in fresh.unjudged
    assert kinds(Judge(now - 7 * MINUTE), look, now) == {TroubleKind.CANARY_LATE}


def test_a_canary_of_two_days_is_judged_by_itself() -> None:
    now = START + 60 * MINUTE
    slow = replace(canary(None), hub="hub-slow", every=timedelta(days=2))
    found = Judge(START).verdict(seen(now, canaries=(slow, canary(START))), now)
    assert [t.key for t in found.troubles] == [(TroubleKind.CANARY_LATE, "hub-1")]
    assert found.unjudged == {(TroubleKind.CANARY_LATE, "hub-slow")}


def account(role: Role, account_id: UUID = DOCTOR) -> Account:
    return Account(account_id=account_id, login="x", role=role)


def board(*troubles: Trouble) -> Board:
    places = {
        area: Place(name=f"村 {area}", township="云岭镇", accounts=frozenset({DOCTOR}))
        for area in ("v-1", "v-2")
    }
    return Board(troubles=troubles, places=places)


def silent(area: str, count: int) -> Trouble:
    return Trouble(
        kind=TroubleKind.HUBS_SILENT, place=area, since=START, silent=count, hubs=count + 1
    )


@pytest.mark.row("L7")
def test_silent_hubs_are_told_to_whose_patients_live_there() -> None:
    dark_village = board(silent("v-1", 3))
    assert len(blind_lines(dark_village, account(Role.VILLAGE_DOCTOR), FLOOR)) == 1
    assert blind_lines(dark_village, account(Role.VILLAGE_DOCTOR, OTHER), FLOOR) == []
    assert len(blind_lines(dark_village, account(Role.COUNTY_DUTY, OTHER), FLOOR)) == 1
    assert len(blind_lines(dark_village, account(Role.ADMINISTRATOR, OTHER), FLOOR)) == 1
    assert blind_lines(dark_village, account(Role.PATIENT), FLOOR) == []
    assert blind_lines(dark_village, None, FLOOR) == []


@pytest.mark.row("L7")
def test_the_cdc_hears_of_townships_and_from_five_hubs_on() -> None:
    officer = account(Role.CDC_OFFICER)
    assert blind_lines(board(silent("v-1", FLOOR - 1)), officer, FLOOR) == []
    lines = blind_lines(board(silent("v-1", 2), silent("v-2", 3)), officer, FLOOR)
    assert [line.values for line in lines] == [{"place": "云岭镇"}]


def test_two_causes_with_the_same_words_are_said_once() -> None:
    both = board(
        Trouble(kind=TroubleKind.CORE_DOWN, since=START + MINUTE),
        Trouble(kind=TroubleKind.BROKER_LOST, since=START),
    )
    lines = blind_lines(both, account(Role.CDC_OFFICER), FLOOR)
    assert [line.since for line in lines] == [START]
    assert len(blind_lines(both, account(Role.FAMILY_DOCTOR), FLOOR)) == 2
