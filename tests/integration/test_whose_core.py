"""A measurement of an unknown person comes to its person, once, in the real core."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
import pytest

from gateway.clock import WallClock
from gateway.core import Core
from gateway.core_settings import CoreSettings
from gateway.facts import (
    AssignFact,
    BindingFact,
    ClinicFact,
    DismissFact,
    Fact,
    ToldFact,
    TurnFact,
)
from rules.vocabulary import (
    CoincidentClocks,
    DeviceRef,
    Observation,
    Origin,
    Profile,
    SubjectRef,
)
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    HUB,
    START,
    WANG,
    Bench,
    county_bench,
    minutes,
    pressure,
)

pytestmark = pytest.mark.peer

LI = SubjectRef("s-li")
LONG = timedelta(days=400)
SHARED = DeviceRef(manufacturer="Acme", model="BP-2", serial="7")
KINDS: dict[type, str] = {
    AssignFact: "assign",
    BindingFact: "binding",
    ClinicFact: "clinic",
    DismissFact: "dismiss",
    ToldFact: "told",
    TurnFact: "turn",
}


@dataclass(slots=True)
class Town:
    """A bench with the real core at its inbox."""

    bench: Bench
    core: Core

    async def tell(self, *facts: Fact, now: datetime) -> list[str | None]:
        """What the service would append; why each was refused, None where it was applied."""
        ids = [
            await self.bench.owner.fetchval(
                "INSERT INTO core.inbox (created_at, kind, body) VALUES ($1, $2, $3)"
                " RETURNING inbox_id",
                now,
                KINDS[type(fact)],
                msgspec.json.encode(fact).decode(),
            )
            for fact in facts
        ]
        await self.core.settle(now)
        found = await self.bench.owner.fetch(
            "SELECT refused FROM core.inbox WHERE inbox_id = ANY ($1) AND applied_at IS NOT NULL"
            " ORDER BY inbox_id",
            ids,
        )
        assert len(found) == len(facts)
        return [row["refused"] for row in found]

    async def kept(self) -> list[int]:
        """Ids of what waits for somebody to say whose it is, oldest first."""
        rows = await self.bench.owner.fetch(
            "SELECT quarantine_id FROM core.quarantine WHERE settled_at IS NULL"
            " ORDER BY quarantine_id"
        )
        return [row["quarantine_id"] for row in rows]

    async def readings(self, subject: str) -> list[float]:
        """Systolic values stored for somebody, oldest first."""
        rows = await self.bench.owner.fetch(
            "SELECT systolic FROM core.observation WHERE subject = $1 ORDER BY effective_at",
            subject,
        )
        return [row["systolic"] for row in rows]

    async def alerts(self) -> list[tuple[str, str, str]]:
        """(subject, rule, stage) of every alert."""
        return [(r["subject"], r["rule_id"], r["stage"]) for r in await self.bench.alerts()]

    async def cases(self) -> list[tuple[str, str]]:
        """(subject, state) of every case."""
        rows = await self.bench.owner.fetch("SELECT subject, state FROM core.case ORDER BY 1, 2")
        return [(row["subject"], row["state"]) for row in rows]


@pytest.fixture
async def town(database: Database) -> AsyncIterator[Town]:
    """A couple, Wang and Li, with a cuff whose slot 1 is Wang's and slot 2 nobody's."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        settings = CoreSettings(dsn=database.dsn_as("hw_core"))
        core = Core(settings, WallClock(), bench.store, bench.county, bench.rules)
        await bench.tell(
            Profile(subject=LI, birth_year=1950, household="h-1", area="t-1"),
            BindingFact(device=SHARED.key, user_slot=1, subject=WANG, valid_from=START - LONG),
        )
        yield Town(bench=bench, core=core)


def shared(
    at: datetime, systolic: int, diastolic: int, *, slot: int | None, origin: Origin = Origin.LIVE
) -> Observation:
    """A reading of the couple's cuff."""
    reading = pressure(at, systolic, diastolic, device=SHARED, origin=origin)
    return replace(reading, user_slot=slot)


def assign(kept: int, subject: SubjectRef = LI, *, keep: bool = False) -> AssignFact:
    return AssignFact(quarantine_id=kept, subject=subject, by="account-1", at=START, keep=keep)


