"""Signals over a real database: formed once, worked through, risen, grown; hidden if need be."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest

from service.store.records import Account
from service.surveillance.beside import Beside
from service.surveillance.counts import crossed_in_signals, put_cells
from service.surveillance.series import CountCell
from service.surveillance.showing import Sight
from service.surveillance.signal_store import Deed, NoSignalError, TownshipAnswer
from service.surveillance.signal_words import Cause, Colour, Risk, SourceEvidence, Verified
from service.surveillance.workflow import Act, State, WorkflowError
from service.surveillance.workflow_clock import FIRST_LOOK, Rung
from service.web.signal_page_view import Known, signal_page
from service.web.signal_view import signal_lines
from tests.fixtures.database import Database
from tests.integration.service_county import ZONE, County, open_county
from tests.integration.signal_county import (
    DAY,
    evidence,
    finding,
    form,
    seed_officers,
    signals_of,
)

pytestmark = [pytest.mark.peer]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_officers(opened)
        yield opened


THREE = (evidence("clinic"), evidence("pharmacy", 60), evidence("school", 33))


@pytest.mark.row("C8")
@pytest.mark.row("C20")
async def test_a_signal_is_formed_verified_by_the_township_and_closed(county: County) -> None:
    (signal_id,) = await form(county, finding(sources=THREE))
    store = signals_of(county)
    officer, township = await county.account("cdc"), await county.account("desk")
    ask = Deed(act=Act.ASK, reason="three sources", question="fever at the clinic?")
    await store.act(officer, signal_id, ask, county.now)
    county.clock.advance(timedelta(hours=3))
    (asked,) = await store.questions(township, county.now)
    assert (asked.question, asked.is_open) == ("fever at the clinic?", True)
    said = TownshipAnswer(
        finding=Verified.EVENT, cases=3, looked_at=("clinic", "school"), account="school canteen"
    )
    await store.answer(township, asked.verification_id, said, county.now)
    with pytest.raises(NoSignalError):
        await store.answer(township, asked.verification_id, said, county.now)
    for deed in (
        Deed(act=Act.CONFIRM, reason="seen"),
        Deed(act=Act.ASSESS, reason="limited", risk=Risk.MODERATE),
        Deed(act=Act.RESPOND, reason="team is there"),
        Deed(act=Act.CLOSE, reason="over"),
    ):
        county.clock.advance(timedelta(hours=1))
        await store.act(officer, signal_id, deed, county.now)
    signal = await store.signal(officer, signal_id, county.now)
    assert (signal.standing.state, signal.standing.due_at) == (State.CLOSED, None)
    what = [one.what for one in await store.history([signal])]
    assert what == ["formed", "ask", "answer", "confirm", "assess", "respond", "close"]
    (verified,) = await store.verifications([signal])
    assert (verified.answered_by, verified.cases) == ("镇值班", 3)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await county.store.pool.execute("DELETE FROM cdc.signal_event")


@pytest.mark.row("C12")
async def test_the_same_findings_again_and_the_next_day_make_no_second_signal(
    county: County,
) -> None:
    blue = finding()
    (signal_id,) = await form(county, blue)
    assert await form(county, blue) == []
    next_day = finding(day=DAY + timedelta(days=1))
    assert await form(county, next_day) == []
    later = DAY + timedelta(days=2)
    more = finding(day=later, sources=(evidence(day=later), evidence("school", 40, day=later)))
    assert await form(county, more) == [signal_id]
    officer = await county.account("cdc")
    (signal,) = await signals_of(county).signals(officer, county.now)
    assert (signal.standing.colour, signal.last_day) == (Colour.YELLOW, later)
    elsewhere = finding("t-dong", day=later)
    assert len(await form(county, elsewhere)) == 1


@pytest.mark.row("C9")
async def test_silence_takes_a_signal_up_and_an_answer_down_again(county: County) -> None:
    (signal_id,) = await form(county, finding(sources=THREE))
    store, officer = signals_of(county), await county.account("cdc")
    assert not await store.tick(county.now)
    for rung in (Rung.DUTY, Rung.PREFECTURE):
        due = await store.next_due()
        assert due is not None
        county.clock.advance(due - county.now)
        assert await store.tick(county.now)
        assert not await store.tick(county.now)
        signal = await store.signal(officer, signal_id, county.now)
        assert signal.standing.rung is rung
    await store.act(officer, signal_id, Deed(act=Act.TRIAGE, reason="looking"), county.now)
    signal = await store.signal(officer, signal_id, county.now)
    assert signal.standing.rung is Rung.OFFICERS


@pytest.mark.row("C7")
async def test_nothing_is_dismissed_while_a_source_is_still_expected(county: County) -> None:
    until = county.now + timedelta(hours=20)
    (signal_id,) = await form(county, finding(arriving_until=until))
    store, officer = signals_of(county), await county.account("cdc")
    dismiss = Deed(act=Act.DISMISS, reason="as every week", cause=Cause.CATCH_UP)
    with pytest.raises(WorkflowError, match="arriving"):
        await store.act(officer, signal_id, dismiss, county.now)
    with pytest.raises(WorkflowError, match="not_verified"):
        await store.act(officer, signal_id, Deed(act=Act.ESCALATE, reason="up"), county.now)
    county.clock.advance(timedelta(hours=20))
    after = await store.act(officer, signal_id, dismiss, county.now)
    assert after.state is State.FALSE


async def test_what_grows_after_it_was_left_waits_again_and_opens_by_itself(
    county: County,
) -> None:
    (signal_id,) = await form(county, finding())
    store, officer = signals_of(county), await county.account("cdc")
    dismiss = Deed(act=Act.DISMISS, reason="market day", cause=Cause.KNOWN_EVENT)
    await store.act(officer, signal_id, dismiss, county.now)
    same = DAY + timedelta(days=1)
    assert await form(county, finding(day=same)) == [], "no more than before"
    county.clock.advance(timedelta(days=1))
    worse = DAY + timedelta(days=2)
    grown = finding(day=worse, sources=(evidence(observed=44, day=worse),))
    assert await form(county, grown) == [signal_id]
    signal = await store.signal(officer, signal_id, county.now)
    assert signal.standing.state is State.FALSE
    assert signal.grew_at == county.now
    due = await store.next_due()
    assert due is not None
    county.clock.advance(due - county.now)
    assert await store.tick(county.now)
    signal = await store.signal(officer, signal_id, county.now)
    assert signal.standing.state is State.TRIAGED


async def test_a_dismissed_signal_without_growth_closes_by_itself_after_a_week(
    county: County,
) -> None:
    (signal_id,) = await form(county, finding())
    store, officer = signals_of(county), await county.account("cdc")
    dismiss = Deed(act=Act.DISMISS, reason="chance", cause=Cause.CHANCE)
    await store.act(officer, signal_id, dismiss, county.now)
    county.clock.advance(timedelta(days=7))
    assert await store.tick(county.now)
    signal = await store.signal(officer, signal_id, county.now)
    assert signal.standing.state is State.CLOSED


@pytest.mark.row("C10")
@pytest.mark.row("C11")
async def test_a_signal_on_small_counts_is_the_duty_officers_alone(county: County) -> None:
    small = evidence(observed=4, expected=0.5, upperbound=2.0)
    (signal_id,) = await form(county, finding(sources=(small,)))
    store = signals_of(county)
    officer, duty = await county.account("cdc"), await county.account("duty")
    assert await store.signals(officer, county.now) == []
    with pytest.raises(NoSignalError):
        await store.signal(officer, signal_id, county.now)
    with pytest.raises(NoSignalError):
        await store.act(officer, signal_id, Deed(act=Act.TRIAGE, reason="x"), county.now)
    (signal,) = await store.signals(duty, county.now)
    showing = signal.showing()
    assert showing is not None
    assert all(not one.evidence for one in showing.sources), "no number before a purpose"


@pytest.mark.row("C10")
async def test_exact_counts_need_the_duty_officer_a_purpose_and_an_open_signal(
    county: County,
) -> None:
    (signal_id,) = await form(county, finding(sources=(evidence(), evidence("school", 3))))
    store = signals_of(county)
    officer, duty = await county.account("cdc"), await county.account("duty")
    with pytest.raises(NoSignalError):
        await store.look(officer, signal_id, "curious", county.now)
    signal = await store.signal(officer, signal_id, county.now)
    showing = signal.showing()
    assert showing is not None
    assert [one.source for one in showing.sources] == ["clinic"]
    await store.look(duty, signal_id, "decide whether to send the team", county.now)
    exact = await store.signal(duty, signal_id, county.now)
    assert exact.sight is Sight.EXACT
    county.clock.advance(timedelta(minutes=30))
    assert (await store.signal(duty, signal_id, county.now)).sight is Sight.DUTY
    await store.look(duty, signal_id, "again", county.now)
    dismiss = Deed(act=Act.DISMISS, reason="chance", cause=Cause.CHANCE)
    await store.act(duty, signal_id, dismiss, county.now)
    assert (await store.signal(duty, signal_id, county.now)).sight is Sight.DUTY
    with pytest.raises(NoSignalError):
        await store.look(duty, signal_id, "after the end", county.now)
    looks = await county.owner.fetch("SELECT purpose FROM cdc.look ORDER BY look_id")
    assert [row["purpose"] for row in looks] == ["decide whether to send the team", "again"]
    logged = await county.owner.fetchval(
        "SELECT count(*) FROM care.audit WHERE action = 'read exact signal'"
    )
    assert logged >= 1


async def test_clinicians_other_townships_and_other_counties_get_nothing(county: County) -> None:
    (signal_id,) = await form(county, finding("t-dong"))
    store = signals_of(county)
    for login in ("family-a", "county", "admin"):
        assert await store.signals(await county.account(login), county.now) == []
    officer = await county.account("cdc")
    ask = Deed(act=Act.ASK, reason="r", question="q")
    await store.act(officer, signal_id, ask, county.now)
    assert await store.questions(await county.account("desk"), county.now) == []
    await county.owner.execute("UPDATE care.area SET parent_id = NULL WHERE area_id = 't-dong'")
    assert await store.signals(officer, county.now) == []


@pytest.mark.row("C15")
async def test_what_was_dismissed_again_and_again_is_watched_and_never_hidden(
    county: County,
) -> None:
    store, officer = signals_of(county), await county.account("cdc")
    day = DAY
    for _ in range(5):
        (signal_id,) = await form(county, finding(day=day, sources=(evidence(day=day),)))
        dismiss = Deed(act=Act.DISMISS, reason="late reports", cause=Cause.CATCH_UP)
        await store.act(officer, signal_id, dismiss, county.now)
        county.clock.advance(timedelta(days=8))
        day += timedelta(days=8)
    # expected 8, threshold 14: five dismissals add three tenths, 15.8
    barely = finding(day=day, sources=(evidence(observed=15, day=day),))
    assert await form(county, barely) == []
    watched = (await store.signals(officer, county.now))[0]
    assert watched.watched
    assert watched.standing.due_at is None
    assert [one.factor for one in watched.evidence] == [1.3]
    clearly = day + timedelta(days=1)
    (again,) = await form(
        county, finding(day=clearly, sources=(evidence(observed=16, day=clearly),))
    )
    assert again == watched.signal_id
    risen = await store.signal(officer, again, county.now)
    assert not risen.watched
    assert risen.standing.due_at is not None


@pytest.mark.row("C11")
@pytest.mark.row("C15")
async def test_dismissed_small_counts_move_no_threshold_that_officers_meet(county: County) -> None:
    """Of three dismissals the duty officer alone knows; the large count after them is as ever."""
    store, duty = signals_of(county), await county.account("duty")
    day = DAY
    for _ in range(3):
        small = evidence(observed=4, expected=0.5, upperbound=2.0, day=day)
        (signal_id,) = await form(county, finding(day=day, sources=(small,)))
        dismiss = Deed(act=Act.DISMISS, reason="late reports", cause=Cause.CATCH_UP)
        await store.act(duty, signal_id, dismiss, county.now)
        county.clock.advance(timedelta(days=8))
        day += timedelta(days=8)
    await form(county, finding(day=day, sources=(evidence(observed=15, day=day),)))
    (signal,) = await store.signals(await county.account("cdc"), county.now)
    assert not signal.watched
    assert [one.factor for one in signal.evidence] == [1.0]
    later = day + timedelta(days=2)
    small = evidence(observed=4, expected=0.5, upperbound=2.0, day=later)
    await form(county, finding(day=later, sources=(small,)))
    hers = (await store.signals(duty, county.now))[0]
    assert {one.observed: one.factor for one in hers.evidence} == {15: 1.0, 4: 1.1}


@pytest.mark.row("C11")
async def test_what_officers_know_of_is_merged_into_nothing_that_they_do_not(
    county: County,
) -> None:
    small = evidence(observed=3, expected=0.5, upperbound=2.0)
    (hidden,) = await form(county, finding("t-dong", (small,)))
    (known,) = await form(county, finding("t-qing"))
    store, duty = signals_of(county), await county.account("duty")
    merge = Deed(act=Act.MERGE, reason="the same", duplicate_of=hidden)
    with pytest.raises(WorkflowError, match="other"):
        await store.act(duty, known, merge, county.now)
    into = Deed(act=Act.MERGE, reason="the same", duplicate_of=known)
    assert (await store.act(duty, hidden, into, county.now)).state is State.DUPLICATE


async def test_nothing_is_merged_into_what_nobody_works_on_any_more(county: County) -> None:
    """Else a tap at eight would put a signal away under one that was dismissed or merged."""
    first, second, third = await form(county, *(finding(t) for t in ("t-dong", "t-qing", "t-lin")))
    store, officer = signals_of(county), await county.account("cdc")
    dismiss = Deed(act=Act.DISMISS, reason="fair", cause=Cause.HOLIDAY)
    await store.act(officer, first, dismiss, county.now)
    into = Deed(act=Act.MERGE, reason="the same", duplicate_of=first)
    with pytest.raises(WorkflowError, match="other"):
        await store.act(officer, second, into, county.now)
    lines = signal_lines(await store.signals(officer, county.now), [], "en", county.now, ZONE)
    offered = {line.signal_id: [one.signal_id for one in line.others] for line in lines}
    assert (offered[second], offered[third]) == ([third], [second])


async def test_drills_stand_apart_from_real_signals(county: County) -> None:
    (real,) = await form(county, finding())
    (drill,) = await form(county, finding(drill=True))
    assert real != drill
    store, officer = signals_of(county), await county.account("cdc")
    for one, into in ((real, drill), (drill, real)):
        merge = Deed(act=Act.MERGE, reason="the same", duplicate_of=into)
        with pytest.raises(WorkflowError, match="other"):
            await store.act(officer, one, merge, county.now)
    listed = await store.signals(officer, county.now)
    lines = signal_lines(listed, [], "en", county.now, ZONE)
    assert [line.others for line in lines] == [(), ()], "nor is it offered"
    dismiss = Deed(act=Act.DISMISS, reason="exercise", cause=Cause.CHANCE)
    await store.act(officer, drill, dismiss, county.now)
    county.clock.advance(timedelta(days=9))
    day = DAY + timedelta(days=9)
    (later,) = await form(county, finding(day=day, sources=(evidence(day=day),)))
    signal = await store.signal(officer, later, county.now)
    assert [one.factor for one in signal.evidence] == [1.0]


async def test_devices_that_read_differently_and_the_weather_stand_beside_a_signal(
    county: County,
) -> None:
    for kind, key in (("model", "Acme/T-1"), ("hub", "hub-of-a-home")):
        await county.owner.execute(
            "INSERT INTO core.population_finding (kind, key, quantity, since, found_on, shift,"
            " moved, homes, recorded_at) VALUES ($1, $2, 'temperature', $3, $3, 0.6, 9, 10, $4)",
            kind,
            key,
            DAY - timedelta(days=5),
            county.now,
        )
    await county.owner.execute(
        "INSERT INTO cdc.source (source_id, kind, name, delay_shares, weekdays)"
        " VALUES ('sky', 'weather', 'sky', '{1}', '{1,2,3,4,5,6,7}')"
    )
    warm = [
        CountCell(
            area="county-area",
            indicator="temperature_mean",
            day=DAY - timedelta(days=n),
            value=31.0 if n == 0 else 24.0,
        )
        for n in range(20)
    ]
    async with county.store.pool.acquire() as connection:
        await put_cells(connection, "sky", warm, county.now)
    await form(county, finding("t-dong", (evidence("home", 40),)))
    store, officer = signals_of(county), await county.account("cdc")
    (signal,) = await store.signals(officer, county.now)
    beside = await store.beside(signal, county.now)
    assert [one.key for one in beside.shifted] == ["Acme/T-1"], "a hub would be a home"
    assert beside.temperature == (31.0, 24.0)
    (line,) = signal_lines([signal], [], "en", county.now, ZONE)
    page = signal_page(
        signal,
        Known(line=line, events=(), verifications=(), provisional={}, today=DAY, beside=beside),
        "en",
    )
    assert page.beside == (
        "Devices first: Acme/T-1 (08-26) read differently than before. Check them.",
        "Weather: 31.0 °C on average on these days, 24.0 °C in the four weeks before.",
    )


@pytest.mark.row("C11")
async def test_neither_due_time_nor_growth_tells_officers_of_a_small_source(
    county: County,
) -> None:
    """Clinic and pharmacy are known; whether a school of three pupils crossed changes nothing."""
    small = evidence("school", 3, expected=0.5, upperbound=2.0)
    await form(county, finding("t-dong", THREE[:2]), finding("t-qing", (*THREE[:2], small)))
    await form(county, finding("t-dong", (*THREE[:2], small)))  # it crosses later here
    store = signals_of(county)
    seen = {one.area: one for one in await store.signals(await county.account("cdc"), county.now)}
    dong, qing = seen["t-dong"], seen["t-qing"]
    for one in (dong, qing):
        showing = one.showing()
        assert showing is not None
        assert showing.colour is Colour.YELLOW
        assert one.standing.due_at == county.now + FIRST_LOOK[Colour.YELLOW]
        assert [event.what for event in await store.history([one])] == ["formed"]
    for one in await store.signals(await county.account("duty"), county.now):
        showing = one.showing()
        assert showing is not None
        assert showing.colour is Colour.ORANGE


@pytest.mark.row("C11")
async def test_what_officers_learn_of_is_a_new_signal_whatever_was_done_before(
    county: County,
) -> None:
    """One place was worked on while its counts were small, one was not, one had none: all alike."""
    small = evidence(observed=3, expected=0.5, upperbound=2.0)
    (worked,) = await form(county, finding("t-dong", (small,)))
    await form(county, finding("t-qing", (small,)))
    store, duty = signals_of(county), await county.account("duty")
    ask = Deed(act=Act.ASK, reason="three of few", question="three with fever?")
    await store.act(duty, worked, ask, county.now)
    county.clock.advance(timedelta(days=1))
    next_day = DAY + timedelta(days=1)
    large = evidence(day=next_day)
    places = ("t-dong", "t-qing", "t-lin")
    await form(county, *(finding(area, (large,), day=next_day) for area in places))
    officer = await county.account("cdc")
    seen = {one.area: one for one in await store.signals(officer, county.now)}
    assert seen.keys() == set(places)
    told = {
        (one.standing.state, one.standing.due_at, one.known_since(ZONE), one.showing())
        for one in seen.values()
    }
    assert len(told) == 1, "nothing tells which of them began earlier"
    assert await store.verifications(list(seen.values())) == []
    # the duty officer's earlier one goes on by itself, and its question is still answered
    assert worked not in {one.signal_id for one in seen.values()}
    hidden = await store.signal(duty, worked, county.now)
    assert hidden.standing.state is State.VERIFYING
    again = DAY + timedelta(days=2)
    assert await form(county, finding("t-dong", (evidence(day=again),), day=again)) == []
    assert len(await store.signals(officer, county.now)) == len(places)


@pytest.mark.row("C10")
async def test_every_signal_shows_its_table_to_officers_as_bounds_to_the_duty_officer_whole(
    county: County,
) -> None:
    sources = (evidence(), evidence("pharmacy", 60), evidence("school", 3, upperbound=2.0))
    (signal_id,) = await form(county, finding("t-dong", sources))
    store = signals_of(county)
    officer, duty = await county.account("cdc"), await county.account("duty")

    async def table(account: Account) -> list[tuple[str, ...]]:
        signal = await store.signal(account, signal_id, county.now)
        (line,) = signal_lines([signal], [], "en", county.now, ZONE)
        known = Known(
            line=line, events=(), verifications=(), provisional={}, today=DAY, beside=Beside()
        )
        rows = signal_page(signal, known, "en").rows
        return [
            (one.source, one.observed, one.expected, one.p, "drives" if one.drives else "")
            for one in rows
        ]

    assert await table(officer) == [
        ("clinic", "≥5", "fewer", "≤0.001", "drives"),
        ("pharmacy", "≥5", "fewer", "≤0.001", ""),
    ]
    small = ("school", "<5", "fewer", "≤0.001", "")
    assert await table(duty) == [*(await table(officer)), small]
    await store.look(duty, signal_id, "decide whether to send the team", county.now)
    assert await table(duty) == [
        ("clinic", "21", "8.0", "0.0004", "drives"),
        ("pharmacy", "60", "8.0", "0.0004", ""),
        ("school", "3", "8.0", "0.0004", ""),
    ]
    assert len(await table(officer)) == 2, "another's purpose opens nothing"


@pytest.mark.row("C11")
async def test_a_release_knows_of_which_days_signals_told(county: County) -> None:
    """Home sources over their thresholds, with homes enough behind them; no exercise, no past."""
    monday = DAY - timedelta(days=DAY.weekday())

    def home(observed: int, day: date = DAY, *, backed: bool = True) -> SourceEvidence:
        one = evidence("home", observed, day=day, indicator="systolic_160")
        return replace(one, backed=backed)

    usual = home(9, DAY - timedelta(days=9))
    over_before = home(40, DAY - timedelta(days=8))
    told = replace(finding("t-dong", (home(21),)), history=(usual, over_before))
    await form(county, told, finding("t-qing", (evidence(), home(30, backed=False))))
    await form(county, finding("t-lin", (home(25),), drill=True))
    async with county.store.pool.acquire() as connection:
        week = (monday, monday + timedelta(days=7))
        assert await crossed_in_signals(connection, *week) == {("t-dong", "systolic_160"): 21}
        assert await crossed_in_signals(connection, monday - timedelta(days=14), monday) == {}
