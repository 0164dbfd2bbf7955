"""A link that breaks between a glucose measurement and its context."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.conversation import Conversation
from device_adapters.ble.quirks import MODELS
from device_adapters.ble.session import SessionReason, SessionSetup, SessionSummary
from rules.vocabulary import HubId, HubStamp, Observation, Vital
from tests.fakes.memory_link import MemoryLink

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TIME = bytes.fromhex("ea070b15071e00")  # 2026-11-21 07:30:00
KETONE_METER, METER = "CareSens Dual", "X"
KETONE_TEST, FASTING = 6, 3


def measured(mg_dl: int, sequence: int = 7) -> tuple[str, bytes]:
    """A record that announces its context."""
    head = b"\x12" + sequence.to_bytes(2, "little")
    return "2A18", head + TIME + (0xB000 | mg_dl).to_bytes(2, "little") + b"\x11"


def meal(code: int, sequence: int = 7) -> tuple[str, bytes]:
    return "2A34", b"\x02" + sequence.to_bytes(2, "little") + bytes([code])


@dataclass
class CutLink(MemoryLink):
    """A meter whose link breaks after `told` values of its first report."""

    told: int = 1
    conversation: Conversation | None = None

    def _report(self, request: bytes) -> None:
        del request
        for characteristic, payload in self.records[: self.told]:
            self._takers[characteristic](payload)
        assert self.conversation is not None
        self.conversation.lost()


@dataclass
class Heard:
    """A hub: sessions of one meter after each other, and what they brought."""

    model: str
    observations: list[Observation] = field(default_factory=list[Observation])
    unsettled: frozenset[bytes] = frozenset()

    async def on_observation(self, observation: Observation) -> None:
        self.observations.append(observation)

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        raise AssertionError(frame, error)

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        raise AssertionError(address, sets)

    async def on_session_end(self, summary: SessionSummary) -> None:
        raise AssertionError(summary)

    async def session(self, link: MemoryLink, *late: tuple[str, bytes]) -> SessionSummary:
        """One session; `late` arrives while it is closed."""
        link.values = {"2A24": self.model.encode(), "2A25": b"1"}
        setup = SessionSetup(
            hub=HubId("h"),
            session="s",
            address="C0:00:00:00:00:01",
            zone=UTC,
            stamps=lambda: HubStamp(boot_id="b", monotonic_s=0, wall=NOON, wall_trusted=True),
            last_unsettled=self.unsettled,
            first_wait_s=0.02,
            quiet_s=0.01,
        )
        conversation = Conversation(setup, self)
        if isinstance(link, CutLink):
            link.conversation = conversation
        summary = await conversation.run(link)
        for characteristic, payload in late:
            link._takers[characteristic](payload)  # pyright: ignore[reportPrivateUsage]
        summary = await conversation.finish(summary)
        self.unsettled = conversation.unsettled
        return summary


async def test_a_ketone_cut_off_from_its_context_is_left_to_the_next_session() -> None:
    hub, records = Heard(KETONE_METER), [measured(12), meal(KETONE_TEST)]
    summary = await hub.session(CutLink(records=records))
    assert hub.observations == []
    assert (summary.count, summary.left, summary.high_water) == (0, 1, None)
    assert summary.reason is SessionReason.LINK_LOST
    whole = await hub.session(MemoryLink(records=records))
    assert [o.kind for o in hub.observations] == [Vital.KETONE]
    assert (whole.left, whole.high_water, hub.unsettled) == (0, 7, frozenset())


async def test_a_meal_that_was_cut_off_comes_with_the_next_session() -> None:
    hub, records = Heard(METER), [measured(120), meal(FASTING)]
    await hub.session(CutLink(records=records))
    await hub.session(MemoryLink(records=records))
    assert [o.context["meal"] for o in hub.observations] == ["fasting"]


@pytest.mark.parametrize(
    ("model", "mg_dl"), [(METER, 50), (METER, 400), (METER, 301), (KETONE_METER, 400)]
)
async def test_what_may_ring_waits_for_no_other_session(model: str, mg_dl: int) -> None:
    hub = Heard(model)
    summary = await hub.session(CutLink(records=[measured(mg_dl), meal(FASTING)]))
    assert (len(hub.observations), summary.left) == (1, 0)


async def test_what_the_device_has_deleted_by_then_is_told_at_once() -> None:
    model = next(name for name, one in MODELS.items() if one.quirk.deletes_after_transfer)
    hub = Heard(model)
    summary = await hub.session(CutLink(records=[measured(120), meal(FASTING)]))
    assert (len(hub.observations), summary.left) == (1, 0)
    assert hub.observations[0].context["context_missing"] == "true"


async def test_what_is_cut_off_again_and_again_is_told_from_the_second_time_on() -> None:
    hub, records = Heard(KETONE_METER), [measured(12), meal(KETONE_TEST)]
    counts = [(await hub.session(CutLink(records=records))).count for _ in range(4)]
    assert counts == [0, 1, 1, 1]
    assert {o.context["may_be_ketone"] for o in hub.observations} == {"true"}


async def test_a_context_that_comes_while_the_session_closes_still_joins() -> None:
    hub = Heard(KETONE_METER)
    context = meal(KETONE_TEST)
    summary = await hub.session(CutLink(records=[measured(12), context]), context)
    assert [o.kind for o in hub.observations] == [Vital.KETONE]
    assert (summary.left, hub.unsettled) == (0, frozenset())


async def test_others_of_the_broken_session_are_told_and_a_lone_record_waits_for_nothing() -> None:
    hub = Heard(METER)
    plain = bytes([0x02, *measured(120, 8)[1][1:]])
    records = [measured(130), meal(FASTING), ("2A18", plain), measured(140, 9)]
    summary = await hub.session(CutLink(records=records, told=4))
    assert [o.sequence for o in hub.observations] == [7, 8]
    assert (summary.count, summary.left) == (2, 1)