@pytest.mark.row("P8")
async def test_couple_swaps_cuff_slots_crisis(town: Town) -> None:
    """The unknown slot's crisis rings for the home at once; said to be Li's, it rings no more."""
    await town.bench.feed(shared(START, 231, 134, slot=2))
    home = [("home:h-1", "HW-02", "immediate")]
    assert await town.alerts() == home
    (kept,) = await town.kept()
    answer = START + minutes(20)
    assert await town.tell(assign(kept, keep=True), now=answer) == [None]
    assert await town.readings(LI) == [231]
    assert await town.readings(WANG) == []
    assert await town.alerts() == home, "the same reading rang twice, or its alert was unsent"
    # The episode is hers now: closing the home's alert closes it, and her next readings belong.
    assert await town.cases() == [(LI, "open")]
    await town.bench.feed(shared(START + minutes(30), 186, 112, slot=2))
    assert await town.readings(LI) == [231, 186]
    assert await town.kept() == []
    await town.bench.feed(shared(START + minutes(40), 232, 133, slot=2))
    assert await town.alerts() == [*home, (LI, "HW-02", "immediate")], "her emergency must ring"
    # And her husband's slot stays her husband's.
    await town.bench.feed(shared(START + minutes(41), 128, 80, slot=1))
    assert await town.readings(WANG) == [128]


async def test_a_wait_for_confirmation_goes_over_to_the_person(town: Town) -> None:
    await town.bench.feed(shared(START, 186, 112, slot=2))
    assert await town.alerts() == []
    (kept,) = await town.kept()
    await town.tell(assign(kept), now=START + minutes(5))
    await town.core.settle(START + minutes(14))
    assert await town.alerts() == []
    await town.core.settle(START + minutes(15))
    assert await town.alerts() == [(LI, "HW-02", "unconfirmed")]


async def test_assigned_before_the_wait_was_over_a_second_reading_confirms(town: Town) -> None:
    await town.bench.feed(shared(START, 186, 112, slot=2))
    (kept,) = await town.kept()
    await town.tell(assign(kept, keep=True), now=START + minutes(3))
    await town.bench.feed(shared(START + minutes(6), 184, 111, slot=2))
    assert await town.alerts() == [(LI, "HW-02", "confirmed")]


async def test_a_second_answer_is_refused_with_the_first_one_named(town: Town) -> None:
    await town.bench.feed(shared(START, 141, 88, slot=2))
    (kept,) = await town.kept()
    first, second = await town.tell(assign(kept), assign(kept, WANG), now=START + minutes(1))
    assert first is None
    assert second == f"quarantine_id: {kept} was assigned just before"
    (third,) = await town.tell(assign(kept, WANG), now=START + minutes(2))
    assert third == f"quarantine_id: {kept} is settled already: s-li"
    dismissal = DismissFact(quarantine_id=kept, why="test", by="b", at=START)
    assert await town.tell(dismissal, now=START + minutes(2)) == [third]
    assert (await town.readings(LI), await town.readings(WANG)) == ([141], [])


async def test_what_cannot_be_assigned_is_refused_with_a_reason(town: Town) -> None:
    numberless = replace(shared(START, 141, 88, slot=2), quantities={})
    await town.bench.feed(numberless, shared(START + minutes(1), 140, 88, slot=2))
    odd, fine = await town.kept()
    nobody = SubjectRef("s-nobody")
    why = await town.tell(assign(99_999), assign(odd), assign(fine, nobody), now=START + LONG)
    assert why == [
        "quarantine_id: 99999 is not known",
        f"quarantine_id: {odd} is not a measurement of an unknown person",
        "subject: 's-nobody' is not known",
    ]
    assert await town.kept() == [odd, fine]


async def test_a_record_stored_for_another_person_stays_theirs(town: Town) -> None:
    reading = shared(START, 141, 88, slot=2)
    await town.bench.feed(reading)
    (kept,) = await town.kept()
    await town.bench.tell(
        BindingFact(device=SHARED.key, user_slot=2, subject=WANG, valid_from=START - LONG)
    )
    await town.bench.feed(reading)  # the cuff sends its memory again, now bound
    assert await town.readings(WANG) == [141]
    (refused,) = await town.tell(assign(kept), now=START + minutes(1))
    assert refused == f"quarantine_id: {kept} is stored already: s-wang"


