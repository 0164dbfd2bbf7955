"""The parts of the core's bench that need neither broker nor database."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from firmware_sim.template_people import Pattern, patterns
from gateway.arrivals import Arrival, read_arrival
from gateway.sorting import Batch, counted
from rules.identity import observation_identity
from rules.vocabulary import Observation
from rules.wire import Lane
from service.lab.bench_core_peers import Consumer, Peers
from service.lab.bench_core_report import CoreReport, Stage, aims
from service.lab.bench_core_sampling import shares, stage_of
from service.lab.bench_database import Column
from service.lab.bench_people import (
    BacklogPlan,
    LivePlan,
    Town,
    backlog_packets,
    device_key,
    live_packets,
    past_packets,
    profile_of,
    read_patterns,
    write_patterns,
)
from service.lab.bench_river import RiverPerson, Series

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
TOWN = Town(people=100, people_per_hub=10, patterns=4)


@pytest.fixture(scope="module")
def four() -> list[Pattern]:
    return patterns(4, NOW - timedelta(hours=12), readings=12.0)


def published(packet: bytes) -> tuple[str, bytes]:
    """Topic and payload of one PUBLISH at QoS 1 (MQTT 3.1.1 section 3.3)."""
    assert packet[0] == 0x32
    begin = 1
    while packet[begin] & 0x80:
        begin += 1
    begin += 1
    length = int.from_bytes(packet[begin : begin + 2], "big")
    end = begin + 2 + length
    return packet[begin + 2 : end].decode(), packet[end + 2 :]


def arrivals(packets: dict[int, list[bytes]]) -> list[Arrival]:
    return [read_arrival(*published(one), NOW) for some in packets.values() for one in some]


def observations(of: list[Arrival]) -> list[Observation]:
    found = [one.content for one in of]
    assert all(isinstance(one, Observation) for one in found)
    return [one for one in found if isinstance(one, Observation)]


def test_patterns_have_as_many_readings_as_asked_and_go_on(four: list[Pattern]) -> None:
    assert len(four) == 4
    assert sum(len(one.past) for one in four) / 4 == pytest.approx(12, abs=1.5)
    for one in four:
        assert {"hypertension", "diabetes_2"} & set(one.person.diagnoses)
        assert one.past[-1].at <= NOW - timedelta(hours=12) < one.coming[0].at
        assert list(one.past) == sorted(one.past, key=lambda taken: taken.at)
    assert read_patterns(write_patterns(four)) == four


def test_a_person_is_told_apart_by_one_tag(four: list[Pattern]) -> None:
    assert device_key(17, meter=False) == "Hearth/BP-500W/p0000017-1"
    assert device_key(17, meter=True) == "Hearth/GL-200/p0000017-2"
    profile = profile_of(17, four[1])
    assert (profile.subject, profile.household) == ("s-p0000017", "h-w0000008")
    assert profile.conditions == frozenset(four[1].person.diagnoses)


def test_the_past_is_all_of_what_the_patterns_measured(four: list[Pattern]) -> None:
    of = arrivals(past_packets(TOWN, four, "e"))
    seen = observations(of)
    assert len(seen) == sum(len(one.past) for one in four)
    assert len({observation_identity(one) for one in seen}) == len(seen)
    marks = counted(Batch(arrivals=of))
    assert {mark.lane for mark in marks} == {Lane.BACKLOG}
    for done in marks.values():
        assert done == set(range(1, len(done) + 1))


def test_live_readings_are_made_when_they_are_due_by_people_of_even_numbers(
    four: list[Pattern],
) -> None:
    plan = LivePlan(hubs=range(10), rate_per_s=50.0, seconds=2.0, begins_at=NOW, seed=1)
    made = live_packets(TOWN, four, "e", plan)
    assert sum(len(packets) for packets, _ in made.values()) == 100
    assert sorted(at for _, due in made.values() for at in due) == [n / 50 for n in range(100)]
    for hub, (packets, due) in made.items():
        for packet, due_s in zip(packets, due, strict=True):
            (seen,) = observations([read_arrival(*published(packet), NOW)])
            assert seen.received.wall == NOW + timedelta(seconds=due_s)
            person = int(seen.device.serial[1:8])
            assert person % 2 == 0
            assert person in TOWN.people_of(hub)
            assert seen.hub == f"hub-v{hub:07d}"


def test_a_backlog_is_in_order_and_new_to_the_store(four: list[Pattern]) -> None:
    since = NOW - timedelta(hours=12)
    plan = BacklogPlan(hubs=(3, 4), count=60, since=since, now=NOW, seed=2)
    seen = observations(arrivals(backlog_packets(TOWN, four, "e", plan)))
    stored = observations(arrivals(past_packets(TOWN, four, "e")))
    assert Counter(one.hub for one in seen) == {"hub-v0000003": 30, "hub-v0000004": 30}
    assert {int(one.device.serial[1:8]) % 2 for one in seen} == {1}
    identities = {observation_identity(one) for one in (*seen, *stored)}
    assert len(identities) == len(seen) + len(stored)
    for hub in ("hub-v0000003", "hub-v0000004"):
        times = [one.received.wall for one in seen if one.hub == hub]
        assert times == sorted(times)
        assert since <= times[0] <= times[-1] <= NOW


def test_a_column_is_copied_with_other_tags_and_another_identity() -> None:
    plain = Column(name="systolic", type="double precision")
    assert (plain.holds("p"), plain.like("")) == ("false", "t.systolic")
    named = Column(name="subject", type="text").like("p")
    assert named == "replace(t.subject::text, t.tag_p, person.tag_p)::text"
    packed = Column(name="detail", type="bytea").like("pv")
    assert packed == (
        "decode(replace(replace(encode(t.detail, 'escape'), t.tag_p, person.tag_p),"
        " t.tag_v, person.tag_v), 'escape')"
    )
    assert Column(name="identity", type="uuid").like("") == "md5(t.identity::text || n)::uuid"


def test_a_sample_belongs_to_the_innermost_frame_that_names_a_stage() -> None:
    outer = "main (service/cli.py:80);walk (/x/gateway/pipeline.py:40)"
    decode = f"{outer};read_arrival (/x/gateway/arrivals.py:7);decode_envelope (/x/rules/wire.py:9)"
    exact = f"{outer};assess (/x/gateway/detect.py:1);evaluate (/x/rules/engine.py:2)"
    answers = f"{outer};_all_receipts (/x/gateway/core.py:3);publish (/x/paho/client.py:4)"
    assert [stage_of(one) for one in (decode, exact, answers)] == ["decode", "exact", "receipts"]
    heard = "_read (gateway/core.py:460);take (device_adapters/mqtt/stream.py:90)"
    assert stage_of(heard) == "receive from the broker"
    assert stage_of("select (selectors.py:468)") == "event loop"
    assert shares([f"{decode} 3", f"{exact} 1"]) == {"decode": 0.75, "exact": 0.25}


def test_ratios_are_of_the_core_and_leave_out_who_did_not_run() -> None:
    river = Consumer(readings_per_s=4000.0, cpu_us=100.0, live_p99_ms=None)
    peers = Peers(river=river, river_bytes_per_person=6000.0, copy_rows_per_s=80_000.0)
    assert peers.ratios(2000.0, 600.0) == {
        "throughput_to_river": 0.5,
        "throughput_to_copy": 0.025,
        "memory_of_river": 10.0,
    }
    assert any("river" in line for line in peers.lines())


def test_every_peer_has_its_line_and_its_ratios() -> None:
    ran = Consumer(readings_per_s=5000.0, cpu_us=90.0, live_p99_ms=40.0)
    every = Peers(
        mqtt=ran,
        river=ran,
        river_bytes_per_person=12_000.0,
        node_red=ran,
        node_red_bytes_per_person=9_000.0,
        copy_rows_per_s=100_000.0,
    )
    assert every.ratios(10_000.0, 600.0) == {
        "throughput_to_bare_mqtt": 2.0,
        "throughput_to_river": 2.0,
        "throughput_to_node_red": 2.0,
        "throughput_to_copy": 0.1,
        "memory_of_river": 20.0,
        "memory_of_node_red": 15.0,
    }
    text = "\n".join(every.lines())
    assert all(name in text for name in ("bare MQTT", "river objects", "Node-RED", "COPY"))


def test_each_aim_stands_beside_what_was_seen() -> None:
    stage = Stage(
        offered_per_s=1500.0,
        committed=1,
        live_p50_ms=1.0,
        live_p99_ms=80.0,
        live_max_ms=90.0,
        live_per_s=1.0,
        backlog_per_s=0.0,
        repeated=0,
        cpu_us={},
        alerts=0,
    )
    report = CoreReport(
        live_2000_p99_ms=80.0,
        catchup_readings_per_s=1_706.0,
        catchup_live_p99_ms=None,
        bytes_per_person=600.0,
        restart_s=10.1,
        filled_s=20.5,
        ratios={},
        people=30_000,
        stored=1,
        hubs=1,
        columns_bytes=594,
        first_start_s=1.0,
        database_bytes=1.0,
        live=stage,
        catchup=stage,
        stages={},
        stage_us={},
        peers=Peers(),
        memory_mb={},
        load_average=0.1,
        seconds=1.0,
    )
    said = [line.split() for line in aims(report)]
    assert [line[-1] for line in said[:5]] == ["yes", "no", "no", "yes", "no"]
    assert "offered live were 1500 a second" in aims(report)[5]


def test_the_river_peer_rings_for_a_crisis_and_for_two_high_days_of_three() -> None:
    person = RiverPerson()
    day = timedelta(days=1)
    assert not person.judge(Series.SYSTOLIC, 128.0, NOW)
    assert not person.judge(Series.SYSTOLIC, 165.0, NOW + day)
    assert not person.judge(Series.SYSTOLIC, 166.0, NOW + day)  # the same day
    assert person.judge(Series.SYSTOLIC, 167.0, NOW + 2 * day)
    assert person.judge(Series.DIASTOLIC, 121.0, NOW)
