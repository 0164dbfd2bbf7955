"""What a hub one version behind sent is read as it was meant; other versions are set aside."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from gateway.arrivals import read_arrival
from gateway.clock import ManualClock, WallClock
from gateway.intake import Quarantined, effective_time
from gateway.stamps import Stamps
from rules.vocabulary import CoincidentClocks, HubId, Observation, Origin, TimeConfidence
from rules.wire import (
    READ_VERSIONS,
    WIRE_VERSION,
    Envelope,
    Lane,
    Receipt,
    WireError,
    decode_envelope,
    decode_receipt,
    encode_envelope,
    encode_receipt,
    parse_uplink_topic,
    receipt_topic,
    uplink_topic,
)
from tests.unit.gateway.observations import START, blood_pressure

CAPTURED = json.loads(
    Path(__file__).parents[2].joinpath("vectors", "wire", "version_1.json").read_text("utf-8")
)
MESSAGES: list[tuple[str, str]] = [(one["topic"], one["payload"]) for one in CAPTURED["messages"]]
ZONE = ZoneInfo("Asia/Shanghai")
HUB = HubId("hub-a")
NOW = START + timedelta(hours=1)


def published(word: str) -> list[tuple[str, str]]:
    return [one for one in MESSAGES if one[0].split("/")[2] == word]


def test_the_core_reads_this_version_and_the_one_before() -> None:
    assert READ_VERSIONS == {WIRE_VERSION, WIRE_VERSION - 1} == {1, 2}


def test_every_message_of_a_captured_hub_of_version_1_is_read() -> None:
    read = [read_arrival(topic, payload.encode(), NOW) for topic, payload in published("up")]
    places = {(one.mark.hub, one.mark.lane, one.sequence) for one in read}
    assert places == {
        *((HUB, Lane.LIVE, number) for number in (1, 2, 3)),
        *((HUB, Lane.BACKLOG, number) for number in (1, 2)),
    }
    *_, refused = sorted(read, key=lambda one: (one.mark.lane is Lane.BACKLOG, one.sequence))
    assert isinstance(refused.content, Quarantined)
    assert refused.content.field == "byte 6"
    for one in read:
        if one is not refused:
            assert isinstance(one.content, Observation)
            assert {str(q.value) for q in one.content.quantities.values()} == {"138", "88"}


def test_what_version_1_said_of_time_is_taken_as_it_was_meant() -> None:
    live = {
        parse_uplink_topic(topic)[3]: payload.encode()
        for topic, payload in published("up")
        if "/live/" in topic
    }
    seen: dict[int, Observation] = {}
    for number, payload in live.items():
        content = read_arrival(uplink_topic(*_place(payload)), payload, NOW).content
        assert isinstance(content, Observation)
        seen[number] = content
    assert seen[1].received.wall_trusted  # 1: a hub that knew the time
    assert seen[2].received.wall == NOW - timedelta(seconds=90)  # 2: one that did not
    assert not seen[3].received.wall_trusted  # 3: one that was started again since


def _place(payload: bytes) -> tuple[HubId, str, Lane, int]:
    envelope = decode_envelope(payload)
    return envelope.hub, envelope.epoch, envelope.lane, envelope.sequence


def test_a_receipt_is_octet_for_octet_what_a_hub_of_version_1_was_given() -> None:
    for topic, payload in published("receipt"):
        *_, hub, epoch, lane = topic.split("/")
        through = json.loads(payload)["through"]
        receipt = Receipt(v=1, hub=HubId(hub), epoch=epoch, lane=Lane(lane), through=through)
        assert encode_receipt(receipt) == payload.encode()
        assert receipt_topic(hub, epoch, Lane(lane)) == topic
        assert decode_receipt(payload.encode()) == receipt
        with pytest.raises(WireError, match="v: a receipt of version 2"):
            decode_receipt(payload.replace('"v":1', '"v":2').encode())


@pytest.mark.parametrize("version", [0, 3])
@pytest.mark.parametrize("word", ["observation", "refused"])
def test_another_version_is_set_aside_by_name(version: int, word: str) -> None:
    topic, payload = next(one for one in published("up") if f'"{word}"' in one[1])
    other = payload.replace('"v":1', f'"v":{version}').encode()
    content = read_arrival(topic, other, NOW).content
    assert isinstance(content, Quarantined)
    assert (content.reason.value, content.field) == ("not_ours", "v")
    assert content.detail == f"v: version {version} is not read here, 1 and 2 are"


def test_a_later_version_of_another_form_is_told_by_its_version() -> None:
    """What it looks like nobody knows today: the first missing member would mislead."""
    topic, _ = published("up")[0]
    content = read_arrival(topic, b'{"v":3,"readings":[]}', NOW).content
    assert isinstance(content, Quarantined)
    assert content.field == "v"


@pytest.mark.parametrize("version", [1, 2])
def test_each_version_keeps_to_its_published_schema(version: int) -> None:
    schema = json.loads(
        files("rules").joinpath("schemas", f"wire-{version}.json").read_text("utf-8")
    )
    sent = [json.loads(p) for _, p in published("up") if '"observation"' in p]
    assert len(sent) == 4
    for message in sent:
        jsonschema.validate({**message, "v": version}, schema)
    today = json.loads(encode_envelope(envelope(blood_pressure(1), None)))
    assert today["v"] == WIRE_VERSION


def envelope(observation: Observation, age_s: float | None) -> Envelope:
    return Envelope(
        v=WIRE_VERSION,
        hub=observation.hub,
        epoch="e",
        lane=Lane.LIVE,
        sequence=1,
        observation=observation,
        age_s=age_s,
    )


def read(payload: bytes) -> Observation:
    content = read_arrival(uplink_topic(*_place(payload)), payload, NOW).content
    assert isinstance(content, Observation)
    return content


def test_a_clock_that_was_set_since_is_outranked_by_the_age_from_version_2_on() -> None:
    """A battery clock that was 40 days ahead, believed, and then set by the network."""
    ahead = START + timedelta(days=40)
    sent = blood_pressure(1, origin=Origin.LIVE, systolic=230)
    sent = replace(
        sent,
        device_time=None,
        sequence=None,
        received=replace(sent.received, wall=ahead, wall_trusted=True),
    )
    two = encode_envelope(envelope(sent, 120.0))
    assert read(two).received.wall == NOW - timedelta(minutes=2)
    timed = effective_time(read(two), ZONE, NOW)
    assert (timed.effective_at, timed.confidence) == (
        NOW - timedelta(minutes=2),
        TimeConfidence.ARRIVAL,
    )
    one = two.replace(b'"v":2', b'"v":1')
    assert read(one).received.wall == ahead  # version 1 could not say it


def test_the_pair_of_clocks_moves_with_the_clock_of_the_hub() -> None:
    """The cuff's clock was right, the hub's 40 days ahead: the reading is of an hour ago."""
    ahead = START + timedelta(days=40)
    shown = START.astimezone(ZONE).replace(tzinfo=None)
    sent = blood_pressure(1, origin=Origin.BACKLOG)
    sent = replace(
        sent,
        device_time=shown - timedelta(hours=1),
        clocks=CoincidentClocks(device_time=shown, hub_time=ahead),
        received=replace(sent.received, wall=ahead, wall_trusted=True),
    )
    dated = read(encode_envelope(envelope(sent, (NOW - START).total_seconds())))
    timed = effective_time(dated, ZONE, NOW)
    assert (timed.effective_at, timed.confidence) == (
        START - timedelta(hours=1),
        TimeConfidence.GOOD,
    )


class SetClock(ManualClock):
    """A machine whose wall clock somebody sets; its monotonic clock goes on."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.mark.parametrize(
    ("set_by", "known", "told"),
    [
        (timedelta(minutes=-6), True, 60.0),
        (timedelta(days=20_000), True, 60.0),
        (timedelta(minutes=-4), True, None),
        (timedelta(minutes=-6), False, None),
    ],
)
def test_a_hub_tells_the_age_when_its_clock_was_set_since(
    set_by: timedelta,
    known: bool,
    told: float | None,
) -> None:
    clock = SetClock(datetime(2026, 9, 1, tzinfo=UTC))
    trusted = [True]
    stamps = Stamps(clock, lambda: trusted[0])
    stamp = stamps.now()
    clock.advance(timedelta(seconds=60))
    assert stamps.dating_age_s(stamp) is None
    clock.ahead, trusted[0] = set_by, known
    assert stamps.dating_age_s(stamp) == told
    assert stamps.dating_age_s(replace(stamp, boot_id="another")) is None
    assert stamps.dating_age_s(replace(stamp, wall_trusted=False)) == 60.0


def test_the_machines_age_goes_on_while_it_sleeps() -> None:
    uptime_s = float(Path("/proc/uptime").read_text("ascii").split()[0])
    assert abs(WallClock().monotonic() - uptime_s) < 60  # both count the sleep