async def test_a_record_sent_again_after_the_answer_asks_nobody_again(town: Town) -> None:
    reading = shared(START, 231, 134, slot=2)
    await town.bench.feed(reading)
    await town.bench.feed(reading)
    first, second = await town.kept()
    await town.tell(assign(second), now=START + minutes(1))
    assert await town.kept() == [], f"copy {first} of the same record still asks"
    await town.bench.feed(replace(reading, origin=Origin.BACKLOG))
    assert await town.kept() == []
    assert len(await town.alerts()) == 1
    assert await town.readings(LI) == [231]


async def test_a_test_measurement_is_dismissed_and_confirms_nothing(town: Town) -> None:
    await town.bench.feed(shared(START, 186, 112, slot=2))
    (kept,) = await town.kept()
    dismissal = DismissFact(quarantine_id=kept, why="test", by="b", at=START)
    assert await town.tell(dismissal, now=START + minutes(2)) == [None]
    await town.bench.feed(shared(START + minutes(4), 185, 111, slot=2))
    assert await town.alerts() == [], "a dismissed measurement confirmed another"
    await town.core.settle(START + minutes(20))
    assert await town.alerts() == [("home:h-1", "HW-02", "unconfirmed")]
    assert await town.readings(LI) == []


async def test_keeping_the_slot_takes_along_what_it_has_measured_since(town: Town) -> None:
    for minute, systolic in ((0, 139), (10, 141), (20, 143)):
        await town.bench.feed(shared(START + minutes(minute), systolic, 88, slot=2))
    await town.bench.feed(shared(START + minutes(15), 120, 70, slot=3))
    _, middle, _, third_slot = await town.kept()
    await town.tell(assign(middle, keep=True), now=START + minutes(30))
    assert await town.readings(LI) == [141, 143]
    assert third_slot in await town.kept()
    assert len(await town.kept()) == 2


async def test_a_home_case_with_readings_of_two_people_stays_the_homes(town: Town) -> None:
    await town.bench.feed(shared(START, 231, 134, slot=2))
    await town.bench.feed(shared(START + minutes(5), 228, 131, slot=3))
    assert [subject for subject, *_ in await town.alerts()] == ["home:h-1", "home:h-1"]
    hers, his = await town.kept()
    await town.tell(assign(hers), now=START + minutes(10))
    assert ("home:h-1", "open") in await town.cases()
    await town.tell(assign(his, WANG), now=START + minutes(11))
    assert ("home:h-1", "open") in await town.cases()
    assert len(await town.alerts()) == 2


async def test_a_home_case_joins_the_open_case_of_its_person(town: Town) -> None:
    await town.bench.feed(shared(START, 226, 131, slot=1))
    await town.bench.feed(shared(START + minutes(5), 231, 134, slot=2))
    (kept,) = await town.kept()
    await town.tell(assign(kept, WANG), now=START + minutes(10))
    assert await town.cases() == [("home:h-1", "closed"), (WANG, "open")]
    outcome = "SELECT outcome FROM core.case WHERE subject = 'home:h-1'"
    assert await town.bench.owner.fetchval(outcome) == "assigned"
    assert len(await town.alerts()) == 2
    rests = "SELECT DISTINCT subject FROM core.taken JOIN core.case USING (case_id)"
    assert await town.bench.owner.fetchval(rests) == WANG
    spoken = "SELECT count(*) FROM core.case c JOIN core.taken t USING (case_id, rule_id)"
    spoken += " WHERE c.decided_on = t.trigger AND c.state = 'open'"
    assert await town.bench.owner.fetchval(spoken) == 1


async def clinic(town: Town) -> None:
    refused = await town.tell(ClinicFact(hub=HUB, clinic="clinic-a"), now=START - minutes(9))
    assert refused == [None]


def turn(at: datetime, subject: SubjectRef | None) -> TurnFact:
    return TurnFact(hub=HUB, subject=subject, begins_at=at)


KIOSK = DeviceRef(manufacturer="Acme", model="BP-9", serial="clinic")
OTHER = DeviceRef(manufacturer="Acme", model="BP-9", serial="clinic-2")


@pytest.mark.row("P8")
async def test_kiosk_next_person_inherits_nothing(town: Town) -> None:
    await clinic(town)
    await town.bench.feed(pressure(START - minutes(8), 120, 80, device=KIOSK))
    assert len(await town.kept()) == 1, "without a turn it is nobody's"
    await town.tell(turn(START, WANG), now=START)
    await town.bench.feed(pressure(START + minutes(1), 131, 81, device=KIOSK))
    await town.bench.feed(pressure(START + minutes(2), 132, 82, device=KIOSK))
    await town.bench.feed(pressure(START + minutes(2), 133, 83, device=OTHER))
    await town.tell(turn(START + minutes(3), LI), now=START + minutes(3))
    await town.bench.feed(pressure(START + minutes(4), 141, 91, device=KIOSK))
    assert await town.readings(WANG) == [131, 133], "one reading of each device"
    assert await town.readings(LI) == [141]
    await town.bench.feed(pressure(START + minutes(8), 142, 92, device=OTHER))
    await town.tell(turn(START + minutes(10), LI), now=START + minutes(10))
    await town.tell(turn(START + minutes(11), None), now=START + minutes(11))
    await town.bench.feed(pressure(START + minutes(12), 143, 93, device=KIOSK))
    assert await town.readings(LI) == [141], "a turn is over after five minutes, or when ended"
    assert len(await town.kept()) == 4


async def test_what_was_measured_before_a_turn_is_not_its_persons(town: Town) -> None:
    await clinic(town)
    await town.tell(turn(START, LI), now=START)
    soon = START + minutes(1)
    before = START - minutes(3)
    stored = pressure(before, 150, 90, received=soon, device=KIOSK, origin=Origin.BACKLOG)
    lone = pressure(before, 151, 91, received=soon, device=OTHER)
    slow = replace(lone, device=replace(OTHER, serial="slow"))
    assert slow.device_time is not None
    shown = slow.device_time + timedelta(minutes=1)  # at reception: its clock is 3 min behind
    paired = replace(slow, clocks=CoincidentClocks(device_time=shown, hub_time=soon))
    await town.bench.feed(stored, lone, paired)
    assert await town.readings(LI) == [151], "only the corrected clock says: in the turn"
    assert len(await town.kept()) == 2


async def test_a_clinics_hub_hears_that_somebody_knows_of_what_was_measured_there(
    town: Town,
) -> None:
    await clinic(town)
    await town.tell(turn(START, LI), now=START)
    await town.bench.feed(pressure(START + minutes(1), 231, 131, device=KIOSK))
    alert_id = await town.bench.owner.fetchval("SELECT alert_id::text FROM core.alert")
    told = ToldFact(alert_id=alert_id, household="another-home", at=START + minutes(2))
    assert await town.tell(told, now=START + minutes(2)) == [None]
    command = await town.bench.owner.fetchval(
        "SELECT body -> 'told' -> 0 ->> 'alert_id' FROM core.hub_command WHERE hub = $1", HUB
    )
    assert command == alert_id


async def test_a_turns_reading_sent_again_later_stays_its_persons(town: Town) -> None:
    await clinic(town)
    await town.tell(turn(START, LI), now=START)
    reading = pressure(START + minutes(1), 231, 131, device=KIOSK)
    await town.bench.feed(reading)
    await town.bench.feed(reading)  # the same turn: the same record
    again = replace(reading, origin=Origin.BACKLOG)
    later = replace(again.received, wall=START + minutes(30))
    await town.bench.feed(replace(again, received=later))
    assert await town.readings(LI) == [231]
    assert await town.kept() == []
    assert await town.alerts() == [(LI, "HW-02", "immediate")]


async def test_a_worn_device_at_a_clinic_is_its_wearers_and_a_home_has_no_turns(
    town: Town,
) -> None:
    refused = await town.tell(turn(START, LI), now=START)
    assert refused == [f"hub: '{HUB}' stands in no clinic"]
    await clinic(town)
    await town.tell(turn(START, LI), now=START)
    await town.bench.feed(pressure(START + minutes(1), 128, 80))
    await town.bench.feed(shared(START + minutes(2), 129, 81, slot=2))
    assert await town.readings(WANG) == [128]
    assert await town.readings(LI) == [], "somebody's own cuff, another slot: ask"


async def test_an_emergency_without_a_turn_rings_for_somebody_at_the_clinic(town: Town) -> None:
    await clinic(town)
    await town.bench.feed(pressure(START, 231, 131, device=KIOSK))
    assert await town.alerts() == [("home:h-1", "HW-02", "immediate")]
